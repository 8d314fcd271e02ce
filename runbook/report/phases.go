package report

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"runbook/runbook"
	"runbook/runbook/book"
	"runbook/steps"
)

// phases are those of the book, if a deployment walked them, and then the ways
// back that were taken.
func (g *gatherer) phases() {
	a, total := g.a, map[runbook.State]int{}
	if g.run.Mode != runbook.ModeRollback {
		for _, p := range g.book.Phases {
			a.Phases = append(a.Phases, g.phase(p, total))
		}
	}
	walked := map[string]bool{}
	for _, w := range slices.Backward(g.plans) { // of one that was walked twice the state is of the last time
		if walked[w.id] {
			continue
		}
		walked[w.id] = true
		for _, p := range g.book.Plans {
			if p.ID == w.id {
				a.Plans = append(a.Plans, g.plan(p, w, total))
			}
		}
	}
	slices.Reverse(a.Plans)
	a.Counts = counted(total)
}

func (g *gatherer) plan(p *book.Plan, w walk, total map[runbook.State]int) Phase {
	phase := g.phase(&book.Phase{ID: p.ID, Title: p.Title, Steps: p.Steps}, total)
	phase.Loses, phase.Takes, phase.Opened = p.Loses, p.Takes, &w.from
	phase.Closed, phase.TookUS = nil, 0
	if !w.to.IsZero() {
		phase.Closed, phase.TookUS = &w.to, w.to.Sub(w.from).Microseconds()
	}
	return phase
}

func (g *gatherer) phase(p *book.Phase, total map[runbook.State]int) Phase {
	phase := Phase{ID: p.ID, Title: cmp.Or(p.Title, p.ID), Steps: []Step{}}
	if at := g.run.Phases[p.ID]; !at.Opened.IsZero() {
		phase.Opened = &at.Opened
		if !at.Closed.IsZero() {
			phase.Closed, phase.TookUS = &at.Closed, at.Closed.Sub(at.Opened).Microseconds()
		}
	}
	n := map[runbook.State]int{}
	for _, s := range p.Steps {
		st := g.run.Step(s)
		n[st.State]++
		total[st.State]++
		phase.Steps = append(phase.Steps, g.step(s, st))
	}
	phase.Counts = counted(n)
	return phase
}

// rehearsed is how many steps a rehearsal answered, as Status counts them.
func rehearsed(phases []Phase) (n int) {
	for _, p := range phases {
		for _, s := range p.Steps {
			if s.Rehearsed {
				n++
			}
		}
	}
	return n
}

func counted(n map[runbook.State]int) []Count {
	all := []Count{}
	for state := runbook.Pending; state <= runbook.NotApplicable; state++ {
		if n[state] > 0 {
			all = append(all, Count{State: state.String(), Steps: n[state]})
		}
	}
	return all
}

func (g *gatherer) step(s *book.Step, st runbook.StepState) Step {
	verb, kind := book.VerbOf(s)
	step := Step{
		ID: s.ID, Title: cmp.Or(s.Title, s.ID), Verb: verb, Kind: kind, Critical: s.Critical, Hosts: s.On,
		State: st.State.String(), Reason: st.Reason, Answer: st.Answer, Rehearsed: st.Rehearsed, Reported: st.Reported, Verified: st.Verified,
		mark: Mark(st),
	}
	if st.State == runbook.Pending {
		return step
	}
	if step.Answer == "confirmed" && st.Reason != "" { // what was answered stands for it
		step.Answer, step.Reason = st.Reason, ""
	}
	if st.Signed != nil {
		step.Reason = strings.TrimSuffix("signed by "+st.Signed.By()+": "+st.Reason, ": ")
	}
	if st.Who != "" {
		step.Reason = strings.TrimSuffix("by "+st.Who+": "+st.Reason, ": ")
	}
	if res := st.Result; res != nil {
		step.Verdict, step.Where, step.Evidence = res.Verdict.String(), res.Where, res.Evidence
		step.Reason = cmp.Or(step.Reason, res.Reason)
	}
	step.TookUS = st.Took.Microseconds()
	g.timed(&step, st)
	if w, ok := s.Verb.(book.Watch); ok && !st.Began.IsZero() {
		step.Watch = slots(w, st)
	}
	step.Acts, step.Left = g.acts[s.ID], g.left[s.ID]
	if more := len(step.Acts) - most; more > 0 {
		step.Acts, step.Left = step.Acts[more:], step.Left+more
	}
	return step
}

