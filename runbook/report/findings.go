package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"runbook/runbook"
)

// The kinds of finding that are no state of a step.
const (
	waived   = "waived"
	warning  = "warning"
	verified = "verified"
	repeated = "repeated"
)

// worst are the kinds of finding in the order in which they are read.
var worst = []string{
	runbook.Failed.String(), runbook.Unknown.String(), runbook.Declined.String(), runbook.Running.String(),
	runbook.Accepted.String(), waived, runbook.Skipped.String(), runbook.ByHand.String(), verified, reported, warning, repeated,
	runbook.NotApplicable.String(), runbook.Pending.String(),
}

// findings are the steps that did not simply pass, the worst first.
func findings(a *Account) []Finding {
	all := []Finding{}
	for _, phases := range [][]Phase{a.Phases, a.Plans} {
		for _, p := range phases {
			for _, s := range p.Steps {
				if f, ok := finding(s); ok {
					f.Phase = p.ID
					if a.Ended != nil && f.Kind == runbook.Running.String() {
						f.Reason = cmp.Or(f.Reason, "not finished when the run ended")
					}
					all = append(all, f)
				}
			}
		}
	}
	slices.SortStableFunc(all, func(x, y Finding) int {
		return slices.Index(worst, x.Kind) - slices.Index(worst, y.Kind)
	})
	return all
}

func finding(s Step) (f Finding, ok bool) {
	f = Finding{Kind: s.State, Step: s.ID, Title: s.Title, Critical: s.Critical, Reason: cmp.Or(s.Reason, s.Answer)}
	switch s.State {
	case runbook.Confirmed.String():
		if f.Kind = reported; !s.Reported {
			return f, false
		}
	case runbook.Passed.String():
		switch tries := s.tries(); {
		case s.Verdict == "warn":
			f.Kind = warning
		case s.Verified:
			f.Kind, f.Reason = verified, strings.TrimSuffix("its verify says that it is done: "+s.Reason, ": ")
		case tries > 1:
			f.Kind, f.Reason = repeated, fmt.Sprintf("it passed at try %d", tries)
		default:
			return f, false
		}
	}
	if n := len(s.Acts); n > 0 {
		last := s.Acts[n-1]
		f.Entry, f.At, f.Waiver = last.Entry, &last.At, last.Waiver
		for _, act := range slices.Backward(s.Acts) {
			if f.By = act.By; f.By != "" {
				break
			}
		}
	}
	if f.Waiver != nil && s.State == runbook.Accepted.String() {
		f.Kind, f.By = waived, f.Waiver.By
	}
	return f, true
}

// tries is how often a step was looked at or started until it passed, as far as
// its acts are told; a watch is one try.
func (s Step) tries() (n int) {
	if s.Watch != nil {
		return 1
	}
	failed := false
	for _, act := range s.Acts {
		if act.What == "looked" || act.End != nil {
			n++
			failed = failed || act.Verdict != "pass" && act.Verdict != "warn"
		}
	}
	if !failed {
		return 1
	}
	return n
}

// stood are the findings that somebody decided or caused: what the book left out
// by itself, and what was not come to, groups tells.
func (a *Account) stood() []Finding {
	return slices.DeleteFunc(slices.Clone(a.Findings), Finding.quiet)
}

// quiet reports whether no entry is about the step.
func (f Finding) quiet() bool {
	return f.Entry == 0 && (f.Kind == runbook.NotApplicable.String() || f.Kind == runbook.Pending.String())
}

// groups are the steps that were left out or not come to, by why.
func (a *Account) groups() []pair {
	var all []pair
	at := map[string]int{}
	for _, f := range a.Findings {
		if !f.quiet() {
			continue
		}
		name := strings.TrimSuffix(f.Kind+", "+f.Reason, ", ")
		if f.Kind == runbook.Pending.String() && a.Ended != nil {
			name = "left open"
		}
		if _, known := at[name]; !known {
			at[name] = len(all)
			all = append(all, pair{Name: name})
		}
		p := &all[at[name]]
		p.Value = strings.TrimPrefix(p.Value+", "+f.Phase+"/"+f.Step, ", ")
	}
	return all
}
