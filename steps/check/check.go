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

// Executor is a Check that quotes what a program, or a file like its output,
// says: all of the book's secrets are taken out of its result.
type Executor interface {
	// Executes is that program, which may stand on a host and gets the
	// environment of a command; nil if the check, as it is filled in, needs none.
	Executes() *Command
}

// Confidant is a Check with fields that name secret vars of the book. The
// values reach it by World.Secret alone.
type Confidant interface{ SecretVars() []SecretVar }

// SecretVar is one of those fields as a book writes it, "dsn" or "secrets[0]",
// and the name it holds: empty if it is not given.
type SecretVar struct{ Field, Name string }

// Planner is a Check that touches, and says what it will do, a line each: that
// is what an operator approves.
type Planner interface{ Plan() []string }

// Program is what a check executes, nil for one that executes nothing.
func Program(c Check) *Command {
	if e, ok := c.(Executor); ok {
		return e.Executes()
	}
	return nil
}

// SecretVars are the fields of any check that name a secret var.
func SecretVars(c Check) []SecretVar {
	var named []SecretVar
	if confidant, ok := c.(Confidant); ok {
		for _, v := range confidant.SecretVars() {
			if v.Name != "" {
				named = append(named, v)
			}
		}
	}
	return named
}

// Kinds makes an empty check of each kind, by its name in a book.
var Kinds = map[string]func() Check{
	"backup":        func() Check { return new(Backup) },
	"certificate":   func() Check { return new(Certificate) },
	"ci":            func() Check { return new(CI) },
	"command":       func() Check { return new(Command) },
	"container":     func() Check { return new(Container) },
	"cors":          func() Check { return new(CORS) },
	"dns":           func() Check { return new(DNS) },
	"env":           func() Check { return new(Env) },
	"file":          func() Check { return new(File) },
	"headers":       func() Check { return new(Headers) },
	"host":          func() Check { return new(Host) },
	"http":          func() Check { return new(HTTP) },
	"kubernetes":    func() Check { return new(Kubernetes) },
	"latency":       func() Check { return new(Latency) },
	"log":           func() Check { return new(Log) },
	"mail":          func() Check { return new(Mail) },
	"metrics":       func() Check { return new(Metrics) },
	"postgres":      func() Check { return new(Postgres) },
	"promql":        func() Check { return new(PromQL) },
	"rate_limit":    func() Check { return new(RateLimit) },
	"redirect":      func() Check { return new(Redirect) },
	"redis":         func() Check { return new(Redis) },
	"restore":       func() Check { return new(Restore) },
	"secret_source": func() Check { return new(SecretSource) },
	"smtp":          func() Check { return new(SMTP) },
	"tcp":           func() Check { return new(TCP) },
	"tls":           func() Check { return new(TLS) },
	"upload":        func() Check { return new(Upload) },
	"version":       func() Check { return new(Version) },
}
