package tui

import (
	"strings"

	"runbook/runbook"
	"runbook/runbook/book"
)

// keys are those that act now, the suggested first.
func (p *phaseScreen) keys(m *model) []binding {
	b := m.bindings
	if m.snap.run == nil {
		return nil
	}
	var all []binding
	if m.acting() {
		all = append(all, b.Output, b.Cancel)
	} else if what := p.suggestion(m); what != "" {
		all = append(all, says(b.Enter, what))
	}
	if s := p.resting(); s != nil {
		all = append(all, m.stepKeys(s)...)
	}
	return all
}

// suggestion is what enter would do now, in a few words. For a row the
// operator went to it is the same word for every row: fewer bytes a key.
func (p *phaseScreen) suggestion(m *model) string {
	switch {
	case p.chosen && p.phase != nil && p.sel == folded:
		return "list or fold"
	case p.phase != nil && (p.chosen || m.reads()):
		return "open it"
	}
	short := 24
	if m.w < wide {
		short = 12
	}
	if p.phase != nil {
		if open := m.snap.run.FirstOpen(p.phase); open != nil {
			return "open " + fit(titleOf(open), short)
		}
	}
	if len(m.snap.next) == 0 {
		return ""
	}
	i := m.snap.next[0]
	switch i.Kind {
	case runbook.Check, runbook.Slots:
		return "look"
	case runbook.WatchIt:
		return "begin watching"
	case runbook.Close:
		return "read back, close phase"
	case runbook.End:
		return "end of run"
	}
	if s := m.book.Step(i.Step); s != nil && isAnswer(i.Kind) {
		return strings.TrimRight(fit(titleOf(s), short), ".") + ".."
	}
	if _, ok := m.intent(runbook.Jump, ""); ok {
		return "jump to the next slot (practice)"
	}
	if p.phase == nil {
		return "list the plans"
	}
	return ""
}

// stepKeys are the keys that act on a step now.
func (m *model) stepKeys(s *book.Step) []binding {
	b := m.bindings
	st := m.snap.run.Step(s)
	may := func(kind string) bool { _, ok := m.intent(kind, s.ID); return ok }
	var all []binding
	add := func(x binding, ok bool) {
		if ok {
			all = append(all, x)
		}
	}
	if !m.acting() {
		again := st.State.Open()
		add(says(b.Go, "run again.."), may(runbook.RunStep) && again)
		add(b.Go, may(runbook.RunStep) && !again && !oneKey(m.snap.run, s))
		add(says(b.Yes, "answer.."), may(runbook.Confirm) || may(runbook.Approve) || may(runbook.Decide))
		add(says(b.Go, "sign.."), may(runbook.Sign))
		add(b.Tell, may(runbook.Tell))
		add(b.Recheck, may(runbook.Recheck))
		add(b.Backend, may(runbook.CancelBackend))
		add(b.Diagnose, len(m.diagnoses(s)) > 0)
		add(b.Accept, may(runbook.Accept))
		add(b.ByHand, may(runbook.ByHandIt) || may(runbook.NA))
		add(b.Skip, may(runbook.Skip))
	}
	add(b.Why, true)
	v, ok := s.Verb.(book.Run)
	add(b.Output, ok && v.Command != nil && m.command() == nil && st.Attempt > 0)
	return all
}
