package kube

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

// NotSimulated is the exit code of what this cluster does not know.
const NotSimulated = 97

// Call is one command of a client.
type Call struct {
	Args     []string // without the leading "kubectl"
	Out, Err io.Writer
}

var (
	errNotSimulated = errors.New("not simulated in the practice world")
	errSilent       = errors.New("said already") // the command failed and has said why
)

// options are the flags of every command.
type options struct {
	output, selector, context, namespace *string
	timeout                              *time.Duration
	revision                             *int
	tail                                 *int
	since                                *time.Duration
	timestamps, previous                 *bool
	limitBytes                           *int
}

// Run executes one command and returns its exit code.
func (c *Cluster) Run(ctx context.Context, call Call) int {
	err := c.dispatch(ctx, call)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errNotSimulated):
		_, _ = fmt.Fprintf(call.Err, "kubectl: %v: kubectl %s\n", errNotSimulated, strings.Join(call.Args, " "))
		return NotSimulated
	case errors.Is(err, errSilent):
		return 1
	}
	_, _ = fmt.Fprintln(call.Err, err)
	return 1
}

func (c *Cluster) dispatch(ctx context.Context, call Call) error {
	flags := pflag.NewFlagSet("kubectl", pflag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Usage = func() {}
	o := options{
		output: flags.StringP("output", "o", "", ""), selector: flags.StringP("selector", "l", "", ""), context: flags.String("context", c.context, ""),
		namespace: flags.StringP("namespace", "n", "default", ""), timeout: flags.Duration("timeout", 0, ""), revision: flags.Int("to-revision", 0, ""),
		tail: flags.Int("tail", -1, ""), since: flags.Duration("since", 0, ""),
		timestamps: flags.Bool("timestamps", false, ""), previous: flags.BoolP("previous", "p", false, ""), limitBytes: flags.Int("limit-bytes", 0, ""),
	}
	flags.StringP("container", "c", "", "")
	flags.Bool("all-containers", false, "")
	flags.String("request-timeout", "", "")
	flags.Bool("watch", true, "")
	flags.Bool("client", false, "")
	if err := flags.Parse(call.Args); err != nil || flags.NArg() == 0 {
		return errNotSimulated
	}
	if *o.context != c.context {
		return fmt.Errorf("error: context %q does not exist", *o.context)
	}
	args := flags.Args()
	name := args[0]
	if (name == "rollout" || name == "set" || name == "config") && len(args) > 1 {
		name, args = name+" "+args[1], args[1:]
	}
	commands := map[string]func(context.Context, Call, options, []string) error{
		"get": c.get, "rollout status": c.rolloutStatus, "rollout undo": c.undo, "rollout history": c.history,
		"rollout pause": c.pause, "rollout resume": c.resume, "set image": c.setImage, "logs": c.logs, "version": version,
		"config current-context": func(_ context.Context, call Call, _ options, _ []string) error {
			_, err := fmt.Fprintln(call.Out, c.context)
			return err
		},
	}
	command, known := commands[name]
	if !known {
		return errNotSimulated
	}
	if name != "rollout status" { // which waits, and takes the lock for each look
		c.mu.Lock()
		defer c.mu.Unlock()
		c.adopt()
	}
	return command(ctx, call, o, args[1:])
}

func version(_ context.Context, call Call, o options, _ []string) error {
	one := map[string]string{"gitVersion": "v1.34.2", "major": "1", "minor": "34"}
	if *o.output == "json" {
		return json.NewEncoder(call.Out).Encode(map[string]any{"clientVersion": one, "serverVersion": one})
	}
	_, err := fmt.Fprintf(call.Out, "Client Version: %s\nServer Version: %s\n", one["gitVersion"], one["gitVersion"])
	return err
}

// one is the deployment that deployment/NAME or `deployment NAME` means.
func (c *Cluster) one(o options, args []string) (*deployment, error) {
	if len(args) == 0 {
		return nil, errNotSimulated
	}
	kind, name, found := strings.Cut(args[0], "/")
	if !found && len(args) > 1 {
		kind, name, found = args[0], args[1], true
	}
	if !found || !slices.Contains([]string{"deployment", "deploy", "deployments", "deployment.apps", "deployments.apps"}, kind) {
		return nil, errNotSimulated
	}
	if d := c.find(*o.namespace, name); d != nil {
		return d, nil
	}
	return nil, notFound("deployments.apps", name)
}

func notFound(kind, name string) error {
	return fmt.Errorf("Error from server (NotFound): %s %q not found", kind, name) //nolint:staticcheck // kubectl's own words
}

// rolloutStatus waits until the rollout is done, and without a time limit for
// ever, as kubectl does.
func (c *Cluster) rolloutStatus(ctx context.Context, call Call, o options, args []string) error {
	c.mu.Lock()
	c.adopt()
	d, err := c.one(o, args)
	c.mu.Unlock()
	if err != nil {
		return err
	}
	if *o.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, *o.timeout)
		defer cancel()
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	said := ""
	for {
		c.mu.Lock()
		done, text := c.done(d)
		c.mu.Unlock()
		if text != said {
			said = text
			if _, err := fmt.Fprintln(call.Out, text); err != nil {
				return err
			}
		}
		if done {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return errors.New("error: timed out waiting for the condition")
		}
	}
}

