package runbook

import (
	"slices"
	"strconv"
	"time"

	"runbook/runbook/book"
)

// The kinds of intent. They are also the words of plain mode.
const (
	Check    = "check"   // look: one step, or with no step every check whose turn it is
	Recheck  = "recheck" // look again; for a command of unknown end, run its verify
	RunStep  = "run"
	Confirm  = "confirm"
	Decline  = "decline"
	Decide   = "decide"
	Approve  = "approve"
	Reject   = "reject"
	Sign     = "sign" // with the driver's own key: see Session.Statement
	Tell     = "tell"
	WatchIt  = "watch" // begin every watch whose turn it is
	Slots    = "slots" // measure the slots that are due
	Jump     = "jump"  // practice: move the clock to the next slot
	Accept   = "accept"
	Skip     = "skip"
	NA       = "na"
	ByHandIt = "by-hand"
	Memo     = "memo"
	Cancel   = "cancel"
	Rollback = "rollback"
	Close    = "close" // the pause point is read: the phase closes
	End      = "end"

	CancelBackend = "cancel-backend" // cancel what a session of a command does in its database
)

// Intent is one thing that may be done. Seen is the entry that the person saw
// last of the step: if it has moved since, the intent is stale.
type Intent struct {
	Kind string
	Step string // id of a step, or of a phase for Close, of a plan for Rollback
	Seen uint64
	Text string // a reason, an answer, a memo; of RunStep the Digest of what was shown, if it was; of Sign the statement; of CancelBackend a pid
}

// Next is what may be done now, the suggested first. It is pure: the session
// holds every intent against it.
func Next(b *book.Book, r *Run, now time.Time) []Intent {
	if !r.Ended.IsZero() {
		return nil
	}
	p := r.Phase(b)
	cancels := r.cancels(b)
	var all []Intent
	if first, ok := Suggest(b, r, now); ok {
		all = append(all, first)
	}
	if p != nil {
		all = append(all, legal(r, p)...)
	}
	all = append(all, cancels...)
	all = append(all, r.cancelBackends(b)...)
	if due := r.NextSlot(b); !due.IsZero() && r.Practice && now.Before(due) {
		all = append(all, Intent{Kind: Jump})
	}
	all = append(all, Intent{Kind: Memo})
	if len(cancels) == 0 {
		all = append(all, Intent{Kind: End}) // not under a command: its result could not be written
	}
	return append(all, rollbacks(b, r)...)
}

// Suggest is the one thing to do next, if there is one: what the one key does.
func Suggest(b *book.Book, r *Run, now time.Time) (Intent, bool) {
	if !r.Ended.IsZero() {
		return Intent{}, false
	}
	p := r.Phase(b)
	if p == nil {
		return Intent{Kind: End}, len(r.Sequence(b)) > 0 && len(r.cancels(b)) == 0
	}
	if all := suggest(b, r, p, now); len(all) > 0 {
		return all[0], true
	}
	return Intent{}, false
}

// cancels is a Cancel for every run of the book that goes on, whatever is
// walked now: a rollback may have been chosen over it.
func (r *Run) cancels(b *book.Book) []Intent {
	var all []Intent
	for _, s := range b.All() {
		if st := r.Steps[s.ID]; st != nil && st.State == Running && isRun(s) {
			all = append(all, Intent{Kind: Cancel, Step: s.ID, Seen: st.Seen})
		}
	}
	return all
}

// cancelBackends is a CancelBackend for every session of a command that works
// in a database, while the command runs or its end is open.
func (r *Run) cancelBackends(b *book.Book) []Intent {
	var all []Intent
	for _, s := range b.All() {
		for _, pid := range r.backends[s.ID] {
			all = append(all, Intent{Kind: CancelBackend, Step: s.ID, Seen: r.Steps[s.ID].Seen, Text: strconv.Itoa(pid)})
		}
	}
	return all
}

