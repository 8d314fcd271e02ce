package book_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"runbook/runbook/book"
	"runbook/steps/check"
)

// remote has steps on hosts of the target there.
const remote = `schema = 1
name = "remote"
[[phase]]
id = "act"
  [[phase.step]]
  id = "one"
  on = "app"
  undo = "none: a test"
  verify = "up"
  run.command = { argv = ["npm", "ci"] }
  [[phase.step]]
  id = "both"
  on = ["app", "db"]
  parallel = true
  undo = "none: a test"
  verify = "up"
  run.command = { sh = "uptime" }
  [[phase.step]]
  id = "up"
  on = ["db", "app"]
  check.command = { argv = ["true"] }
  [[phase.step]]
  id = "day"
  on = "db"
  watch = { every = "1m", for = "1h", check.command = { argv = ["true"] } }
`

const there = place + `[host.app]
via = ["ssh", "-oBatchMode=yes", "deploy@app1"]
dir = "/srv/app"
[host.db]
via = ["/usr/bin/ssh", "-p", "2222", "db1"]
dir = "/srv/db"
path = "/opt/bin:/usr/bin"
`

func TestOn(t *testing.T) {
	t.Parallel()
	b := read(t, remote)
	target, err := book.ReadTarget([]byte(there), "t.toml")
	if err != nil {
		t.Fatal(err)
	}
	if h := target.Hosts["db"]; h.Name != "db" || h.Dir != "/srv/db" || h.Path != "/opt/bin:/usr/bin" || !slices.Equal(h.Via, []string{"/usr/bin/ssh", "-p", "2222", "db1"}) {
		t.Errorf("host %+v", h)
	}
	if err := b.Fits(target); err != nil {
		t.Error(err)
	}
	if got := lint(t, remote); got != "" {
		t.Errorf("lint says\n%s", got)
	}
	if s := b.Step("both"); !slices.Equal(s.On, []string{"app", "db"}) || !s.Parallel || b.Step("up").Parallel {
		t.Errorf("step %+v", s)
	}
	for _, id := range []string{"up", "day"} {
		if c := book.CommandOf(b.Step(id).Verb); c == nil || !slices.Equal(c.Argv, []string{"true"}) {
			t.Errorf("%s has command %+v", id, c)
		}
	}
	if c := book.CommandOf(b.Step("one").Verb); c != (*check.Command)(nil) {
		t.Errorf("a run has command %+v", c)
	}
}

func TestOnIsShown(t *testing.T) {
	t.Parallel()
	b := read(t, remote)
	var text strings.Builder
	if err := b.Text(&text); err != nil {
		t.Fatal(err)
	}
	target, err := book.ReadTarget([]byte(there), "t.toml")
	if err != nil {
		t.Fatal(err)
	}
	for shown, wants := range map[string][]string{
		text.String():                        {"on        app\n", "on        app, db, at once\n", "on        db, app\n"},
		strings.Join(b.Summary(), "\n"):      {"one: run\n  on app\n", "both: run\n  on app, db, at once\n", "day: watch\n  on db\n"},
		strings.Join(target.Summary(), "\n"): {`host app over ["ssh", "-oBatchMode=yes", "deploy@app1"], in "/srv/app"`, `host db over ["/usr/bin/ssh", "-p", "2222", "db1"], in "/srv/db"`, `host db path = "/opt/bin:/usr/bin"`},
	} {
		for _, want := range wants {
			if !strings.Contains(shown, want) {
				t.Errorf("%q is not in\n%s", want, shown)
			}
		}
	}
	data, err := b.JSON()
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Steps []struct {
			On       []string
			Parallel bool
		}
	}
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if s := got.Steps[1]; !slices.Equal(s.On, []string{"app", "db"}) || !s.Parallel || got.Steps[2].Parallel {
		t.Errorf("JSON has %+v", got.Steps)
	}
}

func TestFits(t *testing.T) {
	t.Parallel()
	b := read(t, remote)
	target, err := book.ReadTarget([]byte(strings.Replace(there, "[host.db]", "[host.dbs]", 1)), "t.toml")
	if err != nil {
		t.Fatal(err)
	}
	want := "b.toml:13:16: target staging has no host db; did you mean dbs?\n" +
		"b.toml:20:9: target staging has no host db; did you mean dbs?\nb.toml:24:3: target staging has no host db; did you mean dbs?"
	if err := b.Fits(target); err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
	target, err = book.ReadTarget([]byte(place), "t.toml")
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Fits(target); err == nil || !strings.HasPrefix(err.Error(), "b.toml:7:3: target staging has no host app; name it there: [host.app]\n") {
		t.Errorf("a target without hosts: %v", err)
	}
}
