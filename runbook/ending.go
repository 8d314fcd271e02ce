package runbook

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"runbook/runbook/book"
	"runbook/steps"
	"runbook/steps/run"
	"runbook/steps/supervise"
)

// ending is the result that a command has by its directory, held against what
// its intent commits to.
func (s *Session) ending(step *book.Step, end supervise.Status, c run.Command) *runResultBody {
	s.mu.Lock()
	st := s.run.clone().Step(step)
	s.mu.Unlock()
	return endingOf(st, end, c)
}

func endingOf(st StepState, end supervise.Status, c run.Command) *runResultBody {
	body := &runResultBody{Outcome: "unknown", Source: end.Source}
	body.Verdict = steps.Unknown
	switch {
	case end.Class == supervise.Exited && end.Outcome.Order == st.order:
		body = resultOf(end.Outcome, c)
		body.Source = end.Source
	case end.Class == supervise.Exited:
		body.Reason = "what was executed is not what was approved: its verdict is of another order"
	case end.Class == supervise.NeverStarted:
		body.Outcome, body.Verdict, body.Reason = "not started", steps.Fail, "never started: the session ended before it"
	default:
		body.Reason = "nobody saw its end: there is " + end.Source
	}
	return body
}

// resultOf puts the end of a command in the words of the log. A cancelled command
// is unknown: how far it came its verify says.
func resultOf(o supervise.Outcome, c run.Command) *runResultBody {
	body := &runResultBody{Outcome: "exited", Bytes: o.Bytes, OutSHA256: o.SHA256, Signal: o.Signal}
	body.TookUS = o.Took.Microseconds()
	if o.Err == "" {
		body.Began = stamp(o.Began)
	}
	want := []int{0}
	if len(c.Exit) > 0 {
		want = c.Exit
	}
	switch {
	case o.Unseen != "":
		body.Outcome, body.Verdict, body.Reason = "unknown", steps.Unknown, o.Unseen
	case o.Cancelled:
		body.Outcome, body.Verdict, body.Reason = "cancelled", steps.Unknown, "cancelled: how far it came is not known"
		if o.Signal == "" && o.Err == "" {
			body.Exit = &o.Exit
		}
	case o.Err != "":
		body.Outcome, body.Verdict, body.Reason = "not started", steps.Fail, "not started: "+o.Err
	case o.Signal != "":
		body.Outcome, body.Verdict, body.Reason = "signalled", steps.Fail, "ended by signal "+o.Signal
	default:
		body.Exit, body.Verdict = &o.Exit, steps.Pass
		if !c.Success(o) {
			body.Verdict, body.Reason = steps.Fail, "exit "+strconv.Itoa(o.Exit)
		}
		body.Evidence = []steps.Evidence{{Label: "exit code", Value: strconv.Itoa(o.Exit), Limit: intList(want)}}
	}
	if o.Core {
		body.Evidence = append(body.Evidence, steps.Evidence{Label: "core dump", Value: "yes"})
	}
	body.kept(o)
	body.leaves(o.Leftovers)
	return body
}

// NotKept is the label of the evidence that output is missing.
const NotKept = "not recorded in full"

// kept says what is not kept of a command's output, and that the disk of it was
// full: then the command itself may have failed to write.
func (b *runResultBody) kept(o supervise.Outcome) {
	if o.Warn == "" {
		return
	}
	b.Evidence = append(b.Evidence, steps.Evidence{Label: NotKept, Value: o.Warn})
	text := "what it printed is not kept in full"
	switch {
	case o.Lost > 0:
		text = fmt.Sprintf("the disk is full: %d bytes that it printed are lost", o.Lost)
	case o.Full:
		text = "the disk that keeps its output was full"
	}
	switch {
	case b.Verdict == steps.Pass:
		b.Verdict, b.Reason = steps.Warn, "it ended well, but "+text
	case o.Full || o.Lost > 0:
		b.Reason += "; " + text
	}
}

// maxNamed is how many processes a reason names; the evidence has them all.
const maxNamed = 5

// leaves names what outlived a command: what runs still, and what was killed
// with one that was cancelled.
func (b *runResultBody) leaves(leftovers []string) {
	var running, killed []string
	for _, name := range leftovers {
		if name, ok := strings.CutSuffix(name, " (killed)"); ok {
			killed = append(killed, name)
			continue
		}
		running = append(running, strings.TrimSuffix(name, " (still runs)"))
	}
	say := func(label string, names []string) {
		if len(names) == 0 {
			return
		}
		b.Evidence = append(b.Evidence, steps.Evidence{Label: label, Value: strings.Join(names, ", ")})
		if more := len(names) - maxNamed; more > 0 {
			names = append(slices.Clone(names[:maxNamed]), fmt.Sprintf("%d more", more))
		}
		switch text := strings.Join(names, ", "); b.Verdict {
		case steps.Pass:
			b.Verdict, b.Reason = steps.Warn, "it ended, and left processes running: "+text
		default:
			b.Reason += "; " + label + ": " + text
		}
	}
	say("still running", running)
	say("left behind and killed", killed)
}

// ended is how a command's own end was seen, for people; empty if nobody saw it.
func (b runResultBody) ended() string {
	how := ""
	switch {
	case b.Exit != nil:
		how = fmt.Sprintf("ended with exit %d", *b.Exit)
	case b.Signal != "":
		how = "ended by " + b.Signal
	case b.Outcome == "not started":
		return "it was not started"
	}
	switch {
	case b.Outcome == "cancelled":
		return strings.TrimSuffix("it was cancelled and "+how, " and ")
	case b.Signal != "":
		return "it was " + how
	case how != "":
		return "it " + how
	}
	return ""
}

func intList(codes []int) string {
	words := make([]string, len(codes))
	for i, c := range codes {
		words[i] = strconv.Itoa(c)
	}
	return strings.Join(words, " or ")
}
