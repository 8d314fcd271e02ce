package book_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"runbook/runbook/book"
)

const place = `name = "staging"
dir = "/srv/app"
path = "/usr/bin:/bin"
[vars]
image_tag = "1.2"
[service]
env_from = "file:/srv/app/.env"
[secret.database_url]
command = ["vault", "kv", "get", "-field=url", "db"]
[secret.token]
env = "TOKEN"
`

func TestReadTarget(t *testing.T) {
	t.Parallel()
	target, err := book.ReadTarget([]byte(place), "t.toml")
	if err != nil {
		t.Fatal(err)
	}
	if target.Vars["image_tag"] != "1.2" || target.Service.EnvFrom != "file:/srv/app/.env" || len(target.Secrets["database_url"].Command) != 5 || len(target.SHA256) != 64 {
		t.Errorf("target %+v", target)
	}
	shown := strings.Join(target.Summary(), "\n")
	for _, want := range []string{`dir = "/srv/app"`, `["vault", "kv", "get", "-field=url", "db"]`, "secret token from the environment variable TOKEN", `var image_tag = "1.2"`, `"file:/srv/app/.env"`} {
		if !strings.Contains(shown, want) {
			t.Errorf("the summary lacks %s:\n%s", want, shown)
		}
	}
	for name, test := range map[string]struct{ old, new, want string }{
		"relative dir":    {`"/srv/app"`, `"app"`, "t.toml:2:1: dir must be absolute"},
		"no dir":          {`dir = "/srv/app"`, ``, "dir is missing"},
		"no path":         {`path = "/usr/bin:/bin"`, ``, "path is missing"},
		"empty element":   {`"/usr/bin:/bin"`, `"/usr/bin:"`, "t.toml:3:1: each element of path must be absolute"},
		"relative path":   {`"/usr/bin:/bin"`, `"/usr/bin:bin"`, `"bin" would be looked up`},
		"two sources":     {`env = "TOKEN"`, "env = \"TOKEN\"\nfile = \"/x\"", "t.toml:10:9: a secret comes from exactly one"},
		"no source":       {`env = "TOKEN"`, "", "exactly one of env, file, command"},
		"unknown key":     {`env = "TOKEN"`, `enf = "TOKEN"`, "t.toml:11:1: unknown key enf; did you mean env?"},
		"relative secret": {`env = "TOKEN"`, `file = "x"`, "file must be absolute"},
		"guard, process":  {`path = "/usr/bin:/bin"`, "path = \"/usr/bin:/bin\"\nguard = true\nservice.env_from = \"process\"", "t.toml:5:9: env_from is our own process, and the target is guarded"},
		"extends":         {`[vars]`, "extends = \"base\"\n[vars]", "t.toml:4:1: extends: only a target file"},
		"demand, name":    {`[vars]`, "require = [\"Ticket\"]\n[vars]", "t.toml:4:12: require names vars"},
		"demand, twice":   {`[vars]`, "require = [\"ticket\", { name = \"ticket\" }]\n[vars]", "require has ticket twice"},
		"demand, given":   {`[vars]`, "require = [\"image_tag\"]\n[vars]", "image_tag is demanded of each run, and the target gives it"},
		"demand, secret":  {`[vars]`, "require = [\"token\"]\n[vars]", "token is a secret"},
		"demand, path":    {`[vars]`, "require = [\"path\"]\n[vars]", "PATH, which is reserved"},
		"demand, match":   {`[vars]`, "require = [{ name = \"ticket\", match = \"(\" }]\n[vars]", "match: error parsing"},
		"demand, key":     {`[vars]`, "require = [{ name = \"ticket\", mach = \"x\" }]\n[vars]", "unknown key mach; did you mean match?"},
		"demand, number":  {`[vars]`, "require = [7]\n[vars]", "t.toml:4:12: require[0] wants a table, not an integer"},
		"choose, twice":   {`[service]`, "[choose]\nimage_tag = \"a\"\n[service]", "t.toml:7:1: image_tag stands in [vars] too"},
		"kube, twice":     {`image_tag = "1.2"`, "namespace = \"a\"\n[kube]\nnamespace = \"b\"", "t.toml:5:1: namespace stands in kube too"},
		"waiver, until":   {`[vars]`, "[[waiver]]\nstep = \"a\"\nby = \"eve\"\nticket = \"S-1\"\n[vars]", "t.toml:4:1: until is missing"},
		"waiver, by":      {`[vars]`, "[[waiver]]\nstep = \"a\"\nuntil = 2026-12-31\nticket = \"S-1\"\n[vars]", "by is missing: who answers for it"},
		"waiver, ticket":  {`[vars]`, "[[waiver]]\nstep = \"a\"\nuntil = 2026-12-31\nby = \"eve\"\nticket = \" \"\n[vars]", "t.toml:8:1: ticket is missing"},
		"waiver, day":     {`[vars]`, "[[waiver]]\nstep = \"a\"\nuntil = 2026-12-31T10:00:00Z\nby = \"eve\"\nticket = \"S\"\n[vars]", "t.toml:6:1: until: wants a day"},
		"waiver, no day":  {`[vars]`, "[[waiver]]\nstep = \"a\"\nuntil = \"soon\"\nby = \"eve\"\nticket = \"S\"\n[vars]", "t.toml:6:1: until: wants a day"},
		"waiver, order":   {`[vars]`, "[[waiver]]\nstep = \"a\"\nfrom = 2027-01-01\nuntil = 2026-12-31\nby = \"eve\"\nticket = \"S\"\n[vars]", "before it begins"},
		"waiver, twice":   {`[vars]`, strings.Repeat("[[waiver]]\nstep = \"a\"\nuntil = 2026-12-31\nby = \"eve\"\nticket = \"S\"\n", 2) + "[vars]", "a is waived twice"},
		"no via":          {`[vars]`, "[host.app]\nvia = []\ndir = \"/srv\"\n[vars]", "t.toml:5:1: host app: via begins with ssh"},
		"host, command":   {`[vars]`, "[host.app]\ndir = \"/srv\"\nvia = [\"ssh\", \"a\", \"b\"]\n[vars]", `t.toml:6:1: host app: via ends with the place ssh connects to; "b" after a`},
		"host, no dir":    {`[vars]`, "[host.app]\nvia = [\"ssh\", \"a\"]\n[vars]", "t.toml:4:7: host app: dir is missing"},
		"host, path":      {`[vars]`, "[host.app]\nvia = [\"ssh\", \"a\"]\ndir = \"/\"\npath = \"/bin:bin\"\n[vars]", `t.toml:7:1: host app: path: each element must be absolute, not "bin"`},
		"host, name":      {`[vars]`, "[host.App]\nvia = [\"ssh\", \"a\"]\ndir = \"/\"\n[vars]", "t.toml:4:7: the name of a host is"},
		"host, key":       {`[vars]`, "[host.app]\nvai = [\"ssh\", \"a\"]\ndir = \"/\"\n[vars]", "t.toml:5:1: unknown key vai; did you mean via?"},
		"env_from":        {`file:/srv/app/.env`, "dokcer:x", "t.toml:7:1: env_from is"},
		"env_from, k8s":   {`file:/srv/app/.env`, "k8s:users", `"k8s:NAMESPACE/DEPLOYMENT"`},
		"env_from, dash":  {`file:/srv/app/.env`, "docker:--privileged", "no name begins with a dash"},
		"env_from, host":  {`.env"`, ".env\"\non = \"app\"", "t.toml:8:1: the target has no host app"},
		"newline":         {`"1.2"`, `"1\n2"`, "holds a line break"},
		"number":          {`"1.2"`, `1.2`, "t.toml:5:1: image_tag wants a string, not a float"},
	} {
		text := strings.Replace(place, test.old, test.new, 1)
		if name == "guard, process" {
			text = strings.Replace(text, "[service]\nenv_from = \"file:/srv/app/.env\"\n", "", 1)
		}
		if _, err := book.ReadTarget([]byte(text), "t.toml"); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

const production = `name = "production"
guard = true
dir = "/srv/app"
path = "/usr/bin:/bin"
require = ["change_ticket", { name = "release_notes", title = "where they are", match = 'https://\S+' }]
kube = { context = "prod", namespace = "users" }
choose = { platform = "compose" }
[[waiver]]
step = "helmet"
until = 2026-12-31
ticket = "SEC-88"
by = "eve"
[[waiver]]
step = "sentry"
from = "2027-01-01"
until = 2027-02-01
ticket = "SEC-89"
by = "eve"
`

func TestReadTargetOfProduction(t *testing.T) {
	t.Parallel()
	target, err := book.ReadTarget([]byte(production), "p.toml")
	if err != nil {
		t.Fatal(err)
	}
	if v := target.Values(); !target.Guard || v["namespace"] != "users" || v["kube_context"] != "prod" || v["platform"] != "compose" {
		t.Errorf("guard %v, values %v", target.Guard, v)
	}
	shown := strings.Join(target.Summary(), "\n")
	for _, want := range []string{
		"guarded: production", "demands change_ticket of each run", `chooses platform = "compose"`,
		"check helmet, if it fails: waived by eve, SEC-88, until 2026-12-31", "from 2027-01-01 until 2027-02-01",
	} {
		if !strings.Contains(shown, want) {
			t.Errorf("the summary lacks %q:\n%s", want, shown)
		}
	}
	for _, test := range []struct {
		vars  map[string]string
		unmet string
	}{
		{nil, "change_ticket release_notes"},
		{map[string]string{"change_ticket": "", "release_notes": "notes"}, "change_ticket release_notes"},
		{map[string]string{"change_ticket": "C-1", "release_notes": "https://x and more"}, "release_notes"},
		{map[string]string{"change_ticket": "C-1\u202e", "release_notes": "https://x"}, "change_ticket"},
		{map[string]string{"change_ticket": "C-1", "release_notes": "https://x"}, ""},
	} {
		var names []string
		for _, d := range target.Unmet(test.vars) {
			names = append(names, d.Name)
		}
		if got := strings.Join(names, " "); got != test.unmet {
			t.Errorf("%v leaves %q unmet, want %q", test.vars, got, test.unmet)
		}
	}
}

func TestWaiverCountsOnItsDays(t *testing.T) {
	t.Parallel()
	w := book.Waiver{From: "2026-11-01", Until: "2026-11-30"}
	for at, want := range map[string]string{
		"2026-10-31T23:59:59Z":      "begins 2026-11-01",
		"2026-11-01T00:00:00Z":      "",
		"2026-11-30T23:59:59Z":      "",
		"2026-12-01T00:00:00Z":      "ended 2026-11-30",
		"2026-12-01T01:00:00+02:00": "", // still the 30th of UTC
	} {
		now, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		if why, stands := w.Waives(now); why != want || stands != (want == "") {
			t.Errorf("at %s: %q, %v; want %q", at, why, stands, want)
		}
	}
}

func TestLintTarget(t *testing.T) {
	t.Parallel()
	b, err := book.Read([]byte(`schema = 1
name = "small"
[[phase]]
id = "p"
step = [
  { id = "helmet", check.file = { path = "a" } },
  { id = "killer", critical = true, check.file = { path = "a" } },
  { id = "asks", ask.confirm = { question = "is it?" } },
]
`), "b.toml")
	if err != nil {
		t.Fatal(err)
	}
	waive := func(step, until string) string {
		return "[[waiver]]\nstep = \"" + step + "\"\nuntil = " + until + "\nby = \"eve\"\nticket = \"S-1\"\n"
	}
	target, err := book.ReadTarget([]byte("name = \"p\"\ndir = \"/srv\"\npath = \"/bin\"\nvars.environment = \"production\"\n"+
		waive("helmet", "2026-12-31")+waive("helmt", "2026-12-31")+waive("killer", "2026-12-31")+waive("asks", "2020-01-01")), "t.toml")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range book.LintTarget(target, []*book.Book{b}, time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)) {
		got = append(got, p.In("t.toml"))
	}
	want := []string{
		"t.toml:4:6: warning: environment is production, and nothing guards it: guard = true asks for an approval before anything is changed",
		"t.toml:11:1: warning: no step is called helmt in small; did you mean helmet?",
		"t.toml:16:1: warning: killer is critical in small: no waiver lets it pass, a person decides",
		"t.toml:21:1: warning: the waiver of asks ended 2020-01-01: it counts for nothing",
		"t.toml:21:1: warning: asks is no check: nothing else is waived",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	target, err = book.ReadTarget([]byte("name = \"p\"\ndir = \"/srv\"\npath = \"/bin\"\nvars.environment = \"production\"\n"+waive("helmet", "2026-12-31")), "t.toml")
	if err != nil {
		t.Fatal(err)
	}
	if quiet := book.LintTarget(target, nil, time.Date(2026, 10, 2, 23, 0, 0, 0, time.UTC)); len(quiet) != 1 {
		t.Errorf("without books: %v", quiet)
	}
	long := book.LintTarget(target, nil, time.Date(2026, 10, 1, 23, 0, 0, 0, time.UTC))
	if len(long) != 2 || long[1].In("t.toml") != "t.toml:7:1: warning: the waiver of helmet stands until 2026-12-31, over 90 days from now: nobody will look at it again" {
		t.Errorf("91 days: %v", long)
	}
}
