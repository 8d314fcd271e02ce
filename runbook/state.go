// Package runbook is the run: its state (a fold of the log), what may be done
// next, and the session that does it. It knows no screen.
package runbook

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"runbook/runbook/book"
	"runbook/runbook/journal"
	"runbook/steps"
)

// State is what has become of a step.
type State uint8

// The states of a step. Unknown is a command whose end nobody saw, or a check
// that could not measure.
const (
	Pending State = iota
	Running
	Passed
	Failed
	Unknown
	Confirmed
	Declined
	Skipped
	Accepted
	ByHand
	NotApplicable
)

var stateNames = [...]string{
	Pending: "pending", Running: "running", Passed: "passed", Failed: "failed", Unknown: "unknown",
	Confirmed: "confirmed", Declined: "declined", Skipped: "skipped", Accepted: "accepted",
	ByHand: "by hand", NotApplicable: "not applicable",
}

// String is the word of the state.
func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return fmt.Sprintf("state(%d)", uint8(s))
}

// MarshalText writes the state's word.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Settled reports whether the phase gate lets the step pass.
func (s State) Settled() bool {
	switch s {
	case Passed, Confirmed, Skipped, Accepted, ByHand, NotApplicable:
		return true
	case Pending, Running, Failed, Unknown, Declined:
	}
	return false
}

// Open reports whether the step waits for a person's decision.
func (s State) Open() bool { return s == Failed || s == Unknown || s == Declined }

// StepState is all that a screen shows of a step. Seen is the number of the
// last entry that touched it: an intent carries it back.
type StepState struct {
	State     State
	Seen      uint64
	Attempt   int           // how often it was started
	Result    *steps.Result // of the last look, or of a command: exit code and such as evidence
	Exit      *int          // of a command that ended
	Ended     string        // how a command's own end was seen: "it ended with exit 1"; empty if nobody saw it
	Reason    string        // why it was skipped, accepted, not applicable, declined, done by hand
	Who       string        // who did it by hand
	Answer    string        // what a person confirmed, chose or approved
	Rehearsed bool          // answered by --rehearse
	Reported  bool          // an approval that the driver passed on: it is no signature
	Signed    *Signature    // of an approval: the signature that decides
	Verified  bool          // settled by its verify, not by its own end
	Partly    bool          // its verify saw that a part of it is done
	At        time.Time     // of the last entry, or of the start while it runs
	Took      time.Duration

	Hosts             []HostState    // of a command on hosts, in the step's order, as far as they had their turn
	order, verdictKey string         // what its last intent commits to
	before            map[string]int // what was pending when it was started, by place

	Began time.Time // of a watch: slot k is due at Began + k*every, on the world's clock
	Slots []Slot    // of a watch, in order
}

// Slot is one measurement of a watch. A gap is a slot nobody measured.
type Slot struct {
	K       int
	Due     time.Time
	Verdict steps.Verdict
	Gap     bool
	Reason  string
}

// Note is a memo, or, with a step, what was done for it beside its verb.
type Note struct {
	At   time.Time
	Step string
	Text string
}

// PhaseState says when a phase was opened and closed.
type PhaseState struct{ Opened, Closed time.Time }

