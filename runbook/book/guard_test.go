package book_test

import (
	"strings"
	"testing"

	"runbook/runbook/book"
)

const changes = `schema = 1
name = "changes"
[vars]
platform = {}
[[phase]]
id = "before"
step = [
  { id = "killer", critical = true, check.file = { path = "a" } },
  { id = "platform", ask.decide = { var = "platform", choices = ["a", "b"] } },
  { id = "tests", effect = "none", run.command = { argv = ["make", "test"] } },
  SOONER
]
[[phase]]
id = "change"
step = [
  { id = "looks", check.file = { path = "b" } },
  { id = "guard", undo = "back", verify = "looks", run.command = { argv = ["make", "change"] } },
  { id = "later", ask.approve = { role = "lead" } },
]
[[plan]]
id = "plan"
step = [{ id = "back", verify = "looks", run.command = { argv = ["make", "back"] } }]
`

// order lists the steps of the phases; those that guard with a star.
func order(b *book.Book) string {
	var all []string
	for _, p := range b.Phases {
		for _, s := range p.Steps {
			id := s.ID
			if s.Guards {
				id += "*"
			}
			if b.Step(s.ID) != s {
				id += " is not found by its id"
			}
			all = append(all, id)
		}
	}
	return strings.Join(all, " ")
}

func TestBookOnAGuardedTarget(t *testing.T) {
	t.Parallel()
	guarded := &book.Target{Name: "prod", Guard: true, Require: []book.Demand{{Name: "change_ticket", Match: "C-.*"}, {Name: "platform"}}}
	for name, test := range map[string]struct{ sooner, want string }{
		"none of its own":    {"", "killer platform tests looks guard-guard* guard later"},
		"one of its own":     {`{ id = "own", ask.approve = { role = "lead" } }`, "killer platform tests own* looks guard later"},
		"one only sometimes": {`{ id = "own", when = { platform = "a" }, ask.approve = { role = "lead" } }`, "killer platform tests own looks guard-guard* guard later"},
		"a probe changes":    {`{ id = "flood", run.probe.http = { url = "http://x/" } }`, "killer platform tests guard-guard* flood looks guard later"},
		"after a probe":      {`{ id = "flood", run.probe.http = { url = "http://x/" } }, { id = "own", ask.approve = { role = "lead" } }`, "killer platform tests guard-guard* flood own* looks guard later"},
	} {
		b, err := book.Read([]byte(strings.Replace(changes, "SOONER", test.sooner, 1)), "b.toml")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		free, on := order(b), b.On(guarded)
		if got := order(on); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
		if order(b) != free || strings.Contains(free, "*") || order(b.On(&book.Target{})) != free || len(b.Vars) != 1 {
			t.Errorf("%s: the book itself has changed: %s", name, order(b))
		}
		if on.Vars["change_ticket"].Match != "C-.*" || on.SHA256 != b.SHA256 || on.Step("back") == nil {
			t.Errorf("%s: vars %v", name, on.Vars)
		}
		if s := on.Step("guard-guard"); s != nil {
			v, ok := s.Verb.(book.Ask)
			if !ok || v.Approve.Question != "May this run change prod?" || strings.Join(v.Approve.Evidence, " ") != "killer" || !s.Critical {
				t.Errorf("%s: the approval is %+v", name, s)
			}
		}
	}
}

func TestBookFitsNoDemandOfItsSecret(t *testing.T) {
	t.Parallel()
	b, err := book.Read([]byte("schema = 1\nname = \"b\"\n[vars]\ntoken = { secret = true }\n[[phase]]\nid = \"p\"\n"), "b.toml")
	must(t, err)
	if err := b.Fits(&book.Target{Name: "prod", Require: []book.Demand{{Name: "token"}}}); err == nil || !strings.Contains(err.Error(), "b.toml:4:1: target prod demands token of each run, and here it is a secret") {
		t.Errorf("a secret that is demanded: %v", err)
	}
}

func TestBookFitsWhatATargetChooses(t *testing.T) {
	t.Parallel()
	b, err := book.Read([]byte(strings.Replace(changes, "SOONER", "", 1)), "b.toml")
	must(t, err)
	for name, want := range map[string]string{"platform=a": "", "other_book=x": "", "platform=c": `chooses platform = "c", and platform is a choice among a, b`, "plattform=a": "chooses plattform, which changes does not ask; did you mean platform?"} {
		name, value, _ := strings.Cut(name, "=")
		err := b.Fits(&book.Target{Name: "prod", Choose: map[string]string{name: value}})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s = %s: %v, want %q", name, value, err, want)
		}
	}
}

// A signature settles one step: the approval that a target puts in has a role
// of its own.
func TestTheGuardsRoleIsItsOwn(t *testing.T) {
	t.Parallel()
	text := strings.NewReplacer("SOONER", "", `role = "lead"`, `role = "approver"`).Replace(changes)
	b, err := book.Read([]byte(text), "b.toml")
	must(t, err)
	on := b.On(&book.Target{Name: "prod", Guard: true})
	for id, want := range map[string]string{"guard-guard": "guard-approver phase:change", "later": "approver phase:change"} {
		role, scope, ok := on.Step(id).Signs()
		if !ok || role+" "+scope != want || on.Signed(role, scope) != on.Step(id) {
			t.Errorf("%s is signed as %s %s, want %s", id, role, scope, want)
		}
	}
	if s := on.Signed("approver", "run"); s != nil {
		t.Errorf("a signature of the run settles %s", s.ID)
	}
}
