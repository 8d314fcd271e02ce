// Package check holds the kinds of check, one file each. A check looks and
// decides by itself; it changes nothing and loads nothing. To add a kind:
// one file here, one line in Kinds.
//
// What holds for all of them: a service that refuses, or does not answer
// within its time limit, fails; a source that cannot be read, a privilege that
// is missing, an answer that is empty and an execution that was interrupted
// are unknown. Connections are made by the World's Dial alone, and never to
// link-local (metadata) addresses.
package check

import (
	"context"

	"runbook/steps"
)

// Check is one kind of check with its fields filled in from a book.
//
// Do never panics and never returns an empty Reason with a verdict other than
// Pass. What could not be measured is Unknown. Do keeps to its own time limit
// and to the context's.
//
// Touches reports that executing it changes or loads the target: such a kind
// is refused under `check` and belongs under `run.probe`.
type Check interface {
	Do(ctx context.Context, w *steps.World) steps.Result
	Touches() bool
}

// Validator is a Check that can say at load time what is wrong with its
// fields. Strings may still hold ${name}.
type Validator interface{ Validate() error }

// Kinds makes an empty check of each kind, by its name in a book.
var Kinds = map[string]func() Check{
	"command":  func() Check { return new(Command) },
	"env":      func() Check { return new(Env) },
	"file":     func() Check { return new(File) },
	"http":     func() Check { return new(HTTP) },
	"metrics":  func() Check { return new(Metrics) },
	"postgres": func() Check { return new(Postgres) },
	"tcp":      func() Check { return new(TCP) },
}