// Run is the state of one execution: the fold of its log. A Run that a
// Session hands out is a snapshot and belongs to the caller.
type Run struct {
	ID       string // 32 hex
	Dir      string
	Book     string
	Target   string
	Mode     string // "deploy" or "rollback"
	Practice bool
	World    string   // id of the practice world
	Of       string   // the run a rollback undoes
	Ran      []string // the steps that changed the target there
	Guard    bool     // of a guarded target: production
	Demands  []string // the vars that the target demanded, such as a change ticket
	Vars     map[string]string
	Steps    map[string]*StepState
	Asides   map[string]steps.Result // looks out of turn, such as a hint's diagnosis: the last of each
	Phases   map[string]PhaseState
	Plan     string // the rollback plan being walked
	Notes    []Note

	Signatures []*Signature // in the order in which they came
	Rejected   string       // the step that a signature rejects: nothing changes the target while it holds

	Started  time.Time
	Ended    time.Time
	Outcome  string // "finished", "stopped", "rolled back"; empty while open
	LastAct  Act    // what a person did last
	Session  uint64 // the entry with which the last session began
	Operator string // as the log's session entries claim it: who drives, or drove last
	Terminal string // theirs, as they claim it
	Since    time.Time
	Key      string // fingerprint of the operator's key, or "none: why"
	Entries  uint64
	Head     string

	signers journal.Signers // whose keys count: see Signature.Void

	slots []journal.Entry // what timers measured, and how much of it is laid over the log
	laid  int

	// Unrecorded counts what a recovery did while the log could not be
	// written. It is of this process only.
	Unrecorded int

	// backends are the pids, by step, of the sessions of commands that work in
	// a database: each may be cancelled. They are of this process only.
	backends map[string][]int
}

// Short is the run's name for people: the first four digits of its id.
func (r *Run) Short() string { return r.ID[:min(4, len(r.ID))] }

// Step returns the state of a step. A step whose `when` does not hold is not
// applicable, whatever else is known of it.
func (r *Run) Step(s *book.Step) StepState {
	st := StepState{}
	if known := r.Steps[s.ID]; known != nil {
		st = *known
	}
	if st.State == Pending {
		for name, want := range s.When {
			if got, decided := r.Vars[name]; decided && got != want {
				st.State, st.Reason = NotApplicable, fmt.Sprintf("%s is %s", name, got)
			}
		}
	}
	return st
}

// Waits reports whether a `when` of the step depends on a choice not yet made.
func (r *Run) Waits(s *book.Step) bool {
	for name := range s.When {
		if _, decided := r.Vars[name]; !decided {
			return true
		}
	}
	return false
}

// Sequence is what is walked now: the phases of the book, or the chosen plan
// as a phase of its own.
func (r *Run) Sequence(b *book.Book) []*book.Phase {
	if r.Plan == "" {
		if r.Mode == ModeRollback {
			return nil
		}
		return b.Phases
	}
	for _, p := range b.Plans {
		if p.ID == r.Plan {
			return []*book.Phase{{ID: p.ID, Title: p.Title, Style: "read-do", Steps: p.Steps}}
		}
	}
	return nil
}

// Phase is the first phase that is not closed, nil if all are.
func (r *Run) Phase(b *book.Book) *book.Phase {
	for _, p := range r.Sequence(b) {
		if r.Phases[p.ID].Closed.IsZero() {
			return p
		}
	}
	return nil
}

// Files is the directory of one attempt of a command.
func (r *Run) Files(step string, attempt int) string {
	return r.place(filepath.Join(r.Dir, "steps", fmt.Sprintf("%s.%d", step, attempt)))
}

// Counts is how many steps of a phase are in each state.
func (r *Run) Counts(p *book.Phase) map[State]int {
	n := map[State]int{}
	for _, s := range p.Steps {
		n[r.Step(s).State]++
	}
	return n
}

// Warnings are the steps of a phase that passed with a warning: they are read
// out at the pause point.
func (r *Run) Warnings(p *book.Phase) []*book.Step {
	var warned []*book.Step
	for _, s := range p.Steps {
		if st := r.Step(s); st.State == Passed && st.Result != nil && st.Result.Verdict == steps.Warn {
			warned = append(warned, s)
		}
	}
	return warned
}

func (r *Run) clone() *Run {
	c := *r
	c.Vars, c.Phases, c.Asides = maps.Clone(r.Vars), maps.Clone(r.Phases), maps.Clone(r.Asides)
	c.Notes = append([]Note(nil), r.Notes...)
	c.Signatures = slices.Clone(r.Signatures)
	c.Steps = make(map[string]*StepState, len(r.Steps))
	for id, st := range r.Steps {
		copied := *st
		copied.Slots = st.Slots[:len(st.Slots):len(st.Slots)]
		copied.Hosts = slices.Clone(st.Hosts)
		c.Steps[id] = &copied
	}
	return &c
}
