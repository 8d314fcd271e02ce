package report

import (
	"encoding/json"
	"slices"
	"time"

	"runbook/runbook"
	"runbook/runbook/book"
	"runbook/runbook/journal"
)

// Signoff is a role whose word is wanted, or was given. State is "signed",
// "signed, not verified", "signed by the key of another role",
// "rejected", "reported" (who drove said so: no signature), "reported against",
// "missing", or "not asked" in a recovery, which waits for nobody.
type Signoff struct {
	Role      string     `json:"role"`
	Scope     string     `json:"scope"` // "run" or "phase:ID"
	Title     string     `json:"title,omitempty"`
	Wanted    bool       `json:"wanted"`
	Distinct  bool       `json:"distinct,omitempty"` // its key may sign no other role
	State     string     `json:"state"`
	Decisions []Decision `json:"decisions"`
}

// Decision is what somebody decided in a role. How is "signed" or "reported".
type Decision struct {
	Entry       uint64     `json:"entry"`
	At          time.Time  `json:"at"`
	How         string     `json:"how"`
	Decision    string     `json:"decision"`            // approve, reject or withdraw
	Principal   string     `json:"principal,omitempty"` // as who appended it says
	Fingerprint string     `json:"fingerprint,omitempty"`
	By          string     `json:"by,omitempty"` // of what is reported: who drove
	Note        string     `json:"note,omitempty"`
	Of          uint64     `json:"of,omitempty"`            // the entry up to which it speaks of the log
	SaysAt      *time.Time `json:"says_at,omitempty"`       // the time in the statement
	ReportSHA   string     `json:"report_sha256,omitempty"` // of the report that was signed
	Report      string     `json:"report,omitempty"`        // what that report is: "as this log gives it", or another
	Fault       string     `json:"fault,omitempty"`         // why it does not count
	Identity    string     `json:"identity,omitempty"`      // whose key it is, says who verified
	Rehearsed   bool       `json:"rehearsed,omitempty"`
}

// doubled is a role that must have a key of its own, and does not.
const doubled = "signed by the key of another role"

// How a decision came into the log.
const (
	signed   = "signed"
	reported = "reported"
)

// tally collects decisions as the log is read.
type tally struct {
	order []journal.Required // roles and scopes in the order of their first decision
	given map[journal.Required][]Decision
}

func (t *tally) add(role, scope string, d Decision) {
	key := journal.Required{Role: role, Scope: scope}
	if t.given == nil {
		t.given = map[journal.Required][]Decision{}
	}
	if _, known := t.given[key]; !known {
		t.order = append(t.order, key)
	}
	t.given[key] = append(t.given[key], d)
}

// entry takes up what an entry says of a sign-off.
func (t *tally) entry(g *gatherer, e journal.Entry) {
	switch e.Kind {
	case "ask":
		var b body
		if json.Unmarshal(e.Body, &b) != nil || b.Role == "" {
			return
		}
		d := Decision{Entry: e.N, At: e.Time, How: reported, Decision: journal.DecisionApprove, By: g.driver(b.Rehearsed), Note: b.Value, Rehearsed: b.Rehearsed}
		if b.Answer == "rejected" {
			d.Decision = journal.DecisionReject
		}
		t.add(b.Role, g.scope(b.Step), d)
	case journal.KindAttest:
		t.attested(g, e)
	}
}

// scope is what an approval is about: what the step says, else its phase.
func (g *gatherer) scope(id string) string {
	s := g.book.Step(id)
	if s == nil {
		return ""
	}
	if v, ok := s.Verb.(book.Ask); ok && v.Approve != nil && v.Approve.Scope != "" {
		return v.Approve.Scope
	}
	return journal.PhaseScope(s.Phase)
}

// attested takes up a signature. That it holds the log has checked; whose key it
// is says who verifies.
func (t *tally) attested(g *gatherer, e journal.Entry) {
	for _, s := range g.run.Signatures {
		if s.Entry != e.N {
			continue
		}
		t.add(s.Role, s.Scope, Decision{
			Entry: e.N, At: e.Time, How: signed, Decision: s.Decision, Principal: s.Principal, Fingerprint: s.Key,
			Note: s.Note, Of: s.N, SaysAt: &s.Time, ReportSHA: s.ReportSHA, Rehearsed: s.Rehearsed,
		})
	}
}

// signoffs are those that are wanted, in the book's order, and what was given
// beyond them.
func (t *tally) signoffs(g *gatherer) []Signoff {
	wanted := g.start.Signoffs
	if wanted == nil {
		for _, s := range g.book.Signoffs {
			wanted = append(wanted, journal.Required{Role: s.Role, Scope: s.Scope, Distinct: s.Distinct})
		}
	}
	all, seen := []Signoff{}, map[journal.Required]bool{}
	add := func(one journal.Required, isWanted bool) {
		key := journal.Required{Role: one.Role, Scope: one.Scope}
		if seen[key] {
			return
		}
		seen[key] = true
		s := Signoff{Role: one.Role, Scope: one.Scope, Distinct: one.Distinct, Wanted: isWanted, Decisions: append([]Decision{}, t.given[key]...)}
		for _, known := range g.book.Signoffs {
			if known.Role == one.Role {
				s.Title = known.Title
			}
		}
		s.State = s.state(g.run.Plan != "" || g.run.Mode == runbook.ModeRollback)
		for _, counted := range g.run.Signoffs(g.book) {
			if counted.Role == s.Role && counted.Scope == s.Scope && counted.By == nil && s.State == signed {
				s.State = doubled
			}
		}
		all = append(all, s)
	}
	for _, one := range wanted {
		add(one, true)
	}
	for _, one := range t.order {
		add(one, false)
	}
	return all
}

// state is what the decisions of a role come to: the last word of each key, and
// a rejection before all.
func (s *Signoff) state(recovery bool) string {
	var bySignature []Decision
	said := ""
	for _, d := range s.Decisions {
		if d.How == signed {
			bySignature = append(bySignature, d)
		} else {
			said = d.Decision
		}
	}
	last := journal.LastWords(bySignature, s.Role, s.Scope, func(d Decision) (string, journal.Signoff) {
		word := journal.Signoff{Role: s.Role, Scope: s.Scope, Decision: d.Decision, Time: *d.SaysAt}
		word.N = d.Of
		return d.Fingerprint, word
	})
	approved := false
	for _, word := range last {
		if word.Decision == journal.DecisionReject {
			return "rejected"
		}
		approved = approved || word.Decision == journal.DecisionApprove
	}
	switch {
	case approved:
		return signed
	case said == journal.DecisionReject:
		return "reported against"
	case said != "":
		return reported
	case recovery:
		return "not asked"
	}
	return "missing"
}

// rehearsed reports whether no person decided.
func (s Signoff) rehearsed() bool {
	return len(s.Decisions) > 0 && !slices.ContainsFunc(s.Decisions, func(d Decision) bool { return !d.Rehearsed })
}

// word is the state, with what must be seen of it.
func (s Signoff) word() string {
	if s.rehearsed() {
		return s.State + ", rehearsed"
	}
	return s.State
}

func (s Signoff) tone() string {
	if s.rehearsed() {
		return "care"
	}
	return tone(s.State)
}
