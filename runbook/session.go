package runbook

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"runbook/runbook/book"
	"runbook/runbook/durable"
	"runbook/runbook/journal"
	"runbook/steps"
	"runbook/steps/run"
)

// Session drives one run: it holds every intent against the state, makes what
// will act durable, lets it act, and makes its result durable. It owns the
// run's log while it lives. All its methods may be called at the same time.
type Session struct {
	book   *book.Book
	target *book.Target
	world  *steps.World
	log    *journal.Log

	rehearse bool
	changed  chan struct{} // holds one token when the state moved

	mu     sync.Mutex
	run    *Run
	active map[string]*active // steps that are being executed
	late   []lateEntry        // what a recovery could not write down yet
	busy   sync.WaitGroup
}

// active is a step while it is executed by this process.
type active struct {
	began   time.Time
	process *run.Process // nil for looks and probes
	stop    context.CancelFunc
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
	Of       string // the run that a rollback undoes
	Rehearse bool
	Log      journal.Options
}

// Start makes a new run and writes its first entry.
func Start(ctx context.Context, o StartOptions) (*Session, error) {
	if o.Log.Run == "" {
		o.Log.Run = newRunID()
	}
	dir := filepath.Join(o.Runs, time.Now().UTC().Format("20060102T150405Z")+"-"+o.Book.Name+"-"+o.Log.Run[:8])
	if err := durable.MkdirAll(filepath.Join(dir, "steps"), 0o700); err != nil {
		return nil, fmt.Errorf("make the run's directory: %w", err)
	}
	for name, data := range map[string][]byte{"book.toml": o.Book.Raw, "target.toml": o.Target.Raw} {
		if err := durable.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			return nil, fmt.Errorf("keep the run's own %s: %w", name, err)
		}
	}
	o.Log.World = worldKind(o.World)
	log, err := journal.Create(dir, o.Log)
	if err != nil {
		return nil, fmt.Errorf("begin the log: %w", err)
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
	s.rehearse = o.Rehearse
	err = s.record(ctx, kindRunStart, &runStartBody{
		Book: o.Book.Name, BookFile: o.Book.File, BookSHA: o.Book.SHA256,
		Target: o.Target.Name, TargetFile: o.Target.File, TargetSHA: o.Target.SHA256,
		Mode: o.Mode, World: o.Log.World, PracticeID: practiceID(o.World), Of: o.Of, Vars: o.Vars,
	})
	if err != nil {
		return nil, errors.Join(err, log.Close())
	}
	return s, nil
}

// Resume goes on with a run from its own copy of book and target. world must
// be of that target, and of that very practice world.
func Resume(ctx context.Context, dir string, world *steps.World, o journal.Options, rehearse bool) (*Session, error) {
	b, t, err := ReadCopies(dir)
	if err != nil {
		return nil, err
	}
	o.World = worldKind(world)
	log, entries, err := journal.Open(dir, o)
	if err != nil {
		return nil, err
	}
	r, err := Fold(b, dir, entries)
	if err == nil {
		r, err = checkResumable(r, b, t, world, entries)
	}
	if err != nil {
		return nil, errors.Join(err, log.Close())
	}
	s := newSession(b, t, world, log, r)
	s.rehearse = rehearse
	if err := s.refold(); err != nil {
		return nil, errors.Join(err, log.Close())
	}
	return s, s.settleCommands(ctx)
}

// checkResumable holds the run's copies against the hashes of its first entry
// and its world against the one that is given.
func checkResumable(r *Run, b *book.Book, t *book.Target, w *steps.World, entries []journal.Entry) (*Run, error) {
	if r.World != practiceID(w) {
		return nil, ErrWorldGone
	}
	for _, e := range entries {
		if e.Kind != kindRunStart {
			continue
		}
		start, err := decode[runStartBody](e)
		if err != nil || start.BookSHA != b.SHA256 || start.TargetSHA != t.SHA256 {
			return nil, fmt.Errorf("book.toml or target.toml in %s is not what this run began with: it executes only those bytes", r.Dir)
		}
		return r, nil
	}
	return nil, fmt.Errorf("the log in %s holds no run.start: this run never began, start another", r.Dir)
}

