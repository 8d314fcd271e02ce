package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/pflag"
)

// NotSimulated is the exit code of what this engine does not know.
const NotSimulated = 97

// Call is one command of a client.
type Call struct {
	Args     []string // without the leading "docker"
	Dir      string   // where the client stands
	Env      []string // of the client
	Out, Err io.Writer
}

var (
	errNotSimulated = errors.New("not simulated in the practice world")
	errSilent       = errors.New("said already") // the command failed and has said why
)

// exitError is a failure with docker's own exit code.
type exitError struct {
	code int
	text string
}

func (e exitError) Error() string { return e.text }

// fail is what the daemon answers to a command that can't be done.
func fail(code int, format string, args ...any) error {
	return exitError{code, fmt.Sprintf(format, args...)}
}

// Run executes one command and returns its exit code.
func (e *Engine) Run(ctx context.Context, call Call) int {
	err := e.dispatch(ctx, call)
	var exit exitError
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errNotSimulated):
		_, _ = fmt.Fprintf(call.Err, "docker: %v: docker %s\n", errNotSimulated, strings.Join(call.Args, " "))
		return NotSimulated
	case errors.Is(err, errSilent):
		return 1
	case errors.As(err, &exit):
		_, _ = fmt.Fprintln(call.Err, exit.text)
		return exit.code
	default:
		_, _ = fmt.Fprintf(call.Err, "Error response from daemon: %v\n", err)
		return 1
	}
}

func (e *Engine) dispatch(ctx context.Context, call Call) error {
	if len(call.Args) == 0 {
		return errNotSimulated
	}
	name, rest := call.Args[0], call.Args[1:]
	if (name == "image" || name == "container") && len(rest) > 0 {
		name, rest = name+" "+rest[0], rest[1:]
	}
	commands := map[string]func(Call) error{
		"run": e.run, "stop": e.stop, "start": e.restart, "rm": e.remove, "rename": e.rename, "tag": e.tag,
		"logs": e.logs, "ps": e.list, "inspect": e.inspect, "build": e.build,
		"images": e.listImages, "image ls": e.listImages, "image inspect": e.inspectImage,
		"container inspect": e.inspectContainer, "container ls": e.list,
		"compose": e.compose, "stats": e.stats, "version": sayVersion, "info": sayInfo,
	}
	command, known := commands[name]
	if !known {
		return errNotSimulated
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	call.Args = rest
	return command(call)
}

// parse reads flags anywhere among the arguments, as docker does, and only
// before the image for run. A flag it does not know is not simulated.
func parse(flags *pflag.FlagSet, args []string, least, most int) error {
	flags.SetOutput(io.Discard)
	flags.Usage = func() {}
	if err := flags.Parse(args); err != nil {
		return errNotSimulated
	}
	if n := flags.NArg(); n < least || most >= 0 && n > most {
		return fail(1, "docker: '%s' takes another number of arguments.\n\nSee 'docker %s --help'.", flags.Name(), flags.Name())
	}
	return nil
}

func newFlags(name string) *pflag.FlagSet { return pflag.NewFlagSet(name, pflag.ContinueOnError) }
