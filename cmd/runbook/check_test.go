package main

import (
	"testing"

	"runbook/runbook"
	"runbook/runbook/book"
	"runbook/steps"
)

func TestCheckCountsWhatItSaw(t *testing.T) {
	t.Parallel()
	saw := func(id string, v steps.Verdict) runbook.Surveyed {
		return runbook.Surveyed{Step: &book.Step{ID: id}, Result: steps.Result{Verdict: v}}
	}
	all := []runbook.Surveyed{saw("a", steps.Pass), saw("b", steps.Unknown), saw("c", steps.Fail), saw("d", steps.Pass), saw("e", steps.Warn)}
	if got := counted(all); got != "fail: 1 fail, 1 unknown, 1 warn, 2 pass; c b e" {
		t.Error(got)
	}
	if got := counted(all[:1]); got != "pass: 1 pass" {
		t.Error(got)
	}
}
