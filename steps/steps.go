// Package steps holds the words that every step shares: what was seen
// (Verdict, Evidence, Result) and where it was looked at (World).
package steps

import (
	"errors"
	"fmt"
	"strconv"
	"time"
)

// Verdict is what a check decided. The zero value is Unknown: what was not
// measured never looks like a pass.
type Verdict uint8

// The verdicts, worst knowledge first: Unknown could not be measured, Blocked
// queued behind somebody's lock, the other three were measured.
const (
	Unknown Verdict = iota
	Blocked
	Fail
	Warn
	Pass
)

var verdictNames = [...]string{Unknown: "unknown", Blocked: "blocked", Fail: "fail", Warn: "warn", Pass: "pass"}

// String is the word used on screens, in the log and in JSON.
func (v Verdict) String() string {
	if int(v) < len(verdictNames) {
		return verdictNames[v]
	}
	return fmt.Sprintf("verdict(%d)", uint8(v))
}

// MarshalText writes the verdict's word.
func (v Verdict) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText reads a verdict's word.
func (v *Verdict) UnmarshalText(text []byte) error {
	for i, name := range verdictNames {
		if name == string(text) {
			*v = Verdict(i)
			return nil
		}
	}
	return fmt.Errorf("no such verdict: %q", text)
}

// Worse reports the verdict that should decide a set holding both: fail, then
// unknown, then blocked, then warn, then pass.
func (v Verdict) Worse(other Verdict) Verdict {
	rank := [...]int{Fail: 4, Unknown: 3, Blocked: 2, Warn: 1, Pass: 0}
	if rank[other] > rank[v] {
		return other
	}
	return v
}

// Evidence is one measured value beside the limit it was held against. Values
// are strings so that the log holds exactly what the screen showed.
type Evidence struct {
	Label string `json:"label"`
	Value string `json:"value"`
	Limit string `json:"limit,omitempty"`
	Unit  string `json:"unit,omitempty"`
}

// Result is what one execution of a check saw. Where names the place that was
// looked at (a host, a file, a URL without secrets); Reason says in one lower
// case line why the verdict is not a pass.
type Result struct {
	Verdict  Verdict
	Reason   string
	Where    string
	Evidence []Evidence
	Began    time.Time
	Took     time.Duration
}

// LeftToDo is the label of evidence that counts what is still to be done. A
// verify that sees less of it than there was before a command says that the
// command is partly done.
const LeftToDo = "pending"

// Pending is what a result counts as still to be done, -1 if it counts no such.
func (r *Result) Pending() int {
	for _, e := range r.Evidence {
		if n, err := strconv.Atoi(e.Value); e.Label == LeftToDo && err == nil {
			return n
		}
	}
	return -1
}

// Saw adds one line of evidence and returns the result for chaining.
func (r *Result) Saw(label, value, limit, unit string) *Result {
	r.Evidence = append(r.Evidence, Evidence{Label: label, Value: value, Limit: limit, Unit: unit})
	return r
}

// Decide sets the verdict and its reason.
func (r *Result) Decide(v Verdict, format string, args ...any) {
	r.Verdict, r.Reason = v, fmt.Sprintf(format, args...)
}

// Worsen sets verdict and reason only if v is worse than what stands.
func (r *Result) Worsen(v Verdict, format string, args ...any) {
	if r.Verdict.Worse(v) != r.Verdict {
		r.Decide(v, format, args...)
	}
}

// ErrSecret says that a secret a step needs could not be had; the step is then
// unknown, never failed.
var ErrSecret = errors.New("secret not available")