func newSession(b *book.Book, t *book.Target, w *steps.World, log *journal.Log, r *Run) *Session {
	return &Session{
		book: b, target: t, world: w, log: log, run: r,
		changed: make(chan struct{}, 1), active: map[string]*active{},
	}
}

// refold reads the log anew, so that the session's own first entry is in the
// state.
func (s *Session) refold() error {
	entries, err := journal.Read(s.run.Dir)
	if err != nil {
		return err
	}
	r, err := Fold(s.book, s.run.Dir, entries)
	s.run = r
	return err
}

// settleCommands writes down what commands of an earlier session left behind:
// where a directory knows more than the log, the log learns it.
func (s *Session) settleCommands(ctx context.Context) error {
	for id, st := range s.run.Steps {
		step := s.book.Step(id)
		if step == nil || st.State != Unknown || st.Result != nil || st.Who != "" {
			continue
		}
		v, ok := step.Verb.(book.Run)
		if !ok || v.Command == nil {
			continue // what a probe touched before its session died is not known
		}
		class, outcome := run.Classify(s.run.Files(id, st.Attempt))
		body := leftBehind(class, outcome, *v.Command)
		if body == nil {
			continue // its end is unknown, and a person settles it
		}
		body.Step, body.Attempt = id, st.Attempt
		if err := s.record(ctx, kindRunResult, body); err != nil {
			return err
		}
	}
	return nil
}

// Book is the run's own copy.
func (s *Session) Book() *book.Book { return s.book }

// Target is the run's own copy.
func (s *Session) Target() *book.Target { return s.target }

// World is where the run's steps act.
func (s *Session) World() *steps.World { return s.world }

// Rehearses reports whether answers are made up: see Rehearse.
func (s *Session) Rehearses() bool { return s.rehearse }

// Changed receives a token when the state has moved since the last one.
func (s *Session) Changed() <-chan struct{} { return s.changed }

// Head is the number and hash of the log's last entry.
func (s *Session) Head() (uint64, string) { return s.log.Head() }

// State is a snapshot of the run, with what is being executed laid over it.
func (s *Session) State() *Run {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.snapshot()
}

func (s *Session) snapshot() *Run {
	r := s.run.clone()
	r.Unrecorded = len(s.late)
	for id, a := range s.active {
		st := r.Steps[id]
		if st == nil {
			st = &StepState{}
			r.Steps[id] = st
		}
		st.State, st.At = Running, a.began
	}
	return r
}

// Next is what may be done now, the suggested first.
func (s *Session) Next() []Intent {
	return Next(s.book, s.State(), s.world.Clock.Now())
}

// LastOutput is when a running command last printed something.
func (s *Session) LastOutput(step string) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.active[step]; a != nil && a.process != nil {
		return a.process.LastOutput()
	}
	return time.Time{}
}

// Do carries out one intent and returns when it is done and recorded. It
// answers ErrStale, ErrNotNow or ErrEnded for an intent that does not fit the
// state, and journal.ErrNotRecorded where the log can't be written.
func (s *Session) Do(ctx context.Context, i Intent) error {
	if p := s.world.Practice; p != nil {
		if err := p.Alive(ctx); err != nil {
			return fmt.Errorf("%w: %w", ErrWorldGone, err)
		}
	}
	s.mu.Lock()
	err := s.admit(i)
	s.mu.Unlock()
	if err != nil {
		return err
	}
	s.busy.Add(1)
	defer s.busy.Done()
	return s.route(ctx, i)
}

