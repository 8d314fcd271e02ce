package doctor

import (
	"context"
	"errors"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"runbook/steps"
)

// want holds one finding against its verdict and words of it.
func want(t *testing.T, all []Finding, what string, v steps.Verdict, words ...string) {
	t.Helper()
	i := slices.IndexFunc(all, func(f Finding) bool { return f.What == what })
	if i < 0 {
		t.Fatalf("nothing is said of %q: %v", what, all)
	}
	f := all[i]
	if f.Verdict != v {
		t.Errorf("%s: %v, want %v", what, f, v)
	}
	for _, word := range words {
		if text := f.Saw + " (" + f.Limit + ") " + f.Mend; !strings.Contains(text, word) {
			t.Errorf("%s: %q does not say %q", what, text, word)
		}
	}
}

// put writes a file and the directories above it.
func put(t *testing.T, path, text string, mode os.FileMode) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func environ(pairs ...string) func(string) string {
	return func(name string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}

// host is this machine with a home and a configuration of its own.
func host(t *testing.T, env ...string) Host {
	t.Helper()
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	return Host{
		Root: "/", User: me.Username, UID: os.Geteuid(), Dir: filepath.Join(dir, "home"), Config: filepath.Join(dir, "config"),
		Temp: dir, Terminal: filepath.Join(dir, "no-terminal"), Getenv: environ(env...),
		Postgres: func(context.Context) (string, error) { return "", errors.New("not asked") },
	}
}

func TestExamineLeavesWhatHangs(t *testing.T) {
	t.Parallel()
	never := make(chan struct{})
	defer close(never)
	ctx, stop := context.WithCancel(t.Context())
	probes := []Probe{
		{What: "hung", Look: func(context.Context) []Finding { stop(); <-never; return nil }},
		{What: "other", Look: func(context.Context) []Finding { return pass("other", "") }},
	}
	var all []Finding
	Examine(ctx, probes, func(f Finding) { all = append(all, f) })
	want(t, all, "hung", steps.Unknown, "no answer within 5s")
	want(t, all, "other", steps.Pass)
	if all[0].What != "hung" || Verdict(all) != steps.Unknown {
		t.Errorf("%v, as a whole %v", all, Verdict(all))
	}
}

func TestEveryLookAnswers(t *testing.T) {
	t.Parallel()
	h := host(t)
	seen := map[string]bool{}
	Examine(t.Context(), h.Probes(), func(f Finding) {
		seen[f.What] = true
		if f.Verdict != steps.Pass && f.Saw == "" {
			t.Errorf("%v gives no reason", f)
		}
	})
	for _, what := range []string{"logout", "process 1", "home", "kernel", "agent", "key", "allowed_signers", "clock", "terminal", "PostgreSQL"} {
		if !seen[what] {
			t.Errorf("nothing is said of %s", what)
		}
	}
}
