package runbook

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"runbook/runbook/book"
	"runbook/runbook/durable"
	"runbook/runbook/journal"
	"runbook/steps"
	"runbook/steps/supervise"
)

// Session drives one run: it holds every intent against the state, makes what
// will act durable, lets it act, and makes its result durable. It owns the
// run's log until it is closed or hands it over: then, or from the start, it
// reads along. All its methods may be called at the same time.
type Session struct {
	book   *book.Book
	target *book.Target
	world  *steps.World
	log    *journal.Log
	slots  *journal.Watch // of a timer, which has no log

	rehearse bool
	changed  chan struct{} // holds one token when the state moved

	driving context.Context // ends when it no longer drives
	drop    context.CancelFunc

	starting sync.RWMutex // a command is read-locked from its intent to its start
	writing  sync.Mutex   // held while an entry is written and folded in: entries fold in their order
	looks    sync.WaitGroup

	recorder supervise.Recorder // starts commands, and outlives us with them

	mu       sync.Mutex
	run      *Run
	active   map[string]*active    // steps that are being executed
	claimed  map[string]bool       // steps that an intent works on
	posted   map[string]string     // what stands under the message that was shown last, by step
	late     []lateEntry           // what a recovery could not write down yet
	company  map[string]*companion // what looks at a command, by step
	follower *follower             // of a session that reads along

	identity   journal.Identity // that signs the session; nil: noIdentity says why
	noIdentity string
	keys       Keys // that roles are signed with: see Signs

	size func() (rows, cols uint16)        // of the driver's terminal: see Sized
	past func() map[string][]time.Duration // of commands, by step: see Usual
}

// active is a step while it is executed.
type active struct {
	began   time.Time
	process *supervise.Process // of a command, from its start on
	hosts   *fleet             // of a command on hosts
	stop    context.CancelFunc // of a look, and of a command not yet started
}

type lateEntry struct {
	kind string
	body marked
}

// StartOptions is what a new run is made of. Book and target bytes are copied
// into the run's directory; nothing else is executed from then on.
type StartOptions struct {
	Runs     string // the directory of runs
	Book     *book.Book
	Target   *book.Target
	World    *steps.World
	Vars     map[string]string // resolved
	Mode     string
	Of       string   // the run that a rollback undoes
	Ran      []string // and the steps that changed the target there: Changed
	Rehearse bool
	Log      journal.Options
}

// Start makes a new run and writes its first entry.
func Start(ctx context.Context, o StartOptions) (*Session, error) {
	if o.Rehearse && o.World.Practice == nil {
		return nil, errRehearseReal
	}
	if unmet := o.Target.Unmet(o.Vars); len(unmet) > 0 && o.Mode != ModeRollback {
		return nil, &DemandError{Target: o.Target.Name, Demand: unmet[0], Value: o.Vars[unmet[0].Name]}
	}
	o.Book = o.Book.On(o.Target)
	if o.Log.Run == "" {
		o.Log.Run = newRunID()
	}
	dir := filepath.Join(o.Runs, time.Now().UTC().Format("20060102T150405Z")+"-"+o.Book.Name+"-"+o.Log.Run[:8])
	if err := durable.MkdirAll(filepath.Join(dir, "steps"), durable.DirMode(o.Runs)); err != nil {
		return nil, fmt.Errorf("make the run's directory: %w", err)
	}
	o.Log.World = worldKind(o.World)
	log, err := furnish(dir, o)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir)) // a run that never began leaves nothing
	}
	entries, err := journal.Read(dir)
	if err != nil {
		return nil, errors.Join(err, log.Close())
	}
	r, err := Fold(o.Book, dir, entries)
	if err != nil {
		return nil, errors.Join(err, log.Close())
	}
	s := newSession(o.Book, o.Target, o.World, log, r)
	s.rehearse, s.identity, s.noIdentity = o.Rehearse, o.Log.Identity, o.Log.NoIdentity
	start := &runStartBody{
		Book: o.Book.Name, BookFile: o.Book.File, BookSHA: o.Book.SHA256,
		Target: o.Target.Name, TargetFile: o.Target.File, TargetSHA: o.Target.SHA256,
		Mode: o.Mode, World: o.Log.World, PracticeID: practiceID(o.World), Of: o.Of, Ran: o.Ran, Vars: o.Vars,
		Guard: o.Target.Guard, Demands: demanded(o.Target, o.Vars),
	}
	if o.Mode == ModeDeploy {
		start.Signoffs = Required(o.Book)
	}
	if err = s.record(ctx, kindRunStart, start); err == nil {
		err = s.choose(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, log.Close())
	}
	go s.attend()
	return s, nil
}

// demanded names the vars that the target demands and the run was given: a
// recovery goes without.
func demanded(t *book.Target, vars map[string]string) []string {
	var given []string
	for _, d := range t.Require {
		if vars[d.Name] != "" {
			given = append(given, d.Name)
		}
	}
	return given
}

// furnish puts into a new run's directory what it executes, and begins its log.
func furnish(dir string, o StartOptions) (*journal.Log, error) {
	for name, data := range map[string][]byte{"book.toml": o.Book.Raw, "target.toml": o.Target.Raw} {
		if err := durable.WriteFile(filepath.Join(dir, name), data, durable.FileMode(dir)); err != nil {
			return nil, fmt.Errorf("keep the run's own %s: %w", name, err)
		}
	}
	log, err := journal.Create(dir, o.Log)
	if err != nil {
		return nil, fmt.Errorf("begin the log: %w", err)
	}
	return log, nil
}

