package book_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"runbook/runbook/book"
)

const whole = `schema = 1
name = "users-module"

[vars]
image_tag = { required = true, match = '^[\w][\w.-]{0,127}$' }
database_url = { secret = true }
platform = {}

[[phase]]
id = "pre-checks"
style = "do-confirm"

  [[phase.step]]
  id = "health"
  covers = ["S1-L7"]
  critical = true
  check.look = { url = "http://${image_tag}/health", min = 3, timeout = "7d" }

[[phase]]
id = "deploy"

  [[phase.step]]
  id = "migrate"
  undo = "revert"
  verify = "health"
  during = ["health"]
  run.command = { sh = "npm run migration:run -- \"$IMAGE_TAG\"", ask_after = "10m", secrets = ["database_url"] }

  [[phase.step]]
  id = "platform"
  ask.decide = { var = "platform", choices = ["docker", "node"] }

  [[phase.step]]
  id = "deploy-docker"
  when = { platform = "docker" }
  undo = "none: the next deploy replaces it"
  verify = "health"
  run.command = { argv = ["docker", "run", "--name", "tickr", "--", "tickr:${image_tag}"] }

  [[phase.step]]
  id = "flood"
  effect = "none"
  run.probe.poke = { url = "http://x" }

  [[phase.step]]
  id = "tell"
  tell.message = { to = "#deploys", text = "users-module ${image_tag} is out" }

  [[phase.step]]
  id = "day"
  watch.every = "15m"
  watch.for = "24h"
  watch.failures = 1
  watch.check.look = { url = "http://x", rules = [{ path = "a" }] }

[[plan]]
id = "back"
situation = "the new version fails"
loses = "nothing"
takes = "10m"

  [[plan.step]]
  id = "revert"
  verify = "health"
  undo = "none: it is the way back"
  run.command = { argv = ["npm", "run", "migration:revert"] }

[[hint]]
match = "health"
diagnose = "health"
[[contact]]
level = "1"
name = "on-call"
[[objective]]
scenario = "down"
rto = "1h"
[[backup]]
type = "full"
[[signoff]]
role = "qa-lead"
scope = "phase:deploy"
distinct = true
`