// timed says when a step was worked on, on the wall's clock.
func (g *gatherer) timed(step *Step, st runbook.StepState) {
	if st.At.IsZero() {
		return
	}
	step.Ended = &st.At
	if from := g.began[step.ID]; from != nil {
		step.Began = from
	}
	if st.State == runbook.Running {
		step.Ended = nil
	}
}

// Mark is the one-character sign of a state. It never stands alone: the word
// or the reason stands beside it.
func Mark(st runbook.StepState) string {
	switch st.State {
	case runbook.Passed, runbook.Confirmed:
		if st.Result != nil && st.Result.Verdict == steps.Warn {
			return "!"
		}
		return "✓"
	case runbook.Failed, runbook.Declined:
		return "✗"
	case runbook.Unknown:
		return "?"
	case runbook.Running:
		return "●"
	case runbook.Accepted:
		return "~"
	case runbook.ByHand:
		return "h"
	case runbook.Skipped, runbook.NotApplicable:
		return "-"
	case runbook.Pending:
	}
	return "·"
}

func slots(w book.Watch, st runbook.StepState) *Slots {
	began := st.Began
	n := &Slots{Every: w.Every.String(), For: w.For.String(), Planned: w.Slots(), Allowed: w.Failures, Began: &began}
	for _, s := range st.Slots {
		switch {
		case s.Gap:
			n.Missed++
			if last := len(n.Gaps) - 1; last >= 0 && n.Gaps[last].Last == s.K-1 {
				n.Gaps[last].Last = s.K
				continue
			}
			n.Gaps = append(n.Gaps, Gap{First: s.K, Last: s.K})
		case s.Verdict == steps.Unknown || s.Verdict == steps.Blocked:
			n.Unknown++
		default:
			n.Measured++
			if s.Verdict == steps.Fail {
				n.Failed++
			}
		}
		if !s.Gap && s.Verdict != steps.Pass && s.Verdict != steps.Warn {
			n.Bad = append(n.Bad, Slot{Slot: s.K, Due: s.Due, Verdict: s.Verdict.String(), Reason: s.Reason})
		}
	}
	if n.Left = max(0, len(n.Bad)-most); n.Left > 0 {
		n.Bad = n.Bad[n.Left:]
	}
	return n
}

// measured counts, of an open run, also the slots of timers that its log is not
// committed to yet.
func (a *Account) measured(b *book.Book, r *runbook.Run) {
	if a.Ended != nil || a.Log.Damage != "" {
		return
	}
	all := r.Measured(b)
	for _, p := range a.Phases {
		for i := range p.Steps {
			s := &p.Steps[i]
			if s.Watch == nil {
				continue
			}
			step := b.Step(s.ID)
			w, _ := step.Verb.(book.Watch)
			n := slots(w, all.Step(step))
			n.Loose = n.told() - s.Watch.told()
			s.Watch = n
		}
	}
}

// told is how many slots are over.
func (n *Slots) told() int { return n.Measured + n.Unknown + n.Missed }

// usually lays beside each command how long it usually takes.
func (a *Account) usually(usual map[string]runbook.Usual) {
	for _, all := range [][]Phase{a.Phases, a.Plans} {
		for _, p := range all {
			for i := range p.Steps {
				u := usual[p.Steps[i].ID]
				p.Steps[i].UsualUS, p.Steps[i].UsualOf = u.Median.Microseconds(), u.Runs
			}
		}
	}
}

func micros(us int64) time.Duration { return time.Duration(us) * time.Microsecond }
