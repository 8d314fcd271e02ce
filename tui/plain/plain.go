package plain

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"sync/atomic"
	"time"

	"runbook/runbook"
	"runbook/runbook/book"
	"runbook/runbook/journal"
	"runbook/steps/safetext"
)

// Options is where a plain session reads and writes.
type Options struct {
	In  io.Reader // nil: nobody answers
	Out io.Writer

	// Terminal says that a person types: what was typed before a step's state
	// was printed is no answer to it. A script pipes all its answers at once.
	Terminal bool
}

// sight is the entry of a step that was printed, and when, as told counts.
type sight struct {
	entry uint64
	told  int64
}

// ErrDetached says that the operator left, or the input ended.
var ErrDetached = errors.New("detached")

// ErrGibberish says that the input is no operator.
var ErrGibberish = errors.New("20 lines in a row were no answer")

// unusable is how many lines in a row may be no answer.
const unusable = 20

type session struct {
	*runbook.Session
	out   io.Writer
	deaf  bool // nobody reads what is printed
	lines *reader
	phase string            // whose header was printed
	bad   int               // unusable lines in a row
	seen  map[string]sight  // the entry of each step that was printed last
	told  atomic.Int64      // counts what was printed of steps that had moved
	shown map[string]string // the digest of each command that was shown for approval
	says  map[string]saying // what is to be signed about a step
	said  map[string]bool   // hints of this phase that were given
}

// Run walks one session in lines until it ends, until a person is needed who
// is not there, until only time is missing (*runbook.WaitError), or until
// somebody took the run over (*runbook.ReadsError).
func Run(ctx context.Context, s *runbook.Session, o Options) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	defer context.AfterFunc(s.Driving(), stop)()
	p := &session{Session: s, out: o.Out, said: map[string]bool{}, seen: map[string]sight{}, shown: map[string]string{}, says: map[string]saying{}}
	p.lines = newReader(ctx, o.In, func() int64 {
		if o.Terminal {
			return p.told.Load()
		}
		return math.MaxInt64
	})
	for id, st := range s.State().Steps { // what stands in the log was told by another session
		if st.State.Settled() {
			p.seen[id] = sight{entry: st.Seen}
		}
	}
	err := p.walk(ctx)
	if reads := s.Reads(); reads != nil {
		p.print("-- taken over: %s; you are detached --", drives(reads))
		return reads
	}
	return err
}

func (p *session) walk(ctx context.Context) error {
	for {
		if ctx.Err() != nil || p.deaf {
			return ErrDetached
		}
		r := p.State()
		if !r.Ended.IsZero() {
			return nil
		}
		if err := p.step(ctx, r); err != nil {
			return err
		}
	}
}

// step does the next thing: by itself what needs nobody, else by an answer.
func (p *session) step(ctx context.Context, r *runbook.Run) error {
	p.header(r)
	i, auto := p.byItself(r)
	if p.Rehearses() && !auto {
		answer, err := p.Rehearse()
		if err != nil {
			return err
		}
		p.print("> %s", p.answerLine(answer))
		return p.do(ctx, answer)
	}
	if auto {
		if i.Kind == runbook.Close {
			p.readBack(r)
		}
		return p.do(ctx, i)
	}
	return p.ask(ctx, r)
}

// byItself is what is done without an answer: looking, watching, and closing
// what is settled. In practice the clock jumps where only time is missing.
func (p *session) byItself(r *runbook.Run) (runbook.Intent, bool) {
	if i, ok := runbook.Suggest(p.Book(), r, p.World().Clock.Now()); ok {
		switch i.Kind {
		case runbook.Check, runbook.WatchIt, runbook.Slots, runbook.Close, runbook.End:
			return i, true
		}
	}
	var wait *runbook.WaitError
	if r.Practice && errors.As(runbook.Standing(p.Book(), r), &wait) {
		return runbook.Intent{Kind: runbook.Jump}, true
	}
	return runbook.Intent{}, false
}

// ask waits for one answer, or says that nobody can give it.
func (p *session) ask(ctx context.Context, r *runbook.Run) error {
	var wait *runbook.WaitError
	if standing := runbook.Standing(p.Book(), r); errors.As(standing, &wait) {
		return standing
	}
	p.prompt(ctx, r)
	answer, err := p.lines.next(ctx)
	if err != nil {
		return ErrDetached
	}
	return p.take(ctx, answer)
}

// take carries out one line of input. What is no answer is said so, and after
// a while taken for what it is.
func (p *session) take(ctx context.Context, l line) error {
	i, err := p.parse(l.text)
	if err == nil && i.Step != "" && p.seen[i.Step].told > l.told {
		err = runbook.ErrStale // typed before the operator could know
	}
	switch {
	case errors.Is(err, ErrDetached):
		return err
	case err == nil && i.Kind == "":
		return nil // a question about the state, answered
	case err == nil:
		err = p.do(ctx, i)
		if err == nil || !p.forgivable(err) {
			p.bad = 0
			return err
		}
	}
	if errors.Is(err, runbook.ErrStale) {
		p.tell(i.Step)
	}
	p.print("? %s", safetext.Line(err.Error()))
	if p.bad++; p.bad >= unusable {
		return ErrGibberish
	}
	return nil
}

