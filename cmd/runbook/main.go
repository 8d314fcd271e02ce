// Command runbook takes an operator through a deployment, a rollback or a
// drill, and writes every result to a signed log.
//
// Errors go to stderr, prefixed, in lower case, with a way to go on; what a
// command answers goes to stdout. The exit codes are those of exit.go.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"runbook/runbook/practice"
	"runbook/steps/safetext"
	"runbook/steps/supervise"
	"runbook/tui"
)

func main() {
	if code, ok := practice.Shim(filepath.Base(os.Args[0]), os.Args[1:]); ok {
		os.Exit(code)
	}
	if code, ours := supervise.Main(os.Args[1:]); ours {
		os.Exit(code)
	}
	if code, ours := tui.Watchdog(os.Args[1:]); ours {
		os.Exit(code)
	}
	if err := supervise.Guard(); err != nil { // it may hold a session key, and secrets
		complain(err)
	}
	os.Exit(run(os.Args[1:]))
}

// run executes one command line and answers its exit code. INT, TERM and HUP
// cancel the context: a session detaches.
func run(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	gone := make(chan os.Signal, 1)
	signal.Notify(gone, syscall.SIGPIPE) // a write then fails instead; caught, not ignored: commands inherit what is ignored
	root := newRoot()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	code := exitCode(err)
	if err != nil && code != exitPipe {
		complain(err)
	}
	return code
}

// complain prints an error as lines of safe text. An error that only carries
// an exit code has been told already.
func complain(err error) {
	var told *toldError
	if errors.As(err, &told) {
		if err = told.rest(err); err == nil {
			return
		}
	}
	for i, line := range strings.Split(strings.TrimSpace(err.Error()), "\n") {
		prefix := "runbook: "
		if i > 0 {
			prefix = "  "
		}
		fmt.Fprintln(os.Stderr, prefix+safetext.Line(line))
	}
}
