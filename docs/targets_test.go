package docs_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"runbook/runbook/book"
	"runbook/runbooks"
)

// The examples are what somebody copies: they are read, linted, held against the
// book, and lead to a run.
func TestTargetsOfTheExamples(t *testing.T) {
	t.Parallel()
	data, err := runbooks.Books.ReadFile("users-module.toml")
	if err != nil {
		t.Fatal(err)
	}
	b, err := book.Read(data, "users-module.toml")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("targets/*.toml")
	if err != nil || len(files) != 2 {
		t.Fatalf("examples: %v, %v", files, err)
	}
	for _, file := range files {
		target := load(t, file)
		for _, p := range book.LintTarget(target, []*book.Book{b}, time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)) {
			t.Error(p.In(file))
		}
		if err := b.Fits(target); err != nil {
			t.Error(err)
		}
		given := map[string]string{"image_tag": "1.8.2", "change_ticket": "CHG-4711"}
		vars, err := b.On(target).Resolve(given, target.Values())
		if err != nil {
			t.Errorf("%s: %v", file, err)
		}
		if unmet := target.Unmet(vars); len(unmet) > 0 {
			t.Errorf("%s demands %v", file, unmet)
		}
		if !target.Guard || len(target.Unmet(nil)) != 1 || target.Waiver("archiver") == nil || target.Hosts["app"].Dir == "" {
			t.Errorf("%s: what it should show is gone: %s", file, strings.Join(target.Summary(), "\n"))
		}
	}
	if k := load(t, "targets/kubernetes.toml"); k.Values()["kube_context"] != "production-eu" || k.Service.EnvFrom != "k8s:tickr/tickr-backend" || k.Values()["db_role"] != "tickr_app" {
		t.Errorf("what extends the other: %s", strings.Join(k.Summary(), "\n"))
	}
}

// The example of a book has nothing that lint minds, and every verb.
func TestBookOfTheExamples(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("books/restart.toml")
	if err != nil {
		t.Fatal(err)
	}
	b, err := book.Read(data, "restart.toml")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range book.Lint(b) {
		t.Error(p.In("books/restart.toml"))
	}
	verbs := map[string]bool{}
	for _, step := range b.All() {
		verb, _ := book.VerbOf(step)
		verbs[verb] = true
	}
	for _, verb := range []string{"check", "run", "ask", "tell", "watch"} {
		if !verbs[verb] {
			t.Errorf("the example has no %s", verb)
		}
	}
	if len(b.Plans) != 1 || len(b.Signoffs) != 1 || len(b.Hints) != 1 || len(b.Contacts) != 1 {
		t.Error("what it should show is gone")
	}
}

func load(t *testing.T, file string) *book.Target {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	target, err := book.LoadTarget(data, file)
	if err != nil {
		t.Fatal(err)
	}
	return target
}
