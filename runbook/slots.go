package runbook

import (
	"context"
	"errors"
	"time"

	"runbook/runbook/book"
	"runbook/runbook/journal"
	"runbook/steps"
)

// ResumeSlots makes a session that can do nothing but measure the slots that
// are due: for a timer, by the key that a person has delegated for it. It holds
// the run as a driver does, and writes into watch.jsonl. Errors are those of
// Resume, and journal.ErrNoDelegation: then slots need a session of the log.
func ResumeSlots(dir string, world *steps.World, o journal.Options) (*Session, error) {
	if err := Owned(dir); err != nil {
		return nil, err
	}
	b, t, err := ReadCopies(dir)
	if err != nil {
		return nil, err
	}
	w, err := journal.OpenWatch(dir, o)
	if err != nil {
		return nil, err
	}
	r, err := foldHeld(dir, b, t, world, o.Signers)
	if err != nil {
		return nil, errors.Join(err, w.Close())
	}
	s := newSession(b, t, world, nil, r)
	s.slots = w
	go s.attend()
	return s, nil
}

// foldHeld is the state of a run that this process holds now: what was written
// until it was taken counts.
func foldHeld(dir string, b *book.Book, t *book.Target, world *steps.World, who journal.Signers) (*Run, error) {
	entries, err := journal.Read(dir)
	if err != nil && !errors.Is(err, journal.ErrTorn) {
		return nil, err
	}
	if err := resumable(dir, b, t, world, entries); err != nil {
		return nil, err
	}
	r, err := fold(b, dir, entries, who)
	if err != nil {
		return nil, err
	}
	_ = r.laySlots(b) // what is wrong with watch.jsonl stops nobody here: verify and status tell it
	return r, nil
}

// laySlots lays what timers measured over the log, as far as the log itself
// has not done so. The error says what is wrong with watch.jsonl behind that.
func (r *Run) laySlots(b *book.Book) error {
	slots, err := journal.ReadWatch(r.Dir)
	if len(slots) > len(r.slots) {
		r.slots = slots
	}
	return errors.Join(err, r.lay(b, len(r.slots)))
}

// Measured is a copy of the run in which the slots of timers lie that the log is
// not committed to yet. What is wrong with watch.jsonl the verifier tells.
func (r *Run) Measured(b *book.Book) *Run {
	all := r.clone()
	_ = all.laySlots(b)
	return all
}

// lay folds in the slots of timers up to the n-th line. They were measured
// while nobody drove, so each belongs behind all that the log held then.
func (r *Run) lay(b *book.Book, n int) error {
	for ; r.laid < min(n, len(r.slots)); r.laid++ {
		e := r.slots[r.laid]
		if e.Kind != journal.KindSlot && e.Kind != journal.KindGap {
			continue
		}
		e.N = r.Entries // intents know the entries of the log
		if err := foldWatch(r, b, e); err != nil {
			return err
		}
	}
	return nil
}

// foldAnchor lays over the log the slots to which it is committed here.
func foldAnchor(r *Run, b *book.Book, e journal.Entry) error {
	body, err := decode[struct {
		Of string `json:"of"`
		N  int    `json:"n"`
	}](e)
	if err != nil || body.Of != "watch" {
		return err
	}
	if len(r.slots) < body.N {
		r.slots, _ = journal.ReadWatch(r.Dir) // what is lost of it the verifier tells
	}
	return r.lay(b, body.N)
}

// commits are the kinds before which the log is committed to the slots of
// timers: they close something.
var commits = map[string]bool{kindPhaseClose: true, kindRunEnd: true}

// put appends one entry where this session writes.
func (s *Session) put(ctx context.Context, kind string, body any) (journal.Entry, error) {
	if s.slots != nil {
		if w, ok := body.(*watchBody); ok && w.Slot > 0 {
			kind = journal.KindSlot
			if w.Gap {
				kind = journal.KindGap
			}
		}
		return s.slots.Append(ctx, kind, body)
	}
	if commits[kind] {
		if err := s.commitSlots(ctx); err != nil {
			return journal.Entry{}, err
		}
	}
	return s.log.Append(ctx, kind, body)
}

// commitSlots commits the log to the slots of timers. The caller holds
// s.writing.
func (s *Session) commitSlots(ctx context.Context) error {
	e, written, err := s.log.AnchorWatch(ctx)
	if err != nil || !written {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.run.apply(s.book, e)
}

// late is how long after its last slot a timer of a watch may at least come.
const late = time.Hour

// delegate has the driver's key let a timer measure the watches of a phase that
// run: until their last slot is over. Nobody's signature is asked for in a
// recovery; without one slots need a session.
func (s *Session) delegate(ctx context.Context, p *book.Phase) error {
	if s.recovers(kindWatch) {
		return nil
	}
	r := s.State()
	var watches []string
	var last time.Time
	for _, step := range p.Steps {
		w, ok := step.Verb.(book.Watch)
		st := r.Step(step)
		if !ok || st.State != Running {
			continue
		}
		watches = append(watches, step.ID)
		if over := w.Due(st.Began, w.Slots()).Add(max(w.Every.D(), late)); over.After(last) {
			last = over
		}
	}
	signed, err := s.log.SignDelegation(time.Now().Add(last.Sub(s.world.Clock.Now())), watches) // a person may have to touch a key: nothing waits for it
	if err == nil {
		err = s.delegated(context.WithoutCancel(ctx), signed)
	}
	if errors.Is(err, journal.ErrNoDelegation) {
		return nil
	}
	return err
}

// delegated writes down what the driver's key has signed, unless nothing is left
// of what it was for.
func (s *Session) delegated(ctx context.Context, signed journal.SignedDelegation) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	defer s.signal()
	if reads := s.Reads(); reads != nil {
		return reads
	}
	if over := s.State().NextSlot(s.book).IsZero(); over || s.recovers(kindWatch) {
		return nil
	}
	if err := errors.Join(s.flush(ctx), s.commitSlots(ctx)); err != nil {
		return err
	}
	e, err := s.log.Delegate(ctx, signed)
	if e.N > 0 {
		s.mu.Lock()
		defer s.mu.Unlock()
		err = errors.Join(err, s.run.apply(s.book, e))
	}
	return err
}

// retire takes the key of a timer off the disk when no watch runs any more.
func (s *Session) retire(kind string) {
	switch kind {
	case kindWatch, kindSkip, kindAccept, kindPhaseClose, kindRollbackStart, kindRunEnd:
		if s.run.NextSlot(s.book).IsZero() || !s.run.Ended.IsZero() {
			_ = journal.Undelegate(s.run.Dir) // its time ends in any case
		}
	}
}