// suggest is what the one key does: what is due, what can be looked at, what
// is wrong, what comes next, and only then the end of the phase.
func suggest(b *book.Book, r *Run, p *book.Phase, now time.Time) []Intent {
	if due := r.NextSlot(b); !due.IsZero() && !now.Before(due) {
		return []Intent{{Kind: Slots}}
	}
	if len(r.Turn(p, isCheck)) > 0 {
		return []Intent{{Kind: Check}}
	}
	if s := r.FirstOpen(p); s != nil {
		return r.again(p, s)
	}
	if len(r.Turn(p, isWatch)) > 0 {
		return []Intent{{Kind: WatchIt}}
	}
	for _, s := range p.Steps {
		if r.Step(s).State == Pending && r.inTurn(p, s) {
			return []Intent{{Kind: answers(s)[0], Step: s.ID, Seen: r.Step(s).Seen}}
		}
	}
	if r.settled(p) {
		return []Intent{{Kind: Close, Step: p.ID}}
	}
	return nil
}

// FirstOpen is the first step of a phase that failed, was declined or whose
// end is unknown.
func (r *Run) FirstOpen(p *book.Phase) *book.Step {
	for _, s := range p.Steps {
		if r.Step(s).State.Open() {
			return s
		}
	}
	return nil
}

// again is how a step that went wrong is taken up: looked at once more, asked
// once more. A command with an effect is never suggested a second time; its
// verify is. A watch is a person's decision.
func (r *Run) again(p *book.Phase, s *book.Step) []Intent {
	st := r.Step(s)
	kind := answers(s)[0]
	switch {
	case isWatch(s), isRun(s) && s.Verify == "" && s.Effect != "none" && !st.asksHosts():
		return nil
	case isCheck(s), isRun(s) && (s.Verify != "" || st.asksHosts()):
		kind = Recheck
	}
	if !slices.Contains(legalKinds(r, p, s, st), kind) {
		return nil
	}
	return []Intent{{Kind: kind, Step: s.ID, Seen: st.Seen}}
}

// answers are the intents that settle a step when all goes well, the good one
// first.
func answers(s *book.Step) []string {
	switch v := s.Verb.(type) {
	case book.Check:
		return []string{Check}
	case book.Run:
		return []string{RunStep}
	case book.Ask:
		switch v.Kind {
		case "decide":
			return []string{Decide}
		case "approve":
			return []string{Approve, Reject}
		}
		return []string{Confirm, Decline}
	case book.Tell:
		return []string{Tell}
	}
	return []string{WatchIt}
}

// legal lists what may be done with each step of the phase.
func legal(r *Run, p *book.Phase) []Intent {
	var all []Intent
	for _, s := range p.Steps {
		st := r.Step(s)
		for _, kind := range legalKinds(r, p, s, st) {
			all = append(all, Intent{Kind: kind, Step: s.ID, Seen: st.Seen})
		}
	}
	return all
}

func legalKinds(r *Run, p *book.Phase, s *book.Step, st StepState) []string {
	if st.State == Running {
		if isWatch(s) {
			return setAside(s)
		}
		return nil // what is seen now decides; a run can be cancelled
	}
	var kinds []string
	switch s.Verb.(type) {
	case book.Check:
		if st.State != NotApplicable && r.ready(p, s) {
			kinds = append(kinds, Check, Recheck)
		}
	case book.Run:
		if st.State.Open() && (s.Verify != "" || st.asksHosts()) {
			kinds = append(kinds, Recheck)
		}
		if (st.State == Pending || st.State == Failed || st.State == Unknown && !touched(s)) && r.ready(p, s) {
			kinds = append(kinds, RunStep)
		}
		if st.State == Pending || st.State.Open() {
			kinds = append(kinds, ByHandIt)
		}
	case book.Ask, book.Tell:
		if st.Signed != nil { // only signatures move what is signed
			return []string{Sign}
		}
		told := sends(s) && st.State.Open() // it was tried, and a person may have carried it since
		if (st.State == Pending || st.State == Declined || told || st.State == Confirmed && !decided(s)) && r.ready(p, s) {
			kinds = append(kinds, answers(s)...)
			if _, _, signs := s.Signs(); signs {
				kinds = append(kinds, Sign)
			}
		}
		if told {
			kinds = append(kinds, Confirm)
		}
		if !s.Guards && (st.State == Pending || st.State.Open()) {
			kinds = append(kinds, ByHandIt)
		}
	case book.Watch:
		if st.State == Pending && r.ready(p, s) || st.State.Open() {
			kinds = append(kinds, WatchIt)
		}
	}
	if s.Guards { // what a guarded target rests on is approved, or nothing changes
		return kinds
	}
	// A command of unknown end is settled by its verify or by hand alone.
	open := st.State.Open() && (st.State != Unknown || !touched(s))
	if open {
		kinds = append(kinds, Accept)
	}
	if st.State == Pending || open && !s.Critical {
		kinds = append(kinds, setAside(s)...)
	}
	return kinds
}

