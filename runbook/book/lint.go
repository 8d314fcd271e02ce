package book

import (
	"cmp"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// Lint returns what Read takes and a careful author would not: errors, and
// warnings, in the order of the file. It executes nothing.
func Lint(b *Book) []Problem {
	l := &linter{book: b, decides: map[string][]*Step{}}
	if len(b.Phases) == 0 {
		l.add(false, "", "a book wants at least one phase")
	}
	for i, p := range b.Phases {
		l.phase(element("phase", i), p)
	}
	for i, p := range b.Plans {
		l.plan(element("plan", i), p)
	}
	for _, name := range slices.Sorted(maps.Keys(b.Vars)) {
		if v := b.Vars[name]; v.Required && v.Default != "" {
			l.add(true, join("vars", name), "%s is required and has a default; one of them means nothing", name)
		}
	}
	for _, s := range b.All() {
		if a, ok := s.Verb.(Ask); ok && a.Decide != nil {
			l.decides[a.Decide.Var] = append(l.decides[a.Decide.Var], s)
		}
	}
	for _, s := range b.All() {
		l.step(s)
	}
	l.signs()
	slices.SortStableFunc(l.list, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col))
	})
	return l.list
}

type linter struct {
	book    *Book
	decides map[string][]*Step // by the var that is decided
	list    []Problem
}

func (l *linter) add(warning bool, path, format string, args ...any) {
	line, col := l.book.index.at(path)
	l.list = append(l.list, Problem{Line: line, Col: col, Text: fmt.Sprintf(format, args...), Warning: warning})
}

// maxHuman is how many items people can read back at a pause point before
// they begin to skip.
const maxHuman = 9

func (l *linter) phase(path string, p *Phase) {
	human := 0
	for _, s := range p.Steps {
		if verb, _ := VerbOf(s); verb == "ask" || verb == "tell" {
			human++
		}
	}
	if human > maxHuman {
		l.add(true, path, "phase %s asks people for %d things before its pause point; split it at %d", p.ID, human, maxHuman)
	}
	if len(p.Steps) == 0 {
		l.add(true, path, "phase %s has no steps", p.ID)
	}
}

func (l *linter) plan(path string, p *Plan) {
	if len(p.Steps) == 0 {
		l.add(true, path, "plan %s has no steps", p.ID)
	}
	if p.When == "" {
		l.add(true, path, "plan %s names no situation; the operator chooses by it", p.ID)
	}
}

func (l *linter) step(s *Step) {
	v, isRun := s.Verb.(Run)
	switch {
	case isRun && v.Command != nil:
		l.effect(s)
		if v.Command.KillAfter > 0 && v.Command.Why == "" {
			l.add(false, s.path+".run.command.kill_after", "kill_after wants why: a machine does not kill a command without a reason")
		}
	case !isRun && (s.Undo != "" || s.Verify != "" || len(s.During) > 0 || s.Effect != ""):
		l.add(true, s.path, "undo, verify, during and effect mean something only with run")
	}
	for _, name := range slices.Sorted(maps.Keys(s.When)) {
		l.choice(s, name, s.When[name])
	}
	l.fields(join(s.path, s.verb), s.raw)
}

// effect wants a way back and a way to know. A probe cleans up after itself
// and decides by itself; a step of a plan is the way back.
func (l *linter) effect(s *Step) {
	undo, verify := s.Undo != "" || s.Plan != "", s.Verify != ""
	switch {
	case s.Effect == "none" || undo && verify:
	case !undo && !verify:
		l.add(false, s.path, "run %s has an effect and neither undo nor verify; name a plan's step and a check, or set effect = \"none\"", s.ID)
	case !undo:
		l.add(true, s.path, "run %s has no undo; name a plan's step, or write undo = \"none: reason\"", s.ID)
	default:
		l.add(true, s.path, "run %s has no verify: if its end is not seen, only a person can say what happened", s.ID)
	}
}

// choice compares a when with what the book lets people decide.
func (l *linter) choice(s *Step, name, value string) {
	for _, other := range l.decides[name] {
		a, _ := other.Verb.(Ask)
		choices := a.Decide.Choices
		if !slices.Contains(choices, value) {
			l.add(false, join(s.path+".when", name), "%s is never %q: %s chooses among %s%s", name, value, other.ID,
				strings.Join(choices, ", "), nearest(value, choices))
		}
	}
}

// fields looks for scripts and argument lists, in a verb of any kind.
func (l *linter) fields(path string, table map[string]any) {
	for _, key := range slices.Sorted(maps.Keys(table)) {
		where := join(path, key)
		switch v := table[key].(type) {
		case map[string]any:
			l.fields(where, v)
		case string:
			if key == "sh" {
				l.script(where, v)
			}
		case []any:
			if key == "argv" {
				l.argv(where, v)
			}
		}
	}
}

// argv refuses a value inside a script that argv hands to a shell: there it is
// program text.
func (l *linter) argv(path string, argv []any) {
	shell, script := false, false
	for i, item := range argv {
		arg, _ := item.(string)
		if script && strings.Contains(strings.ReplaceAll(arg, "$${", ""), "${") {
			l.add(false, element(path, i), "a var inside a shell's script is read as program text; write sh = … and use \"$NAME\"")
		}
		script = shell && strings.HasPrefix(arg, "-") && !strings.HasPrefix(arg, "--") && strings.Contains(arg, "c")
		if slices.Contains([]string{"sh", "bash", "dash", "ash", "ksh", "zsh"}, filepath.Base(arg)) {
			shell = true
		}
	}
}
