package runbook

import (
	"context"
	"fmt"

	"runbook/runbook/book"
	"runbook/runbook/journal"
)

// MessageDigest stands for a message as it is shown. An intent to send carries
// it, so that nothing else is sent.
func MessageDigest(v book.Tell) string { return sha(v.Message.To + "\x00" + v.Message.Text) }

// HeadLine is where a log stands, as it is posted: whoever verifies the log finds
// it in any text.
func HeadLine(run string, n uint64, head string) string {
	return "run " + run[:min(8, len(run))] + " head " + journal.HeadCode(n, head)
}

// Message is a tell as it is shown and sent: under the text stands how far the
// log was when it was shown. Others hold with it that nothing of that is taken
// back.
func (s *Session) Message(step *book.Step) (book.Tell, error) {
	r := s.State()
	verb, err := s.book.Bind(step, r.Vars)
	v, ok := verb.(book.Tell)
	if err != nil || !ok {
		return v, err
	}
	n, head := s.Head()
	line := HeadLine(r.ID, n, head)
	s.mu.Lock()
	s.posted[step.ID] = line
	s.mu.Unlock()
	return under(v, line), nil
}

func under(v book.Tell, line string) book.Tell {
	if v.Sender != nil {
		v.Sender = v.Sender.Under(line)
		shown := v.Sender.Shown()
		v.Message = &shown
		return v
	}
	message := v.Message.Under(line)
	v.Message = &message
	return v
}

// asShown is a tell with the line under it that was shown, if it was.
func (s *Session) asShown(step *book.Step, v book.Tell) book.Tell {
	n, head := s.Head()
	s.mu.Lock()
	defer s.mu.Unlock()
	if line := s.posted[step.ID]; line != "" {
		return under(v, line)
	}
	return under(v, HeadLine(s.run.ID, n, head))
}

// tell records that a person carried a message, or sends it.
func (s *Session) tell(ctx context.Context, step *book.Step, v book.Tell, i Intent, r *Run) error {
	v = s.asShown(step, v)
	if v.Sender == nil || i.Kind == Confirm {
		return s.record(ctx, kindTell, &tellBody{Step: step.ID, To: v.Message.To, SHA256: sha(v.Message.Text), Via: "copied"})
	}
	if i.Text != "" && i.Text != MessageDigest(v) {
		return fmt.Errorf("%w: what would be sent is no longer what was shown", ErrStale)
	}
	attempt := r.Step(step).Attempt + 1
	sending, done := s.begin(ctx, step.ID)
	defer done()
	err := s.record(ctx, kindTellIntent, &tellIntentBody{
		Step: step.ID, Attempt: attempt, To: v.Message.To, SHA256: sha(v.Message.Text), Via: v.Kind,
	})
	if err != nil {
		return err // nothing was sent
	}
	result := v.Sender.Send(sending, s.world)
	return s.record(ctx, kindTellResult, &tellResultBody{
		Step: step.ID, Attempt: attempt, To: v.Message.To, Via: v.Kind, resultBody: bodyOf(result),
	})
}

func foldTell(r *Run, _ *book.Book, e journal.Entry) error {
	body, err := decode[tellBody](e)
	st := r.touch(body.Step, e, body.mark)
	st.State, st.Answer, st.Reason, st.Result = Confirmed, "told "+body.To, "", nil
	return err
}

func foldTellIntent(r *Run, _ *book.Book, e journal.Entry) error {
	body, err := decode[tellIntentBody](e)
	st := r.touch(body.Step, e, body.mark)
	st.Attempt, st.Result, st.Answer = body.Attempt, nil, ""
	// Nobody has seen what came of it: unknown until its result is in the log.
	st.State, st.Reason = Unknown, "it was being sent to "+body.To+", and whether it arrived was not seen"
	return err
}

func foldTellResult(r *Run, _ *book.Book, e journal.Entry) error {
	body, err := decode[tellResultBody](e)
	if known := r.Steps[body.Step]; known == nil || known.Attempt != body.Attempt {
		return err // of an attempt that a newer one has replaced
	}
	st := r.touch(body.Step, e, body.mark)
	st.Result = body.result(e.Time)
	st.Took = st.Result.Took
	switch st.State = StateOf(body.Verdict); st.State {
	case Passed:
		st.State, st.Reason, st.Answer = Confirmed, "", "told "+body.To+" by "+body.Via
	case Failed:
		st.Reason = "not sent: " + body.Reason
	default:
		st.Reason = body.Reason
	}
	return err
}
