package tui

import (
	"context"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"

	"runbook/runbook"
	"runbook/runbook/book"
)

// screen takes the keys and fills the body between header and key line. The
// model and its screens belong to the event loop; commands see neither.
type screen interface {
	key(m *model, k tea.KeyPressMsg) tea.Cmd
	body(m *model, w, h int) body
	keys(m *model) []binding
}

// body is what a screen shows, and the cursor of its text field.
type body struct {
	lines  []string
	cursor *tea.Cursor
}

// layer is a screen on the stack. A gated one is a question: it takes keys
// only once it is seen.
type layer struct {
	screen
	gated bool
}

// model routes messages to the screen on top, and holds what screens share.
type model struct {
	deeds
	bindings keyMap
	styles   styles
	ground   bool // the terminal has said what its background is, or does not
	now      func() time.Time
	opened   time.Time
	clock    time.Time
	w, h     int
	layers   []layer
	guard    guard
	gate     gate
	notice   string
	bad      bool // the notice is about something that went wrong
	missing  string
	tty      tty
	handing  string // the interactive step that the terminal was handed to last
	begun    bool   // the start screen is behind us
	snap     snapshotMsg
	book     *book.Book
	undoes   []string // what a rollback takes back, safe to show
	tail     tailMsg
	left     *sync.Once
	leaving  chan struct{} // closed when the program was asked to leave
	drawn    chan struct{} // closed when a frame of the run is on its way
}

// groundWait is how long a terminal has to say what its background is.
const groundWait = 3 * time.Second

func newModel(ctx context.Context, s *runbook.Session, o Options) *model {
	m := &model{
		bindings: newKeyMap(), styles: newStyles(true), now: o.Now, opened: o.Now(), clock: o.Now(),
		left: new(sync.Once), leaving: make(chan struct{}), drawn: make(chan struct{}), tty: tty{o.In, o.Out},
	}
	if s == nil {
		return m
	}
	m.deeds = newDeeds(ctx, s, o)
	m.book = s.Book()
	m.layers = []layer{{screen: &phaseScreen{}}}
	m.undoes = o.Undoes
	r := s.State()
	if m.begun = len(o.Start) == 0; !m.begun {
		m.layers = append(m.layers, layer{screen: newStart(m, r, o.Start), gated: true})
	}
	if o.Rollback {
		m.begun = false
		m.openRollback(r, o.Plan)
	}
	return m
}

// Init asks for the colours, the time and the first state.
func (m *model) Init() tea.Cmd {
	cmds := []tea.Cmd{tea.RequestBackgroundColor, tick()}
	if m.session != nil {
		cmds = append(cmds, m.look(), m.wait())
	}
	if m.top().gated {
		cmds = append(cmds, m.gate.shut())
	}
	return tea.Batch(cmds...)
}

// Update routes. It waits for nothing.
func (m *model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.w, m.h = msg.Width, msg.Height
	case tea.BackgroundColorMsg:
		m.styles, m.ground = newStyles(msg.IsDark()), true
	case tea.KeyPressMsg:
		return m, m.typed(msg)
	case tea.PasteMsg:
		m.pasted(msg)
	case settleMsg:
		return m, m.settled(msg)
	case quietMsg:
		m.guard.quiet(msg.gen)
	case shownMsg:
		return m, m.gate.shown(msg.gen)
	case openMsg:
		m.gate.timeout(msg.gen)
	case tea.CursorPositionMsg:
		m.gate.answered()
	case tickMsg:
		m.clock = m.now()
		if !m.ground && m.clock.Sub(m.opened) >= groundWait {
			m.styles, m.ground = unknownStyles(), true
		}
		return m, tick()
	case changedMsg:
		return m, tea.Batch(m.saw(msg.snap), m.wait())
	case snapshotMsg:
		return m, m.saw(msg)
	case doneMsg:
		return m, m.did(msg)
	case handedMsg:
		return m, m.handed(msg)
	case slotMsg:
		return m, m.slotDue(msg)
	case tailMsg:
		return m, m.printed(msg)
	case leaveMsg:
		return m, m.leave()
	default:
		return m, m.pass(msg)
	}
	return m, nil
}

// listener is a screen that waits for the answer of a command.
type listener interface {
	hear(m *model, msg tea.Msg) tea.Cmd
}

// pass hands an answer to the screens that may have asked for it.
func (m *model) pass(msg tea.Msg) tea.Cmd {
	var cmds []tea.Cmd
	for _, l := range m.layers {
		if hears, ok := l.screen.(listener); ok {
			cmds = append(cmds, hears.hear(m, msg))
		}
	}
	return tea.Batch(cmds...)
}

// View is the whole frame.
func (m *model) View() tea.View {
	text, cursor := m.frame()
	v := tea.NewView(text)
	v.AltScreen, v.Cursor = true, cursor
	return v
}

func (m *model) top() layer { return m.layers[len(m.layers)-1] }

// push shows a screen that only shows.
func (m *model) push(s screen) { m.layers = append(m.layers, layer{screen: s}) }

// ask shows a screen whose keys act.
func (m *model) ask(s screen) tea.Cmd {
	m.layers = append(m.layers, layer{screen: s, gated: true})
	return m.gate.shut()
}

// pop goes back one screen; a question below must be seen again first. Back at
// the run, what waited for an answer begins.
func (m *model) pop() tea.Cmd {
	if len(m.layers) > 1 {
		m.layers = m.layers[:len(m.layers)-1]
	}
	if m.top().gated {
		return m.gate.shut()
	}
	if len(m.layers) == 1 && !m.begun {
		m.begun = true
		return m.byItself()
	}
	return nil
}

// home goes back to the screen at the bottom.
func (m *model) home() { m.layers = m.layers[:1] }

func (m *model) warn(text string) { m.notice, m.bad = text, true }
func (m *model) say(text string)  { m.notice, m.bad = text, false }

// leave ends the program; the run and its commands go on.
func (m *model) leave() tea.Cmd {
	m.left.Do(func() { close(m.leaving) })
	return tea.Quit
}

func tick() tea.Cmd {
	return tea.Every(time.Second, func(t time.Time) tea.Msg { return tickMsg(t) })
}