// touched reports whether a step of unknown end may have changed the target.
func touched(s *book.Step) bool { return isRun(s) && !isProbe(s) && s.Effect != "none" }

// decided reports whether the answer of an ask has already been built upon: a
// choice is made once in a run, a message told once.
func decided(s *book.Step) bool {
	ask, ok := s.Verb.(book.Ask)
	return !ok || ask.Kind == "decide"
}

// sends reports whether a step sends its message by itself.
func sends(s *book.Step) bool { v, ok := s.Verb.(book.Tell); return ok && v.Sender != nil }

func setAside(s *book.Step) []string {
	if s.Critical {
		return []string{NA}
	}
	return []string{Skip, NA}
}

// ready reports whether it is the step's turn: what it depends on is known,
// every earlier barrier is behind it, and, before the target is changed,
// everything earlier in the phase is settled. In a rollback only the
// operator's own decision gates a step.
func (r *Run) ready(p *book.Phase, s *book.Step) bool {
	return r.Plan != "" || r.inTurn(p, s)
}

func (r *Run) inTurn(p *book.Phase, s *book.Step) bool {
	changes := isRun(s) && s.Effect != "none" && r.Plan == ""
	if r.Waits(s) || changes && r.Rejected != "" {
		return false
	}
	for _, before := range p.Steps {
		if before.ID == s.ID {
			return true
		}
		st := r.Step(before).State
		switch {
		case st.Settled():
		case changes:
			return false
		case isWatch(before) && isWatch(s): // watches of a phase run side by side
		case isCheck(before) && isCheck(s):
		case st == Pending || st == Running:
			return false
		}
	}
	return true
}

// Turn is the batch whose turn it is: the pending steps of one verb that no
// barrier holds back. In a plan too nothing is looked at before its time.
func (r *Run) Turn(p *book.Phase, of func(*book.Step) bool) []*book.Step {
	var batch []*book.Step
	for _, s := range p.Steps {
		if of(s) && r.Step(s).State == Pending && r.inTurn(p, s) {
			batch = append(batch, s)
		}
	}
	return batch
}

func (r *Run) settled(p *book.Phase) bool {
	return !slices.ContainsFunc(p.Steps, func(s *book.Step) bool { return !r.Step(s).State.Settled() })
}

func rollbacks(b *book.Book, r *Run) []Intent {
	var all []Intent
	for _, p := range r.Plans(b) {
		all = append(all, Intent{Kind: Rollback, Step: p.ID})
	}
	return all
}

// Plans are the plans that undo something that ran. Without such (a rollback
// of what was done outside) all plans are listed.
func (r *Run) Plans(b *book.Book) []*book.Plan {
	undone := map[string]bool{}
	for _, p := range b.Phases {
		for _, s := range p.Steps {
			if st := r.Steps[s.ID]; st != nil && isRun(s) && (st.Attempt > 0 || st.Who != "") {
				undone[s.Undo] = true
			}
		}
	}
	var plans []*book.Plan
	for _, p := range b.Plans {
		if slices.ContainsFunc(p.Steps, func(s *book.Step) bool { return undone[s.ID] }) {
			plans = append(plans, p)
		}
	}
	if len(plans) == 0 && r.Mode == ModeRollback {
		return b.Plans
	}
	return plans
}

func isCheck(s *book.Step) bool { _, ok := s.Verb.(book.Check); return ok }
func isRun(s *book.Step) bool   { _, ok := s.Verb.(book.Run); return ok }
func isProbe(s *book.Step) bool { v, ok := s.Verb.(book.Run); return ok && v.Probe != nil }
func isWatch(s *book.Step) bool { _, ok := s.Verb.(book.Watch); return ok }
