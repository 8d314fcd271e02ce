package tui

import (
	"context"
	"errors"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"

	"runbook/runbook"
	"runbook/runbook/book"
	"runbook/runbook/journal"
	"runbook/steps/safetext"
)

// deeds is all that the program does with its session. Each is a command: it
// runs beside the event loop and answers with a message, so neither a slow
// disk nor a frozen terminal makes one wait for the other.
type deeds struct {
	session   *runbook.Session
	ctx       context.Context // ends when the program has left; looks and waits end with it
	headCode  func() (uint64, string)
	report    func(dir string, n uint64) ([]byte, error)
	eye       *eye
	flight    map[string]int // intents on their way, by kind
	refused   refusal
	cancelled map[string]bool // commands that were asked to end
	slotAt    time.Time
	slotGen   int
	slotStop  context.CancelFunc
	deedsDone *sync.WaitGroup
}

// refusal remembers what could not be done by itself, so that it is not tried
// again before the state moved or a key was pressed.
type refusal struct {
	kind    string
	entries uint64
}

func newDeeds(ctx context.Context, s *runbook.Session, o Options) deeds {
	return deeds{
		session: s, ctx: ctx, headCode: o.Head, report: o.Report, eye: new(eye),
		flight: map[string]int{}, cancelled: map[string]bool{}, deedsDone: new(sync.WaitGroup),
	}
}

// eye numbers snapshots in the order in which they were true.
type eye struct {
	mu sync.Mutex
	n  uint64
}

func (e *eye) snapshot(s *runbook.Session, head func() (uint64, string)) snapshotMsg {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.n++
	now := s.World().Clock.Now()
	r := s.State()
	snap := snapshotMsg{n: e.n, run: r, world: now, command: commandOf(s.Book(), r), live: map[string]runbook.Live{}, reads: s.Reads()}
	if snap.reads == nil {
		snap.next = runbook.Next(s.Book(), r, now)
	}
	for id, st := range r.Steps {
		if st.State == runbook.Running || st.State.Open() {
			if live := s.Live(id); live.Step != "" {
				snap.live[id] = live
			}
		}
	}
	if head != nil {
		_, snap.head = head()
	}
	return snap
}

// look reads the state.
func (d *deeds) look() tea.Cmd {
	s, e, head := d.session, d.eye, d.headCode
	return func() tea.Msg { return e.snapshot(s, head) }
}

// wait reads the state when it has moved.
func (d *deeds) wait() tea.Cmd {
	s, e, head, ctx := d.session, d.eye, d.headCode, d.ctx
	return func() tea.Msg {
		select {
		case <-s.Changed():
			return changedMsg{e.snapshot(s, head)}
		case <-ctx.Done():
			return nil
		}
	}
}

// do carries out an intent.
func (d *deeds) do(i runbook.Intent) tea.Cmd {
	d.flight[i.Kind]++
	d.deedsDone.Add(1)
	s, ctx, done := d.session, d.ctx, d.deedsDone
	return func() tea.Msg {
		defer done.Done()
		return doneMsg{i, s.Do(ctx, i)}
	}
}

// rehearse gives the rehearsal's next answer.
func (d *deeds) rehearse() tea.Cmd {
	d.flight[""]++
	d.deedsDone.Add(1)
	s, ctx, done := d.session, d.ctx, d.deedsDone
	return func() tea.Msg {
		defer done.Done()
		i, err := s.Rehearse()
		if err == nil {
			err = s.Do(ctx, i)
		}
		return doneMsg{runbook.Intent{}, err}
	}
}

// order resolves what a command would execute.
func (d *deeds) order(step *book.Step) tea.Cmd {
	s, ctx := d.session, d.ctx
	return func() tea.Msg {
		order, err := s.Order(ctx, step)
		return orderMsg{step.ID, order, err}
	}
}

// awaitSlot waits until the clock of waits reaches the next slot.
func (d *deeds) awaitSlot(due time.Time) tea.Cmd {
	if due.Equal(d.slotAt) {
		return nil
	}
	if d.slotStop != nil {
		d.slotStop()
	}
	d.slotAt, d.slotStop = due, nil
	d.slotGen++
	if due.IsZero() {
		return nil
	}
	ctx, stop := context.WithCancel(d.ctx)
	d.slotStop = stop
	clock, gen := d.session.World().Clock, d.slotGen
	return func() tea.Msg {
		if clock.Wait(ctx, due) != nil {
			return nil
		}
		return slotMsg{gen}
	}
}

// explain is an error of the session in one safe line.
func explain(err error) string {
	text := safetext.Line(err.Error())
	if errors.Is(err, journal.ErrNotRecorded) {
		return "NOT RECORDED: " + text
	}
	return text
}
