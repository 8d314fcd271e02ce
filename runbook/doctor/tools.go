package doctor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"runbook/runbook/book"
	"runbook/steps"
	"runbook/steps/check"
	"runbook/steps/run"
)

// programs looks for the programs that the steps start, as a run does, and for
// those that their scripts name. Those of plans are told with their plan.
func (s *Site) programs(context.Context) []Finding {
	wrong, there := groups{}, map[string]bool{}
	for _, phase := range s.Book.Phases {
		for _, step := range phase.Steps {
			n := s.needs(step)
			if n == never {
				continue
			}
			good, bad := s.tools(step)
			for _, name := range good {
				there[name] = true
			}
			for _, err := range bad {
				wrong.add(err.Error(), n.weigh(steps.Fail), step.ID, s.only(step))
			}
		}
	}
	found := wrong.findings(func(text string, of *group) Finding {
		f := Finding{Verdict: of.verdict, What: "program", Saw: text + "; needed by " + of.String()}
		if strings.HasSuffix(text, absent) {
			f.Mend = "install it, or set path in target " + s.Target.Name
		}
		return f
	})
	if len(there) > 0 {
		found = append(found, pass("programs", "on the path, changed by their owner only: "+strings.Join(slices.Sorted(maps.Keys(there)), " "))...)
	}
	return found
}

// tools looks for the programs of a step, as its world sees them. Those of a
// host are asked for there.
func (s *Site) tools(step *book.Step) (there []string, missing []error) {
	command, ok := s.command(step)
	undecided := len(command.Argv) > 0 && strings.Contains(command.Argv[0], "${")
	if !ok || undecided || len(step.On) > 0 {
		return nil, nil
	}
	starts := []run.Command{{Argv: command.Argv, Agent: command.Agent}}
	if command.Sh != "" {
		starts[0] = run.Command{Sh: "true", Agent: command.Agent}
	}
	for _, name := range named(command.Sh) {
		starts = append(starts, run.Command{Argv: []string{name}})
	}
	for _, start := range starts {
		if name, err := s.resolve(start); err != nil {
			missing = append(missing, brief(err))
		} else {
			there = append(there, name)
		}
	}
	return there, missing
}

// resolved is what came of looking for a program.
type resolved struct {
	name string
	err  error
}

// resolve looks for a program as a run does, each once: it is read whole.
func (s *Site) resolve(c run.Command) (string, error) {
	if len(c.Argv) > 1 {
		c.Argv = c.Argv[:1]
	}
	key := fmt.Sprint(c.Argv, c.Sh, c.Agent)
	s.mu.Lock()
	defer s.mu.Unlock()
	if got, ok := s.resolved[key]; ok {
		return got.name, got.err
	}
	order, err := c.Resolve(s.World)
	got := resolved{err: err}
	if err == nil {
		got.name = order.Argv[0]
	}
	s.resolved[key] = got
	return got.name, got.err
}

// absent ends what is said of a program that is not found.
const absent = " is not on the path"

// brief leaves out of an error what its line says anyway, and the PATH.
func brief(err error) error {
	text, found := strings.CutPrefix(err.Error(), run.ErrNotFound.Error()+": ")
	if name, _, listed := strings.Cut(text, " is not on the PATH"); found && listed {
		return errors.New(strings.Trim(name, `"`) + absent)
	}
	return errors.New(text)
}

// command is what a step starts: its own command, or that of its check.
func (s *Site) command(step *book.Step) (run.Command, bool) {
	verb, err := s.Book.Bind(step, s.vars)
	if err != nil {
		verb = step.Verb // a var that is decided later
	}
	var look check.Check
	switch v := verb.(type) {
	case book.Run:
		if v.Command != nil {
			return *v.Command, true
		}
		look = v.Probe.Check
	case book.Check:
		look = v.Check
	case book.Watch:
		look = v.Check
	}
	c := check.Program(look)
	if c == nil {
		return run.Command{}, false
	}
	return run.Command{Argv: c.Argv, Sh: c.Sh}, true
}

// named are the programs that a script surely means: the literal first words
// of its commands that are no words of the shell, no functions of its own, and
// are not asked for with `command -v` first.
func named(script string) []string {
	file, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(script), "")
	if err != nil {
		return nil // lint has said so
	}
	names, own := map[string]bool{}, map[string]bool{}
	syntax.Walk(file, func(node syntax.Node) bool {
		switch node := node.(type) {
		case *syntax.FuncDecl:
			own[node.Name.Value] = true
		case *syntax.CallExpr:
			if len(node.Args) == 0 {
				break
			}
			name := node.Args[0].Lit()
			names[name] = true
			if name == "command" || name == "type" || name == "hash" {
				own[node.Args[len(node.Args)-1].Lit()] = true
			}
		}
		return true
	})
	for _, name := range strings.Fields(builtins) {
		own[name] = true
	}
	maps.DeleteFunc(names, func(name string, _ bool) bool { return name == "" || own[name] })
	return slices.Sorted(maps.Keys(names))
}

// builtins are the commands that bash has itself.
const builtins = `. : [ alias bg bind break builtin caller cd command compgen complete compopt continue declare dirs disown echo
	enable eval exec exit export false fc fg getopts hash help history jobs kill let local logout mapfile popd printf pushd pwd
	read readarray readonly return set shift shopt source suspend test times trap true type typeset ulimit umask unalias unset wait`