func (c *Cluster) undo(_ context.Context, call Call, o options, args []string) error {
	d, err := c.one(o, args)
	if err != nil {
		return err
	}
	if d.paused {
		return fmt.Errorf("error: you cannot rollback a paused deployment; resume it first with 'kubectl rollout resume' and try again")
	}
	back := len(d.revisions) - 2
	if *o.revision > 0 {
		back = slices.IndexFunc(d.revisions, func(r revision) bool { return r.number == *o.revision })
		if back < 0 {
			return fmt.Errorf("error: unable to find specified revision %d in history", *o.revision)
		}
	}
	if back < 0 {
		return fmt.Errorf("error: no rollout history found for deployment %q", d.name)
	}
	if err := c.set(d, d.revisions[back].image); err != nil {
		return err
	}
	_, err = fmt.Fprintf(call.Out, "deployment.apps/%s rolled back\n", d.name)
	return err
}

func (c *Cluster) history(_ context.Context, call Call, o options, args []string) error {
	d, err := c.one(o, args)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(call.Out, "deployment.apps/%s \nREVISION  CHANGE-CAUSE\n", d.name)
	for _, r := range d.revisions {
		_, _ = fmt.Fprintf(call.Out, "%-9s %s\n", strconv.Itoa(r.number), r.image)
	}
	return nil
}

func (c *Cluster) pause(_ context.Context, call Call, o options, args []string) error {
	return c.halt(call, o, args, true, "paused")
}

func (c *Cluster) resume(_ context.Context, call Call, o options, args []string) error {
	return c.halt(call, o, args, false, "resumed")
}

func (c *Cluster) halt(call Call, o options, args []string, paused bool, word string) error {
	d, err := c.one(o, args)
	if err != nil {
		return err
	}
	if d.paused == paused {
		return fmt.Errorf("error: deployments.apps %q is already %s", d.name, word)
	}
	d.paused = paused
	d.generation++
	if !paused {
		if err := c.roll(d); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(call.Out, "deployment.apps/%s %s\n", d.name, word)
	return err
}

// setImage is `set image deployment/NAME CONTAINER=IMAGE`; * is every container.
func (c *Cluster) setImage(_ context.Context, call Call, o options, args []string) error {
	d, err := c.one(o, args)
	if err != nil {
		return err
	}
	container, image, found := strings.Cut(args[len(args)-1], "=")
	if !found {
		return errNotSimulated
	}
	if container != d.name && container != "*" {
		return fmt.Errorf("error: unable to find container named %q", container)
	}
	if err := c.set(d, image); err != nil {
		return err
	}
	_, err = fmt.Fprintf(call.Out, "deployment.apps/%s image updated\n", d.name)
	return err
}

// logs prints those of a pod, or of the only pod of a deployment. No container is
// ever started again, so none has any from before.
func (c *Cluster) logs(_ context.Context, call Call, o options, args []string) error {
	d, err := c.logged(o, args)
	if err != nil {
		return err
	}
	if *o.previous {
		return fmt.Errorf("Error from server (BadRequest): previous terminated container %q in pod not found", d.name) //nolint:staticcheck // kubectl's own words
	}
	var from time.Time
	if *o.since > 0 {
		from = time.Now().Add(-*o.since)
	}
	var text bytes.Buffer
	if err := c.engine.Logs(d.name, &text, *o.tail, from); err != nil {
		return err
	}
	out := text.Bytes()
	if *o.timestamps {
		look, _ := c.engine.Look(d.name)
		out = stamped(out, look.Started)
	}
	if *o.limitBytes > 0 {
		out = out[:min(len(out), *o.limitBytes)]
	}
	_, err = call.Out.Write(out)
	return err
}

// logged is the deployment whose pod is meant: by the pod's name, or its own.
func (c *Cluster) logged(o options, args []string) (*deployment, error) {
	if len(args) == 0 {
		return nil, errNotSimulated
	}
	name, isPod := strings.CutPrefix(args[0], "pod/")
	if !isPod && strings.Contains(name, "/") {
		return c.one(o, args)
	}
	for _, d := range c.deployments {
		for _, pod := range c.pods(d) {
			if pod["metadata"].(object)["name"] == name && *o.namespace == d.namespace { //nolint:errcheck // its maker's own
				return d, nil
			}
		}
	}
	return nil, notFound("pods", name)
}

// stamped puts before each line the time that it tells, or that of the line
// before it.
func stamped(text []byte, at time.Time) []byte {
	var out bytes.Buffer
	for line := range bytes.Lines(text) {
		var entry struct{ Time time.Time }
		if json.Unmarshal(line, &entry) == nil && !entry.Time.IsZero() {
			at = entry.Time
		}
		_, _ = fmt.Fprintf(&out, "%s %s", at.UTC().Format(time.RFC3339Nano), line)
	}
	return out.Bytes()
}