func read(t *testing.T, text string) *book.Book {
	t.Helper()
	b, err := book.Read([]byte(text), "b.toml")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRead(t *testing.T) {
	t.Parallel()
	b := read(t, whole)
	var ids []string
	for _, s := range b.All() {
		ids = append(ids, fmt.Sprintf("%s%s/%s:%d", s.Phase, s.Plan, s.ID, s.Line))
	}
	want := "pre-checks/health:13 deploy/migrate:22 deploy/platform:29 deploy/deploy-docker:33 deploy/flood:40 deploy/tell:45 deploy/day:49 back/revert:62"
	if got := strings.Join(ids, " "); got != want {
		t.Errorf("steps\n%s, want\n%s", got, want)
	}
	w, ok := b.Step("day").Verb.(book.Watch)
	if !ok || w.Slots() != 96 || w.Kind != "look" || w.Failures != 1 {
		t.Errorf("watch read as %+v", w)
	}
	if p, ok := b.Step("flood").Verb.(book.Run); !ok || p.Kind != "probe.poke" || p.Probe == nil {
		t.Errorf("probe read as %+v", b.Step("flood").Verb)
	}
	if b.Plans[0].When != "the new version fails" || b.Title != "users-module" || b.Phases[0].Title != "pre-checks" {
		t.Errorf("plan %+v, title %q", b.Plans[0], b.Title)
	}
}

const head = "schema = 1\nname = \"x\"\n[[phase]]\nid = \"p\"\n" // four lines

// Each book is wrong in the ways listed, at these places, and in no other.
func TestProblems(t *testing.T) {
	t.Parallel()
	step := head + "[[phase.step]]\nid = \"a\"\n" // six lines
	for name, test := range map[string]struct{ text, want string }{
		"unknown":           {step + "titel = \"x\"\ncheck.look = {}", "7:1: unknown key titel; did you mean title?"},
		"miscased":          {step + "Title = \"x\"\ncheck.look = {}", "7:1: unknown key Title; did you mean title?"},
		"miscased, both":    {step + "Title = \"x\"\ntitle = \"y\"\ncheck.look = {}", "7:1: unknown key Title; did you mean title?"},
		"doubled":           {step + "title = \"x\"\ntitle = \"y\"\ncheck.look = {}", "8:1: doubled key title: it is already set at line 7"},
		"doubled, dotted":   {step + "check.look = { min = 1 }\ncheck.look.min = 3", "8:1: doubled key check.look: it is already set at line 7"},
		"doubled, table":    {step + "check.look = { min = 1 }\n[phase.step.check.look]\nmin = 3", "8:19: doubled key phase.step.check.look: it is already set at line 7"},
		"doubled, inline":   {step + "check.look = {\n  min = 1,\n  min = 2,\n}", "9:3: doubled key min: it is already set at line 8"},
		"inline, inner":     {step + "check.look = {\n  url = \"min\",\n  mni = 1,\n}", "9:3: unknown key mni; did you mean min?"},
		"deep in a list":    {step + "check.look = { rules = [\n  { path = \"a\" },\n  { pth = \"b\" },\n] }", "9:5: unknown key pth; did you mean path?"},
		"type, first step":  {step + "title = 3\ncheck.look = {}\n[[phase.step]]\nid = \"b\"\ntitle = \"x\"\ncheck.look = {}", "7:1: title wants a string, not an integer"},
		"type, in a list":   {step + "covers = [\"a\",\n 3]\ncheck.look = {}", "8:2: covers[1] wants a string, not an integer"},
		"type, in a map":    {step + "check.look = { headers = { accept = 3 } }", "7:28: accept wants a string, not an integer"},
		"type, odd key":     {step + "check.look = { headers = { \"a.b\" = 3 } }", "7:28: a.b wants a string, not an integer"},
		"type and unknown":  {step + "check.look = { url = 3, mni = 1 }", "7:16: url wants a string, not an integer\nb.toml:7:25: unknown key mni; did you mean min?"},
		"unknown, odd key":  {step + "\"a.b\" = 3\ncheck.look = {}", "7:1: unknown key a.b"},
		"type, float":       {step + "check.look = { min = 3.7 }", "7:16: min: wants an integer that fits, not 3.7"},
		"type, table":       {step + "check = 3", "7:1: check wants a table, not an integer"},
		"type, list":        {step + "covers = \"x\"\ncheck.look = {}", "7:1: covers wants a list, not a string"},
		"bare duration":     {step + "check.look = { timeout = 30 }", "7:16: timeout: wants a duration in quotes, such as \"15m\", not an integer"},
		"duration":          {step + "check.look = { timeout = \"15 min\" }", "7:16: timeout: not a duration: \"15 min\" (such as 90s, 15m, 24h, 7d)"},
		"validator":         {step + "check.look = { min = -1 }", "7:7: look: min is negative"},
		"unknown kind":      {step + "check.loook = {}", "7:7: unknown kind of check: loook; did you mean look?"},
		"two verbs":         {step + "check.look = {}\ntell.message = { to = \"x\", text = \"y\" }", "5:1: a step has exactly one of check, run, ask, tell, watch; given are check and tell"},
		"no verb":           {step, "5:1: a step has exactly one of check, run, ask, tell, watch; none is given"},
		"touches":           {step + "check.poke = {}", "7:7: poke touches the target here; write it as run.probe.poke"},
		"touches, watched":  {step + "watch = { every = \"1m\", for = \"1h\", check.poke = {} }", "7:43: poke touches the target here; write it as run.probe.poke"},
		"argv and sh":       {step + "run.command = { argv = [\"a\"], sh = \"b\" }", "7:5: a command has argv or sh, not both"},
		"neither":           {step + "run.command = {}", "7:5: a command wants argv or sh"},
		"effect":            {step + "effect = \"some\"\nrun.command = { argv = [\"a\"] }", "7:1: effect is \"none\" or left out, not \"some\""},
		"chain":             {step + "chain = \"build\"\nrun.command = { argv = [\"a\"] }", "7:1: chain is only for a run with effect = \"none\": one key approves them all"},
		"on, no command":    {step + "on = \"app\"\ncheck.look = {}", "7:1: on: a host carries out commands, and check.look is none; it is done from here"},
		"on, an ask":        {step + "on = \"app\"\nask.confirm = {}", "7:1: on: a host carries out commands, and ask.confirm is none; it is done from here"},
		"on, type":          {step + "on = [\"app\", 3]\nrun.command = { argv = [\"a\"] }", "7:14: on wants the name of a host, or a list of names, not an integer"},
		"on, table":         {step + "on = {}\nrun.command = { argv = [\"a\"] }", "7:1: on wants the name of a host, or a list of names, not a table"},
		"on, empty":         {step + "on = []\nrun.command = { argv = [\"a\"] }", "7:1: on names no host; without it the step runs here"},
		"on, twice":         {step + "on = [\"a\", \"a\"]\nrun.command = { argv = [\"a\"] }", "7:12: on has a twice"},
		"on, name":          {step + "on = \"App\"\nrun.command = { argv = [\"a\"] }", "7:1: the name of a host is lower case letters, digits and dashes, begins with a letter and has at most 64: \"App\""},
		"parallel":          {step + "on = \"app\"\nparallel = true\nrun.command = { argv = [\"a\"] }", "8:1: parallel means something only with several hosts in on"},
		"on, agent":         {step + "on = \"app\"\nrun.command = { argv = [\"a\"], agent = true }", "8:31: agent: the SSH agent of here reaches no host"},
		"on, interactive":   {step + "on = \"app\"\nrun.command = { argv = [\"a\"], interactive = true }", "8:31: interactive: a command on a host has no terminal"},
		"syntax":            {step + "title = \"x\ncheck.look = {}", "7:9: this string is not closed on its line"},
		"syntax, library":   {step + "title = 07:99\n", "7:9: invalid datetime: \"07:99\""},
		"id twice":          {step + "check.look = {}\n[[phase.step]]\nid = \"a\"\ncheck.look = {}", "9:1: id a is already used at line 5"},
		"id":                {head + "[[phase.step]]\nid = \"A\"\ncheck.look = {}", "6:1: id must be lower case letters, digits and dashes, begin with a letter and have at most 64: \"A\""},
		"undo":              {step + "undo = \"a\"\nrun.command = { argv = [\"a\"] }", "7:1: undo names no step of a plan: \"a\"; or write undo = \"none: reason\""},
		"verify":            {step + "verify = \"b\"\nrun.command = { argv = [\"a\"] }", "7:1: verify names no step: \"b\""},
		"verify, no check":  {step + "verify = \"a\"\nrun.command = { argv = [\"a\"] }", "7:1: verify wants a check, and a is none"},
		"var":               {step + "run.command = { argv = [\"a\", \"${tag}\"] }", "7:1: ${tag} names no var; $${ stands for a literal ${"},
		"evidence":          {step + "ask.confirm = { evidence = [\"b\"] }", "7:29: evidence names no step: \"b\""},
		"several":           {"schema = 2\nname = \"X\"\nfoo = 1", "1:1: schema must be 1, the only one this version reads\nb.toml:2:1: name must be lower case letters, digits and dashes, begin with a letter and have at most 64: \"X\"\nb.toml:3:1: unknown key foo"},
		"bidi":              {"schema = 1\nname = \"x\"\n# \u202e evil", "3:3: invisible character U+202E; remove it, or write it as plain text"},
		"zero width":        {"title = \"a\u200bb\"", "1:11: invisible character U+200B; remove it, or write it as plain text"},
		"tag character":     {"title = \"a\U000e0041b\"", "1:11: invisible character U+E0041; remove it, or write it as plain text"},
		"hard space":        {"title = \"a\u00a0b\"", "1:11: invisible character U+00A0; remove it, or write it as plain text"},
		"escape":            {"schema = 1\nname = \"x\"\ntitle = \"\\u202e\"", "3:1: title holds the invisible character U+202E"},
		"terminal escape":   {"schema = 1\nname = \"x\"\ntitle = \"\\u001b[2J\"", "3:1: title holds the invisible character U+001B"},
		"not UTF-8":         {"title = \"\xff\"", "1:10: not UTF-8: byte 0xff"},
		"reserved":          {"schema = 1\nname = \"x\"\n[vars]\npath = {}", "4:1: var path would reach commands as PATH, which is reserved; name it otherwise, or set export"},
		"reserved, export":  {"schema = 1\nname = \"x\"\n[vars]\na = { export = \"LD_PRELOAD\" }", "4:1: var a would reach commands as LD_PRELOAD, which is reserved; name it otherwise, or set export"},
		"secret default":    {"schema = 1\nname = \"x\"\n[vars]\na = { secret = true, default = \"b\" }", "4:22: a secret has no default: it would stand in the book"},
		"default and match": {"schema = 1\nname = \"x\"\n[vars]\na = { default = \"b\", match = \"a\" }", "4:7: default: a = \"b\" does not match a"},
		"approval's scope":  {step + "ask.approve = { role = \"qa\", scope = \"phase:p\" }", "7:30: scope is \"run\", or is left out: then it is the phase of the step, not \"phase:p\""},
		"no signoff scope":  {"schema = 1\nname = \"x\"\n[[signoff]]\nrole = \"qa\"", "3:1: scope is missing: write scope = \"run\", or \"phase:ID\" of a phase of this book"},
		"signoff scope":     {"schema = 1\nname = \"x\"\n[[signoff]]\nrole = \"qa\"\nscope = \"phase:x\"", "5:1: scope is \"run\" or \"phase:ID\" of a phase of this book, not \"phase:x\""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := book.Read([]byte(test.text), "b.toml")
			var problems *book.Problems
			if !errors.As(err, &problems) {
				t.Fatalf("error %v, want *Problems", err)
			}
			if got, want := err.Error(), "b.toml:"+test.want; got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// What would keep the TOML library busy for half a minute, or overflow its
// stack, never reaches it.
func TestReadBounds(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ text, want string }{
		"dotted key":   {strings.Repeat("a.", 20_000) + "a = 1", "nested deeper than 64"},
		"header":       {"[" + strings.Repeat("a.", 20_000) + "a]", "nested deeper than 64"},
		"lists":        {"a = " + strings.Repeat("[", 1<<19), "nested deeper than 64"},
		"many lists":   {"a = " + strings.Repeat("[", 3_000_000), "at most 1048576"},
		"tables":       {"a = " + strings.Repeat("{a=", 1<<18), "nested deeper than 64"},
		"mixed":        {"[a.b.c.d]\n" + strings.Repeat("e.", 30) + "e = " + strings.Repeat("[{a=", 20), "nested deeper than 64"},
		"many keys":    {"[[phase]]\n" + strings.Repeat("[[phase.a.b.c]]\n", 10_000), "unknown key"},
		"deep keys":    {manyKeys(strings.Repeat("a.", 60)), "too many and too deep"},
		"deep table":   {"[" + strings.Repeat("a.", 50) + "a]\n" + manyKeys("b"), "too many and too deep"},
		"one long key": {"a." + strings.Repeat("b", 1<<20-20) + " = 1", "unknown key"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := book.Read([]byte(test.text), "b.toml")
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %.200v, want %q", err, test.want)
			}
		})
	}
}

// manyKeys is almost 1 MiB of keys with the same beginning.
func manyKeys(prefix string) string {
	var text strings.Builder
	for i := 0; text.Len() < 1<<20-200; i++ {
		fmt.Fprintf(&text, "%s%d = 1\n", prefix+"k", i)
	}
	return text.String()
}

// A book of 10,000 steps is far below the bounds.
func TestReadALongBook(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	text.WriteString(head)
	for i := range 10_000 {
		fmt.Fprintf(&text, "[[phase.step]]\nid = \"s%d\"\ncritical = true\nverify = \"s0\"\ncheck.look = { url = \"http://x/%d\" }\n", i, i)
	}
	if n := len(read(t, text.String()).All()); n != 10_000 {
		t.Errorf("%d steps", n)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(whole))
	f.Add([]byte(head + "[[phase.step]]\nid = '''a'''\nwhen = { a = 1979-05-27 07:32:00 }\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := book.Read(data, "b.toml")
		var problems *book.Problems
		if (b == nil) == (err == nil) || err != nil && (!errors.As(err, &problems) || len(problems.List) == 0) {
			t.Fatalf("book %v, error %v", b, err)
		}
		if b == nil {
			return
		}
		book.Lint(b)
		b.Summary()
		if _, err := b.JSON(); err != nil {
			t.Fatal(err)
		}
		if err := b.Text(io.Discard); err != nil {
			t.Fatal(err)
		}
	})
}
