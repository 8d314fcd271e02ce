// Package report folds a run for people who do not drive it: the lead who
// asks, the pipeline that waits.
package report

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"runbook/runbook"
	"runbook/runbook/book"
	"runbook/runbook/journal"
	"runbook/steps/safetext"
)

// Status is what `runbook status` says of a run, as JSON and as lines.
type Status struct {
	Run      string `json:"run"`
	Book     string `json:"book"`
	Target   string `json:"target"`
	Mode     string `json:"mode"`
	Practice bool   `json:"practice"`
	// Demanded is what the target demanded of the run, such as a change ticket.
	Demanded map[string]string `json:"demanded,omitempty"`
	Started  time.Time         `json:"started"`
	Ended    *time.Time        `json:"ended,omitempty"`
	Outcome  string            `json:"outcome,omitempty"`
	Phase    string            `json:"phase,omitempty"`
	Plan     string            `json:"plan,omitempty"`
	Counts   map[string]int    `json:"counts"`
	Open     []Item            `json:"open"`
	// Rehearsed is how many of the steps a rehearsal answered.
	Rehearsed int        `json:"rehearsed"`
	NextSlot  *time.Time `json:"next_slot,omitempty"`
	Operator  string     `json:"operator"`
	Key       string     `json:"key"`
	Driven    bool       `json:"driven"`
	Entries   uint64     `json:"entries"`
	Head      string     `json:"head"`
	Damage    string     `json:"damage,omitempty"` // what is wrong behind the last good entry
	Away      string     `json:"away,omitempty"`   // where it lies, if its home had no room
	Signoffs  []Role     `json:"signoffs"`         // the roles that have to sign
	signoff   string     // the same in words
}

// Item is a step that waits for a person.
type Item struct {
	Step   string        `json:"step"`
	Title  string        `json:"title"`
	State  runbook.State `json:"state"`
	Reason string        `json:"reason,omitempty"`
}

// Role is a role that has to sign, and what it did.
type Role struct {
	journal.Required
	Decision string `json:"decision,omitempty"` // approve, or a reject that holds
	By       string `json:"by,omitempty"`
}

// roles are those that have to sign a run.
func roles(b *book.Book, r *runbook.Run) []Role {
	all := []Role{}
	for _, s := range r.Signoffs(b) {
		role := Role{Required: s.Required}
		if s.By != nil {
			role.Decision, role.By = s.By.Decision, s.By.By()
		}
		all = append(all, role)
	}
	return all
}

// Of folds a run. driven says whether somebody holds its lock; damage is the
// error behind the last good entry, or nil.
func Of(b *book.Book, r *runbook.Run, driven bool, damage error) Status {
	s := Status{
		Run: r.ID, Book: r.Book, Target: r.Target, Mode: r.Mode, Practice: r.Practice, Started: r.Started,
		Outcome: r.Outcome, Plan: r.Plan, Counts: map[string]int{}, Open: []Item{},
		Operator: r.Operator, Key: r.Key, Driven: driven, Entries: r.Entries, Head: r.Head,
		Away: r.Away(), Signoffs: roles(b, r), signoff: runbook.SignoffLine(r.Signoffs(b)),
	}
	for _, name := range r.Demands {
		if s.Demanded == nil {
			s.Demanded = map[string]string{}
		}
		s.Demanded[name] = r.Vars[name]
	}
	if damage != nil {
		s.Damage = damage.Error()
	}
	if !r.Ended.IsZero() {
		s.Ended = &r.Ended
	}
	for _, p := range r.Sequence(b) {
		for state, n := range r.Counts(p) {
			s.Counts[state.String()] += n
		}
		for _, step := range p.Steps {
			if r.Step(step).Rehearsed {
				s.Rehearsed++
			}
		}
	}
	p := r.Phase(b)
	if p == nil {
		return s
	}
	s.Phase = p.ID
	for _, step := range p.Steps {
		if st := r.Step(step); st.State.Open() {
			item := Item{Step: step.ID, Title: step.Title, State: st.State, Reason: st.Reason}
			if item.Reason == "" && st.Result != nil {
				item.Reason = st.Result.Reason
			}
			s.Open = append(s.Open, item)
		}
	}
	if due := r.NextSlot(b); !due.IsZero() && r.Ended.IsZero() {
		s.NextSlot = &due
	}
	return s
}

// JSON is the status as one object.
func (s Status) JSON() ([]byte, error) { return json.MarshalIndent(s, "", "  ") }

// Lines are six lines to paste where the question was asked.
func (s Status) Lines(now time.Time) []string {
	world := s.Target
	if s.Practice {
		world = "PRACTICE " + world
	}
	lines := []string{fmt.Sprintf("%s  %s on %s  %s", s.Run[:min(8, len(s.Run))], s.Book, world, s.Mode)}
	state := "open, " + stand(s)
	rehearsed := ""
	if s.Rehearsed > 0 {
		rehearsed = fmt.Sprintf(", %d of them rehearsed", s.Rehearsed)
	}
	if s.Ended != nil {
		state = strings.ToUpper(s.Outcome) + " " + s.Ended.UTC().Format("2006-01-02 15:04:05Z")
	}
	if s.Damage != "" {
		state = "DAMAGED, readable up to here: " + state
	}
	driver := "nobody drives it now"
	if s.Driven {
		driver = "driven now"
	}
	for _, name := range slices.Sorted(maps.Keys(s.Demanded)) {
		lines[0] += "  " + name + " " + s.Demanded[name]
	}
	lines = append(lines,
		"state    "+state,
		"steps    "+counts(s.Counts)+rehearsed,
		"since    "+s.Started.UTC().Format("2006-01-02 15:04:05Z")+", "+now.Sub(s.Started).Round(time.Second).String()+" ago",
		"who      "+s.Operator+", "+driver+", "+byKey(s.Key),
		"log      "+journal.HeadLine(s.Run, s.Entries, s.Head),
	)
	if s.signoff != "" {
		lines = append(lines, s.signoff)
	}
	for _, item := range s.Open {
		lines = append(lines, fmt.Sprintf("open     %s %s: %s", item.Step, item.State, item.Reason))
	}
	if s.Damage != "" {
		lines = append(lines, "DAMAGE   "+s.Damage)
	}
	if s.Away != "" {
		lines = append(lines, "NOT RECORDED in the home, which was full: it lies in "+s.Away)
	}
	for i, line := range lines {
		lines[i] = safetext.Line(line)
	}
	return lines
}

func stand(s Status) string {
	switch {
	case s.Phase == "" && s.Plan == "" && s.Mode == runbook.ModeRollback:
		return "no plan chosen"
	case s.Phase == "":
		return "everything is closed, the end is not written"
	case s.NextSlot != nil:
		return "in " + s.Phase + ", next slot " + s.NextSlot.UTC().Format("2006-01-02 15:04Z")
	case s.Plan != "":
		return "rolling back by " + s.Plan
	}
	return "in " + s.Phase
}

func counts(n map[string]int) string {
	var parts []string
	for state := runbook.Pending; state <= runbook.NotApplicable; state++ {
		if c := n[state.String()]; c > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", c, state))
		}
	}
	return strings.Join(parts, ", ")
}
