package runbook

import (
	"time"

	"runbook/runbook/journal"
)

// Act is what a person did: the kind of its entry, and the step.
type Act struct {
	At   time.Time
	Kind string // as in the log: run.intent, ask, accept ..
	Step string
}

// acted keeps an entry that stands on a person's answer.
func (r *Run) acted(e journal.Entry) {
	if answered[e.Kind] && e.Kind != kindRunResult && e.Kind != kindTellResult && !byItself(e) {
		r.LastAct = Act{At: e.Time, Kind: e.Kind, Step: stepOf(e)}
	}
}

// byItself reports whether the target answered, and nobody else.
func byItself(e journal.Entry) bool {
	body, err := decode[askBody](e)
	return e.Kind == kindAsk && err == nil && body.By != ""
}

// stepOf is the step that an entry is about, empty if none.
func stepOf(e journal.Entry) string {
	body, err := decode[struct {
		Step string `json:"step"`
	}](e)
	if err != nil {
		return ""
	}
	return body.Step
}
