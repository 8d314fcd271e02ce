package runbook

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"runbook/runbook/book"
)

// The answers of a person as the log writes them.
const (
	answerConfirmed = "confirmed"
	answerDeclined  = "declined"
	answerApproved  = "approved"
	answerRejected  = "rejected"
)

// maxText is the longest reason, answer or memo, in bytes.
const maxText = 4 << 10

// answer records what a person said to an ask or a tell.
func (s *Session) answer(ctx context.Context, i Intent) error {
	step := s.book.Step(i.Step)
	r := s.State()
	verb, err := s.book.Bind(step, r.Vars)
	if err == nil {
		err = checkText(i.Text)
	}
	if err == nil {
		err = s.open(ctx, r.Phase(s.book))
	}
	if err != nil {
		return err
	}
	switch v := verb.(type) {
	case book.Tell:
		return s.tell(ctx, step, v, i, r)
	case book.Ask:
		if v.Decide != nil {
			return s.decide(ctx, step, v, i.Text)
		}
		body, err := askAnswer(step, v, i)
		if err != nil {
			return err
		}
		return s.record(ctx, kindAsk, body)
	}
	return fmt.Errorf("%s asks nothing", step.ID)
}

func askAnswer(step *book.Step, v book.Ask, i Intent) (*askBody, error) {
	body := &askBody{Step: step.ID, Kind: v.Kind, Value: i.Text}
	if (i.Kind == Decline || i.Kind == Reject || i.Kind == Confirm) && strings.TrimSpace(i.Text) == "" {
		return nil, fmt.Errorf("%s %s wants words: what was seen, or why not", i.Kind, step.ID)
	}
	switch i.Kind {
	case Confirm:
		body.Answer = answerConfirmed
		if v.Form != nil {
			answers, err := v.Form.Split(i.Text)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", step.ID, err)
			}
			body.Value = v.Form.Join(answers)
			return body, nil
		}
		if want := v.Confirm.Value; want != "" && !strings.EqualFold(strings.TrimSpace(i.Text), want) {
			return nil, fmt.Errorf("%s is confirmed with the value it asks for: %q", step.ID, want)
		}
	case Decline:
		body.Answer = answerDeclined
	case Approve:
		body.Answer, body.Role = answerApproved, v.Approve.Role
	case Reject:
		body.Answer, body.Role = answerRejected, v.Approve.Role
	}
	return body, nil
}

func (s *Session) decide(ctx context.Context, step *book.Step, v book.Ask, choice string) error {
	if !slices.Contains(v.Decide.Choices, choice) {
		return fmt.Errorf("%s takes one of: %s", step.ID, strings.Join(v.Decide.Choices, ", "))
	}
	if err := s.decided(ctx, step, choice, ""); err != nil {
		return err
	}
	return s.choose(ctx) // one of them may have hung on it
}

// decided records a choice. by is empty for a person's.
func (s *Session) decided(ctx context.Context, step *book.Step, choice, by string) error {
	v, _ := step.Verb.(book.Ask)
	if by == "" || s.State().Vars[v.Decide.Var] != choice { // a run begins with what its target chooses
		if err := s.record(ctx, kindVar, &varBody{Name: v.Decide.Var, Value: choice}); err != nil {
			return err
		}
	}
	return s.record(ctx, kindAsk, &askBody{Step: step.ID, Kind: v.Kind, Answer: choice, By: by})
}

// setAside records what is not done as the book has it: accepted, skipped, not
// applicable, done by hand; and memos. Each says why.
func (s *Session) setAside(ctx context.Context, i Intent) error {
	if err := checkText(i.Text); err != nil {
		return err
	}
	if strings.TrimSpace(i.Text) == "" {
		return fmt.Errorf("%s wants a reason", strings.TrimSpace(i.Kind+" "+i.Step))
	}
	if i.Kind == Memo {
		return s.record(ctx, kindNote, &noteBody{Text: i.Text})
	}
	r := s.State()
	if err := s.open(ctx, r.Phase(s.book)); err != nil {
		return err
	}
	step := s.book.Step(i.Step)
	was := r.Step(step).State.String()
	switch i.Kind {
	case Accept:
		return s.record(ctx, kindAccept, &reasonBody{Step: step.ID, Reason: i.Text, Was: was})
	case ByHandIt:
		if err := s.record(ctx, kindByHand, &byHandBody{Step: step.ID, Who: i.Text}); err != nil || step.Verify == "" {
			return err
		}
		return s.verify(ctx, step)
	}
	return s.record(ctx, kindSkip, &reasonBody{Step: step.ID, Reason: i.Text, Was: was, NA: i.Kind == NA})
}

// checkText refuses what would not survive the log as it was typed.
func checkText(text string) error {
	switch {
	case len(text) > maxText:
		return fmt.Errorf("that text has %d bytes; at most %d are kept: shorten it", len(text), maxText)
	case !utf8.ValidString(text):
		return errors.New("that text is not UTF-8: type it again")
	}
	return nil
}
