package runbook

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"runbook/runbook/book"
	"runbook/steps"
	"runbook/steps/supervise"
)

// HostState is a command on one of its hosts. It is Unknown from its intent on
// until its result is in the log.
type HostState struct {
	Host    string
	State   State
	Exit    *int
	Ended   string        // as a step's
	Result  *steps.Result // nil until it ended or was given up
	Attempt int
	At      time.Time // of its start
	Lost    bool      // it is Running, and the connection was lost: the host is asked

	order, verdictKey, proof string
	again                    string // the file of its output, if the host was asked for that once more
}

// Line is what is known of it in a few words; the text is not yet safe to show.
func (h HostState) Line() string {
	switch {
	case h.Lost:
		return "the connection is lost: " + h.Host + " is asked what became of it"
	case h.State == Running:
		return "runs"
	case h.Result == nil:
		return "started, its end was not seen yet"
	case h.Result.Reason != "":
		return h.Result.Reason
	case len(h.Result.Evidence) > 0:
		return h.Result.Evidence[0].Label + " " + h.Result.Evidence[0].Value
	}
	return h.State.String()
}

func (st *StepState) host(name string) *HostState {
	for i := range st.Hosts {
		if st.Hosts[i].Host == name {
			return &st.Hosts[i]
		}
	}
	return nil
}

// due are the hosts of a step's next attempt: those where it has not passed,
// all of them if it passed everywhere and was done again.
func (r *Run) due(step *book.Step) []string {
	if step == nil {
		return nil
	}
	st := r.Steps[step.ID]
	left := slices.DeleteFunc(slices.Clone(step.On), func(name string) bool {
		return st != nil && st.host(name) != nil && st.host(name).State == Passed
	})
	if len(left) == 0 {
		return step.On
	}
	return left
}

// startHost takes up an intent for one host. A new attempt keeps the hosts it
// is not for.
func (st *StepState) startHost(due []string, body runIntentBody, before map[string]int, at time.Time) {
	if st.Attempt != body.Attempt {
		st.Hosts = slices.DeleteFunc(slices.Clone(st.Hosts), func(h HostState) bool { return slices.Contains(due, h.Host) })
		st.Attempt, st.Verified, st.Who, st.Partly, st.before = body.Attempt, false, "", false, before
	}
	st.order, st.verdictKey = body.Order, body.VerdictKey
	if st.host(body.Host) == nil {
		st.Hosts = append(st.Hosts, HostState{})
	}
	h := &st.Hosts[slices.IndexFunc(st.Hosts, func(h HostState) bool { return h.Host == body.Host || h.Host == "" })]
	*h = HostState{
		Host: body.Host, State: Unknown, Attempt: body.Attempt, At: at,
		order: body.Order, verdictKey: body.VerdictKey, proof: body.Proof,
	}
}

// endHost takes up a result of one host.
func (st *StepState) endHost(body runResultBody, at time.Time) {
	if h := st.host(body.Host); h != nil {
		h.State, h.Exit, h.Ended, h.Result, h.again = StateOf(body.Verdict), body.Exit, body.ended(), body.result(at), ""
		if body.Again {
			h.again = againFile(body.OutSHA256)
		}
	}
}