func newSession(b *book.Book, t *book.Target, w *steps.World, log *journal.Log, r *Run) *Session {
	s := &Session{
		book: b, target: t, world: w, log: log, run: r,
		changed: make(chan struct{}, 1), active: map[string]*active{}, claimed: map[string]bool{},
		posted:  map[string]string{},
		company: map[string]*companion{}, size: func() (rows, cols uint16) { return 0, 0 },
	}
	s.driving, s.drop = context.WithCancel(context.Background())
	s.past = sync.OnceValue(func() map[string][]time.Duration { return pastDurations(s.driving, r.Dir, b.Name, t.Name) })
	return s
}

// Book is the run's own copy.
func (s *Session) Book() *book.Book { return s.book }

// Target is the run's own copy.
func (s *Session) Target() *book.Target { return s.target }

// World is where the run's steps act.
func (s *Session) World() *steps.World { return s.world }

// Rehearses reports whether answers are made up: see Rehearse.
func (s *Session) Rehearses() bool { return s.rehearse && s.Reads() == nil }

// Driving ends when the session no longer drives the run.
func (s *Session) Driving() context.Context { return s.driving }

// Reads says that the session only reads along, and who drives; nil while it
// drives itself.
func (s *Session) Reads() *ReadsError {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.follower == nil {
		return nil
	}
	return s.follower.reads()
}

// Changed receives a token when the state has moved since the last one.
func (s *Session) Changed() <-chan struct{} { return s.changed }

// Head is the number and hash of the log's last entry.
func (s *Session) Head() (uint64, string) {
	s.mu.Lock()
	f := s.follower
	s.mu.Unlock()
	if f != nil {
		r := f.state()
		return r.Entries, r.Head
	}
	if s.slots != nil {
		r := s.State()
		return r.Entries, r.Head
	}
	return s.log.Head()
}

// State is a snapshot of the run, with what is being executed laid over it.
func (s *Session) State() *Run {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.snapshot()
}

func (s *Session) snapshot() *Run {
	if s.follower != nil {
		return s.follower.state()
	}
	r := s.run.clone()
	r.Unrecorded = len(s.late)
	for id, a := range s.active {
		st := r.Steps[id]
		if st == nil {
			st = &StepState{}
			r.Steps[id] = st
		}
		st.State, st.At, st.Reason = Running, a.began, ""
		if a.hosts != nil {
			a.hosts.overlay(st)
		}
	}
	r.backends = s.backends(r)
	return r
}

// Next is what may be done now, the suggested first: nothing for one who reads.
func (s *Session) Next() []Intent {
	if s.Reads() != nil {
		return nil
	}
	return Next(s.book, s.State(), s.world.Clock.Now())
}

// LastOutput is when a running command last printed something.
func (s *Session) LastOutput(step string) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.book.Step(step); s.follower != nil && known != nil {
		return lastWritten(s.follower.state().Output(known))
	}
	if a := s.active[step]; a != nil && a.process != nil {
		return a.process.LastOutput()
	} else if a != nil && a.hosts != nil {
		return a.hosts.lastOutput()
	}
	return time.Time{}
}

// Do carries out one intent and returns when it is done and recorded. It
// answers ErrStale, ErrNotNow or ErrEnded for an intent that does not fit the
// state, journal.ErrNotRecorded where the log can't be written, and a
// *ReadsError if somebody else drives.
func (s *Session) Do(ctx context.Context, i Intent) error {
	if reads := s.Reads(); reads != nil {
		return reads
	}
	if p := s.world.Practice; p != nil {
		if err := p.Alive(ctx); err != nil {
			return fmt.Errorf("%w: %w", ErrWorldGone, err)
		}
	}
	release, err := s.admit(i)
	if err != nil {
		return err
	}
	defer release()
	return s.route(ctx, i)
}

func (s *Session) route(ctx context.Context, i Intent) error {
	switch i.Kind {
	case Check, Recheck:
		return s.look(ctx, i)
	case RunStep:
		return s.act(ctx, i)
	case Cancel:
		return s.cancel(i.Step)
	case CancelBackend:
		return s.cancelBackend(ctx, i)
	case WatchIt, Slots, Jump:
		return s.watch(ctx, i)
	case Confirm, Decline, Decide, Approve, Reject, Tell:
		return s.answer(ctx, i)
	case Sign:
		return s.sign(ctx, i)
	case Accept, Skip, NA, ByHandIt, Memo:
		return s.setAside(ctx, i)
	case Rollback, Close, End:
		return s.move(ctx, i)
	}
	return fmt.Errorf("no such intent: %q", i.Kind)
}

// signal says that the state moved.
func (s *Session) signal() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// Close ends the looks that go on, lets them clean up, and gives the run's log
// back. Commands that still run go on; the next session writes down how they
// ended.
func (s *Session) Close() error {
	s.drop()
	s.mu.Lock()
	if s.follower != nil {
		s.follower.close()
	}
	for _, a := range s.active {
		if a.stop != nil {
			a.stop()
		}
	}
	s.mu.Unlock()
	s.looks.Wait() // each keeps to its own time limit
	if s.slots != nil {
		return s.letGo()
	}
	if s.log == nil {
		return nil // it only read
	}
	_ = s.lastWords() // the farewell has said what is not recorded
	return errors.Join(s.recorder.Close(), s.log.Close())
}

// letGo gives the run back to whoever wants to drive it.
func (s *Session) letGo() error {
	if s.slots != nil {
		return s.slots.Close()
	}
	return s.log.Close()
}

func worldKind(w *steps.World) string {
	if w.Practice != nil {
		return "practice"
	}
	return "real"
}

func practiceID(w *steps.World) string {
	if w.Practice == nil {
		return ""
	}
	return w.Practice.ID
}

func sha(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