// forgivable errors leave the run as it is, and the operator may answer again.
func (p *session) forgivable(err error) bool {
	return !errors.Is(err, runbook.ErrWorldGone) && !errors.Is(err, context.Canceled) && !errors.Is(err, ErrDetached)
}

// do carries out an intent and prints what came of it. While a command runs
// its output is shown, and the operator may cancel it.
func (p *session) do(ctx context.Context, i runbook.Intent) error {
	before := p.State()
	step := p.Book().Step(i.Step)
	var err error
	if i.Kind == runbook.RunStep {
		err = p.follow(ctx, i, step)
	} else {
		err = p.Do(ctx, i)
	}
	if err == nil && i.Kind == runbook.Cancel {
		p.print("  %s", asked(step))
	}
	p.results(before, p.State())
	if errors.Is(err, context.Canceled) {
		return ErrDetached
	}
	return err
}

// asked says what a cancel does.
func asked(step *book.Step) string {
	v, ok := step.Verb.(book.Run)
	if !ok || v.Command == nil {
		return step.ID + " is asked to end"
	}
	return fmt.Sprintf("%s is asked to end: SIGINT, after 10 s SIGTERM, after 10 more SIGKILL; cancel %s again sends the next at once", step.ID, step.ID)
}

// results prints every step that an intent changed.
func (p *session) results(before, after *runbook.Run) {
	for _, s := range p.Book().All() {
		old, now := before.Steps[s.ID], after.Steps[s.ID]
		if now == nil || old != nil && old.Seen == now.Seen {
			continue
		}
		p.sees(s.ID, now.Seen)
		if len(now.Slots) > 0 && now.State == runbook.Running {
			continue // a watch is told when it is decided
		}
		p.print("%s %-14s %-28s %s", Mark(*now), Word(*now), s.ID, Saw(*now))
		if now.State.Open() {
			p.hints(s, *now)
		}
	}
	for id, result := range after.Asides {
		if old, ok := before.Asides[id]; !ok || !old.Began.Equal(result.Began) {
			p.print("%s", Aside(id, result))
		}
	}
	for _, n := range after.Notes[len(before.Notes):] {
		if n.Step == "" {
			p.print("memo kept")
		} else {
			p.print("  %s: %s", n.Step, safetext.Line(n.Text))
		}
	}
}

// sees notes that the operator is being told how a step stands.
func (p *session) sees(id string, entry uint64) {
	if p.seen[id].entry != entry {
		p.seen[id] = sight{entry, p.told.Add(1)}
	}
}

// tell prints how a step stands: from then on the operator has seen it.
func (p *session) tell(id string) {
	if st := p.State().Steps[id]; st != nil {
		p.sees(id, st.Seen)
		p.print("%s %-14s %-28s %s", Mark(*st), Word(*st), id, Saw(*st))
	}
}

func (p *session) hints(s *book.Step, st runbook.StepState) {
	for _, h := range runbook.Hints(p.Book(), s, Saw(st)) {
		if p.said[h.Issue] {
			continue
		}
		p.said[h.Issue] = true
		diagnose := ""
		if h.Diagnose != "" {
			diagnose = "  diagnose: recheck " + h.Diagnose
		}
		p.print("  hint: %s: %s%s", safetext.Line(h.Issue), safetext.Line(h.Say), diagnose)
	}
}

// header says once where the walk has come to.
func (p *session) header(r *runbook.Run) {
	phase := r.Phase(p.Book())
	if phase == nil || phase.ID == p.phase {
		return
	}
	p.phase = phase.ID
	clear(p.said)
	p.print("")
	p.print("== %s  %s  %s ==", p.frame(r), safetext.Line(Title(phase.Title, phase.ID)), Counts(r.Counts(phase)))
}

func (p *session) frame(r *runbook.Run) string {
	if r.Practice {
		return Frame(r) + " " + r.Short()
	}
	return Frame(r) + " " + safetext.Line(r.Target) + " " + r.Short()
}

func (p *session) readBack(r *runbook.Run) {
	n, head := p.Head()
	for _, line := range append(ReadBack(r, r.Phase(p.Book())), Reading(p.Book(), r, journal.HeadCode(n, head))...) {
		p.print("%s", line)
	}
}

func (p *session) print(format string, args ...any) {
	if _, err := io.WriteString(p.out, strings.TrimRight(fmt.Sprintf(format, args...), " ")+"\n"); err != nil {
		p.deaf = true
	}
}

// clock is the world's time for a line.
func (p *session) clock() string {
	return p.World().Clock.Now().UTC().Format(time.TimeOnly) + "Z"
}