// judgeHosts makes the step's state of those of its hosts. One whose end is
// not known weighs more than one that failed: it may not be started again.
func (st *StepState) judgeHosts(step *book.Step) {
	if step == nil || len(st.Hosts) == 0 {
		return
	}
	var reasons []string
	var took time.Duration
	result := steps.Result{Verdict: steps.Pass, Where: "on " + strings.Join(step.On, ", ")}
	seen := map[State]bool{}
	for _, name := range step.On {
		h := st.host(name)
		if h == nil {
			h = &HostState{State: Failed, Result: &steps.Result{Verdict: steps.Fail, Reason: "not started"}}
		}
		seen[h.State] = true
		result.Saw(name, h.Line(), "", "")
		if h.State != Passed {
			reasons = append(reasons, name+": "+h.Line())
		}
		if h.Result != nil {
			result.Verdict, took = result.Verdict.Worse(h.Result.Verdict), max(took, h.Result.Took)
		}
	}
	st.Exit, st.Ended, st.Took, st.Reason, st.State = nil, "", took, strings.Join(reasons, "; "), Passed
	switch {
	case seen[Unknown]:
		st.State, result.Verdict = Unknown, steps.Unknown
	case seen[Failed]:
		st.State = Failed
	}
	st.Result = nil
	if only := st.Hosts[0]; len(step.On) == 1 {
		st.Exit, st.Ended, st.Reason = only.Exit, only.Ended, only.Line()
		if only.Result == nil {
			return
		}
		st.Reason = only.Result.Reason
		result.Evidence = only.Result.Evidence
	}
	if slices.ContainsFunc(st.Hosts, func(h HostState) bool { return h.Result == nil }) {
		return
	}
	result.Reason, result.Took = st.Reason, took
	result.Began = st.Hosts[0].At
	st.Result = &result
}

// filesOn is the directory of one attempt of a command on a host; here, if host
// is empty.
func (r *Run) filesOn(step string, attempt int, host string) string {
	if host == "" {
		return r.Files(step, attempt)
	}
	return r.place(filepath.Join(r.Dir, "steps", fmt.Sprintf("%s.%d.%s", step, attempt, host)))
}

// againFile names the output of a command on a host, without secrets, as the
// host was asked for it once more. Each that differs has a file of its own: a
// later one must not take away what an earlier entry recorded.
func againFile(sum string) string { return "again." + sum + ".red" }

// HostOutput is the output of a command on a host; the file may not be there
// yet.
type HostOutput struct{ Host, Path string }

// Outputs are the redacted outputs of the last attempt on each host.
func (r *Run) Outputs(s *book.Step) []HostOutput {
	var all []HostOutput
	st := r.Step(s)
	for _, h := range st.Hosts {
		if h.Attempt == st.Attempt {
			all = append(all, HostOutput{h.Host, r.outputOn(s, h)})
		}
	}
	return all
}

// outputOn is the redacted output of the last attempt on a host.
func (r *Run) outputOn(step *book.Step, h HostState) string {
	files := r.filesOn(step.ID, h.Attempt, h.Host)
	if path := filepath.Join(files, h.again); h.again != "" {
		if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() {
			return path
		}
	}
	return filepath.Join(files, supervise.OutputFile)
}

func (h HostState) over() bool { return h.Result != nil }

// foremost is the host whose output is shown: one that runs, else one that did
// not pass, else the last.
func (st *StepState) foremost() HostState {
	for _, wanted := range []func(HostState) bool{
		func(h HostState) bool { return !h.over() },
		func(h HostState) bool { return h.State != Passed },
	} {
		if i := slices.IndexFunc(st.Hosts, wanted); i >= 0 {
			return st.Hosts[i]
		}
	}
	return st.Hosts[len(st.Hosts)-1]
}

// unseen reports whether it was started on a host, and nothing is written down
// of its end there.
func (st *StepState) unseen() bool {
	return slices.ContainsFunc(st.Hosts, func(h HostState) bool { return h.State == Unknown && !h.over() })
}

// asksHosts reports whether a host may know more of an unknown end.
func (st *StepState) asksHosts() bool {
	return st.State == Unknown && st.Who == "" && slices.ContainsFunc(st.Hosts, func(h HostState) bool { return h.State == Unknown })
}

// overlayHosts is overlay for a command on hosts: it runs where an ssh does.
// How it ended only its hosts know, and only who drives asks them.
func (r *Run) overlayHosts(step *book.Step, st *StepState) {
	for _, h := range st.Hosts {
		if h.State == Unknown && supervise.Classify(r.filesOn(step.ID, h.Attempt, h.Host), h.verdictKey).Class.Alive() {
			st.State, st.Reason = Running, ""
		}
	}
}
