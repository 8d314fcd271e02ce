package doctor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"time"

	"runbook/runbook/book"
	"runbook/steps"
	"runbook/steps/run"
)

// hostLimit is how long a host may take, twice: to say what it does for a
// command, and to look for programs.
const hostLimit = 10 * time.Second

// fits tells which hosts the book names and the target has not.
func (s *Site) fits() []Finding {
	var wrong *book.Problems
	if !errors.As(s.Book.Fits(s.Target), &wrong) {
		return nil
	}
	var found []Finding
	for _, p := range wrong.List {
		found = append(found, one(steps.Fail, "hosts", p.Text, "", "")...)
	}
	return found
}

// host tells whether a host answers, how far it keeps a command from a lost
// connection, and whether it has the programs of the steps that run there.
func (s *Site) host(ctx context.Context, h run.Host) []Finding {
	what := "host " + h.Name
	need, names, users := s.used(h.Name)
	began := time.Now()
	remote, err := (run.Command{Argv: []string{"true"}}).On(h, s.World, nil)
	if err != nil {
		return one(need.weigh(steps.Fail), what, err.Error(), "", "")
	}
	soon, stop := context.WithTimeout(ctx, hostLimit)
	defer stop()
	word, err := remote.Ask(soon, run.Hello, "doctor")
	took := time.Since(began)
	mend := "try by hand: " + strings.Join(h.Via, " ")
	limits, answers := strings.CutPrefix(word.Text, "yes")
	switch {
	case soon.Err() != nil:
		return one(need.weigh(steps.Fail), what, "gave no answer", "at most "+hostLimit.String(), mend)
	case err != nil:
		return one(need.weigh(steps.Fail), what, err.Error(), "", mend)
	case !answers:
		return one(need.weigh(steps.Fail), what, "carries out nothing: "+word.Text, "", "")
	}
	found := pass(what, "answers in "+short(took))
	if limits != "" {
		found = one(steps.Warn, what, "answers, but"+limits, "", "")
	}
	missing, err := missingOn(ctx, remote, names)
	if err != nil {
		return append(found, one(need.weigh(steps.Unknown), what, "whether its programs are there: "+err.Error(), "", mend)...)
	}
	for _, name := range missing {
		found = append(found, one(need.weigh(steps.Fail), what, "has no "+name+" on its path; needed by "+strings.Join(users[name], " "), "", "install it there, or set path in [host."+h.Name+"]")...)
	}
	return found
}

// used tells how surely a host is needed, for which programs, and by whom.
func (s *Site) used(host string) (n need, names []string, users map[string][]string) {
	n, users = perhaps, map[string][]string{}
	for _, step := range s.Book.All() {
		if !slices.Contains(step.On, host) || s.needs(step) == never {
			continue
		}
		n = max(n, s.needs(step))
		command, ok := s.command(step)
		if !ok {
			continue
		}
		for _, name := range append(named(command.Sh), command.Line()[0]) {
			if !strings.Contains(name, "${") {
				users[name] = append(users[name], step.ID+s.only(step))
			}
		}
	}
	return n, slices.Sorted(maps.Keys(users)), users
}

// finder is what a host's shell reads: it prints which of the names are no
// program there, and that it came to its end.
const finder = `path=%s
cd %s
for name in %s; do
	there=
	case $name in
	*/*) [ -f "$name" ] && [ -x "$name" ] && there=1 ;;
	*)
		IFS=:
		for one in $path; do
			[ -f "$one/$name" ] && [ -x "$one/$name" ] && there=1
		done
		unset IFS
		;;
	esac
	[ "$there" ] || echo "none: $name"
done
echo looked
`

// missingOn asks a host which of the programs it has not.
func missingOn(ctx context.Context, r run.Remote, names []string) ([]string, error) {
	if len(names) == 0 {
		return nil, nil
	}
	words := make([]string, len(names))
	for i, name := range names {
		words[i] = quote(name)
	}
	cmd := exec.CommandContext(ctx, r.Local.Path)
	cmd.Args, cmd.Dir, cmd.Env, cmd.WaitDelay = r.Local.Argv, r.Local.Dir, append([]string{}, r.Local.Env...), time.Second
	cmd.Stdin = strings.NewReader(fmt.Sprintf(finder, quote(r.Path), quote(r.Host.Dir), strings.Join(words, " ")))
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if err != nil || lines[len(lines)-1] != "looked" {
		return nil, errors.New(run.SSHSaid(errs.Bytes(), err))
	}
	return slices.DeleteFunc(names, func(name string) bool { return !slices.Contains(lines, "none: "+name) }), nil
}

// quote makes one word for a POSIX shell.
func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