// admit holds an intent against the state.
func (s *Session) admit(i Intent) error {
	r := s.snapshot()
	if !r.Ended.IsZero() {
		return ErrEnded
	}
	if st := r.Steps[i.Step]; st != nil && i.Step != "" && i.Kind != Cancel && st.Seen != i.Seen {
		return ErrStale
	}
	if i.Kind == Recheck && s.isAside(r, i.Step) {
		return nil
	}
	ok := slices.ContainsFunc(Next(s.book, r, s.world.Clock.Now()), func(legal Intent) bool {
		return legal.Kind == i.Kind && (legal.Step == i.Step || i.Kind == Check && i.Step == "")
	})
	if !ok {
		return fmt.Errorf("%s %s: %w", i.Kind, i.Step, ErrNotNow)
	}
	return nil
}

// isAside reports whether a look at a check would be out of turn: looking is
// always allowed, but what is seen then settles nothing.
func (s *Session) isAside(r *Run, id string) bool {
	step, p := s.book.Step(id), r.Phase(s.book)
	if step == nil || !isCheck(step) {
		return false
	}
	return p == nil || !slices.Contains(p.Steps, step) || !slices.Contains(legalKinds(r, p, step, r.Step(step)), Recheck)
}

func (s *Session) route(ctx context.Context, i Intent) error {
	switch i.Kind {
	case Check, Recheck:
		return s.look(ctx, i)
	case RunStep:
		return s.act(ctx, i)
	case Cancel:
		return s.cancel(i.Step)
	case WatchIt, Slots, Jump:
		return s.watch(ctx, i)
	case Confirm, Decline, Decide, Approve, Reject, Tell:
		return s.answer(ctx, i)
	case Accept, Skip, NA, ByHandIt, Memo:
		return s.setAside(ctx, i)
	case Rollback, Close, End:
		return s.move(ctx, i)
	}
	return fmt.Errorf("no such intent: %q", i.Kind)
}

// answered are the kinds of entry that stand on a person's answer: a rehearsal
// marks these. What a machine measured it measured in a rehearsal too.
var answered = map[string]bool{
	kindRunIntent: true, kindRunResult: true, kindAsk: true, kindTell: true, kindVar: true, kindSkip: true,
	kindAccept: true, kindByHand: true, kindRollbackStart: true, kindRunEnd: true,
}

// record makes an entry durable and folds it in. In a recovery a log that
// can't be written stops nobody: the entry waits, the screen says so, and the
// next record tries again.
func (s *Session) record(ctx context.Context, kind string, body marked) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	vtime := ""
	if s.world.Practice != nil {
		vtime = stamp(s.world.Clock.Now())
	}
	body.set(s.rehearse && answered[kind], vtime)
	defer s.signal()
	for len(s.late) > 0 {
		if _, err := s.log.Append(context.WithoutCancel(ctx), s.late[0].kind, s.late[0].body); err != nil {
			return s.postpone(kind, body, err)
		}
		s.late = s.late[1:]
	}
	e, err := s.log.Append(context.WithoutCancel(ctx), kind, body)
	if err != nil {
		return s.postpone(kind, body, err)
	}
	return s.run.apply(s.book, e)
}

// postpone keeps an entry for later, in a recovery only.
func (s *Session) postpone(kind string, body marked, err error) error {
	if s.run.Plan == "" || !errors.Is(err, journal.ErrNotRecorded) {
		return err
	}
	s.late = append(s.late, lateEntry{kind, body})
	e := journal.Entry{N: s.run.Entries + 1, Time: time.Now(), Kind: kind, Head: s.run.Head}
	if e.Body, err = json.Marshal(body); err != nil {
		return err
	}
	return s.run.apply(s.book, e)
}

// signal says that the state moved.
func (s *Session) signal() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// Close gives the run's log back. Commands that still run go on; their end is
// unknown to the log until somebody settles it.
func (s *Session) Close() error {
	s.mu.Lock()
	for _, a := range s.active {
		if a.process == nil {
			a.stop()
		}
	}
	s.mu.Unlock()
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
