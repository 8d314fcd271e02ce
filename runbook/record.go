package runbook

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"runbook/runbook/journal"
)

// answered are the kinds of entry that stand on a person's answer: a rehearsal
// marks these. What a machine measured it measured in a rehearsal too.
var answered = map[string]bool{
	kindRunIntent: true, kindRunResult: true, kindAsk: true, kindTell: true, kindVar: true, kindSkip: true,
	kindTellIntent: true, kindTellResult: true,
	kindAccept: true, kindByHand: true, kindRollbackStart: true, kindRunEnd: true,
}

// record makes an entry durable and folds it in. In a recovery a log that
// can't be written stops nobody: the entry waits, the screen says so, and the
// next record tries again.
func (s *Session) record(ctx context.Context, kind string, body marked) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	defer s.signal()
	if reads := s.Reads(); reads != nil {
		return reads // it was handed over meanwhile
	}
	body.set(s.rehearse && answered[kind], s.vtime())
	e, err := s.write(context.WithoutCancel(ctx), kind, body)
	if errors.Is(err, journal.ErrNotRecorded) && s.recovers(kind) {
		e, err = s.postpone(kind, body)
	}
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.retire(kind)
	if s.slots != nil {
		s.run.slots = append(s.run.slots, e)
		return s.run.lay(s.book, len(s.run.slots))
	}
	return s.run.apply(s.book, e)
}

// vtime is the practice world's time, empty on a real target.
func (s *Session) vtime() string {
	if s.world.Practice == nil {
		return ""
	}
	return stamp(s.world.Clock.Now())
}

// write appends what is late, and then the entry. What was late is folded in
// already.
func (s *Session) write(ctx context.Context, kind string, body any) (journal.Entry, error) {
	if err := s.flush(ctx); err != nil {
		return journal.Entry{}, err
	}
	return s.put(ctx, kind, body)
}

// flush appends what is late. The caller holds s.writing.
func (s *Session) flush(ctx context.Context) error {
	for {
		s.mu.Lock()
		waiting := s.late
		s.mu.Unlock()
		if len(waiting) == 0 {
			return nil
		}
		if _, err := s.put(ctx, waiting[0].kind, waiting[0].body); err != nil {
			return err
		}
		s.mu.Lock()
		s.late = s.late[1:]
		s.mu.Unlock()
	}
}

// latePace is how often what is late is tried again.
const latePace = time.Second

// catchUp writes what is late as soon as there is room.
func (s *Session) catchUp() {
	for late := true; late && pause(s.driving, latePace) == nil; {
		late = s.lastWords() != nil
	}
	s.signal()
}

// lastWords writes what is late, unless somebody else drives by now.
func (s *Session) lastWords() error {
	s.writing.Lock()
	defer s.writing.Unlock()
	if s.Reads() != nil {
		return nil
	}
	return s.flush(context.WithoutCancel(s.driving))
}

// recovers reports whether an entry belongs to a recovery, which no log may
// stop.
func (s *Session) recovers(kind string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.run.Plan != "" || s.run.Mode == ModeRollback || kind == kindRollbackStart
}

// postpone keeps an entry for later and answers it as it will be.
func (s *Session) postpone(kind string, body marked) (journal.Entry, error) {
	data, err := json.Marshal(body)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.late = append(s.late, lateEntry{kind, body})
	if len(s.late) == 1 && s.driving.Err() == nil {
		s.looks.Go(s.catchUp)
	}
	return journal.Entry{N: s.run.Entries + 1, Time: time.Now(), Kind: kind, Body: data, Head: s.run.Head}, err
}
