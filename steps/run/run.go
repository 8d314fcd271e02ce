// Package run holds the kinds of run: what acts on the target.
package run

import (
	"runbook/steps"
	"runbook/steps/check"
)

// Command is run.command: one program, or one script of bash.
//
//	run.command = { argv = ["docker", "stop", "--", "tickr-backend"] }
//	run.command = { sh = "npm run migration:run", ask_after = "10m" }
type Command struct {
	Argv      []string       `mapstructure:"argv"`       // the program, found in the target's path, and its arguments
	Sh        string         `mapstructure:"sh"`         // instead: a script of bash -euo pipefail; vars are its environment
	AskAfter  steps.Duration `mapstructure:"ask_after"`  // then a person is asked: wait or cancel
	KillAfter steps.Duration `mapstructure:"kill_after"` // then it is cancelled; needs why
	Why       string         `mapstructure:"why"`        // the reason for kill_after
	Secrets   []string       `mapstructure:"secrets"`    // the secret vars it may see; no others reach it
	Agent     bool           `mapstructure:"agent"`      // may it see the SSH agent
	Exit      []int          `mapstructure:"exit"`       // codes that mean success; [0] if empty

	// Interactive gives it a terminal of its own, which a screen hands over to
	// the operator. A dropped connection leaves it waiting.
	Interactive bool `mapstructure:"interactive"`
}

// Probe is run.probe: a check that has to touch the target (a test
// registration, a flood against a rate limit), alone, and cleaned up.
type Probe struct {
	Kind  string
	Check check.Check
}
