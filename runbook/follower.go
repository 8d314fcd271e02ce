package runbook

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"time"

	"runbook/runbook/book"
	"runbook/runbook/durable"
	"runbook/runbook/journal"
	"runbook/steps"
)

// followPace is how often the log is looked at: a stat or two, and a read of
// what is new.
const followPace = 250 * time.Millisecond

// follower reads a run along while somebody else drives it. It creates and
// locks nothing.
type follower struct {
	book *book.Book
	log  *journal.Reader
	base *Run  // the fold of the log
	size int64 // of watch.jsonl, as far as it was read
	stop chan struct{}
	once sync.Once

	handed time.Time // when it was handed over: who asked for it takes it any moment

	mu     sync.Mutex
	run    *Run // with what the directories of commands know better
	driven bool // somebody holds the lock
	err    error
}

func newFollower(dir string, b *book.Book, who journal.Signers) *follower {
	return &follower{book: b, log: journal.NewReader(dir), base: newRun(dir, who), stop: make(chan struct{})}
}

// follow looks again and again, and calls changed when something moved.
func (f *follower) follow(changed func()) {
	tick := time.NewTicker(followPace)
	defer tick.Stop()
	for {
		select {
		case <-f.stop:
			return
		case <-tick.C:
			if f.look() {
				changed()
			}
		}
	}
}

func (f *follower) close() { f.once.Do(func() { close(f.stop) }) }

// look reads what is new, and reports whether the run stands differently now.
func (f *follower) look() (moved bool) {
	entries, anew, err := f.log.More()
	if anew {
		f.base = newRun(f.base.Dir, f.base.signers)
		f.size = 0
	}
	for _, e := range entries {
		foldErr := f.base.apply(f.book, e)
		if unknown := new(ErrUnknownKind); errors.As(foldErr, &unknown) {
			f.base.Entries, f.base.Head = e.N, e.Head // read on: only driving needs to know every kind
		}
		err = errors.Join(err, foldErr)
	}
	measured, slotsErr := f.measured()
	err = errors.Join(err, slotsErr)
	driven, lockErr := durable.Locked(filepath.Join(f.base.Dir, "lock"))
	driven = driven || time.Since(f.handed) < patience
	f.mu.Lock()
	defer f.mu.Unlock()
	if lockErr == nil && driven != f.driven {
		f.driven, moved = driven, true
	}
	if err != nil && f.err == nil {
		f.err, moved = err, true
	}
	if f.run != nil && len(entries) == 0 && !measured && !f.base.unsettled() {
		return moved
	}
	was := f.run
	f.run = f.base.clone()
	f.err = errors.Join(f.err, f.run.lay(f.book, len(f.run.slots)))
	f.run.overlay(f.book)
	return moved || measured || was == nil || len(entries) > 0 || !sameStates(was, f.run)
}

// measured reads what timers have measured since the last look, if they have.
func (f *follower) measured() (moved bool, err error) {
	info, err := os.Stat(filepath.Join(f.base.Dir, journal.WatchFile))
	if err != nil || info.Size() == f.size {
		return false, nil //nolint:nilerr // there is none, or it can't be looked at now
	}
	slots, err := journal.ReadWatch(f.base.Dir)
	if errors.Is(err, journal.ErrTorn) {
		err = nil // a line on its way
	}
	f.size, f.base.slots = info.Size(), slots
	return true, err
}

// unsettled reports whether the directory of a command may know more than the
// log.
func (r *Run) unsettled() bool {
	for _, st := range r.Steps {
		if st.State == Unknown && st.verdictKey != "" && st.Result == nil {
			return true
		}
	}
	return false
}

func sameStates(a, b *Run) bool {
	for id, st := range b.Steps {
		if was := a.Steps[id]; was == nil || was.State != st.State {
			return false
		}
	}
	return true
}

// state is a snapshot of the run as it is read.
func (f *follower) state() *Run {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.run.clone()
}

// reads says who drives.
func (f *follower) reads() *ReadsError {
	f.mu.Lock()
	defer f.mu.Unlock()
	e := &ReadsError{Run: f.run.Short(), Err: f.err}
	if f.driven {
		e.Driver = who(map[string]string{"user": f.run.Operator, "tty": f.run.Terminal})
	}
	return e
}

// Follow reads the run in dir along, by a clock for its waits. Such a session
// creates and locks nothing, and answers every intent with a *ReadsError.
func Follow(dir string, clock steps.Clock) (*Session, error) {
	return follow(dir, clock, journal.Signers{})
}

func follow(dir string, clock steps.Clock, who journal.Signers) (*Session, error) {
	b, t, err := ReadCopies(dir)
	if err != nil {
		return nil, err
	}
	f := newFollower(dir, b, who)
	if f.look(); f.run.Started.IsZero() {
		return nil, errors.Join(f.err, errNeverBegan(dir))
	}
	s := newSession(b, t, &steps.World{Name: t.Name, Clock: clock}, nil, f.state())
	s.readAlong(f)
	return s, nil
}

// lastWritten is when a file was last written, the zero time if it is not
// there.
func lastWritten(path string) time.Time {
	info, err := os.Stat(path)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}
