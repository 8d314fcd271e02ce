package book_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"runbook/runbook/book"
)

const base = `dir = "/srv/app"
path = "/usr/bin:/bin"
guard = true
require = ["change_ticket"]
[vars]
base_url = "http://127.0.0.1:3000"
db_role = "app"
[secret.database_url]
command = ["vault", "kv", "get", "-field=url", "db"]
[secret.token]
env = "TOKEN"
[host.app]
via = ["ssh", "deploy@app1"]
dir = "/srv/app"
[[waiver]]
step = "helmet"
until = 2026-12-31
ticket = "SEC-88"
by = "eve"
`

func load(t *testing.T, dir, name string) (*book.Target, error) {
	t.Helper()
	file := filepath.Join(dir, name)
	data, err := os.ReadFile(file)
	must(t, err)
	return book.LoadTarget(data, file)
}

func TestTargetExtendsAnother(t *testing.T) {
	t.Parallel()
	dir := private(t)
	write(t, filepath.Join(dir, "base.toml"), base)
	write(t, filepath.Join(dir, "europe.toml"), "extends = \"base\"\nname = \"europe\"\n[vars]\ndb_role = \"app_eu\"\n")
	write(t, filepath.Join(dir, "prod.toml"), `extends = "europe"
name = "prod"
[vars]
region = "eu-1"
[secret.database_url]
file = "/run/secrets/db"
`)
	target, err := load(t, dir, "prod.toml")
	if err != nil {
		t.Fatal(err)
	}
	if v := target.Vars; v["base_url"] != "http://127.0.0.1:3000" || v["db_role"] != "app_eu" || v["region"] != "eu-1" {
		t.Errorf("vars %v", v)
	}
	if !target.Guard || len(target.Require) != 1 || target.Waiver("helmet") == nil || target.Hosts["app"].Dir != "/srv/app" {
		t.Errorf("what base says is gone: %+v", target)
	}
	if s := target.Secrets["database_url"]; s.File != "/run/secrets/db" || len(s.Command) > 0 {
		t.Errorf("a secret is made of two files: %+v", s)
	}
	// The whole of it needs no other file, and is the same wherever it is read.
	again, err := book.ReadTarget(target.Raw, filepath.Join(t.TempDir(), "target.toml"))
	if err != nil {
		t.Fatalf("%v in\n%s", err, target.Raw)
	}
	if again.SHA256 != target.SHA256 || strings.Join(again.Summary(), "\n") != strings.Join(lacking(target.Summary(), "extends "), "\n") {
		t.Errorf("it reads back as another:\n%s", target.Raw)
	}
	if !strings.Contains(strings.Join(target.Summary(), "\n"), "extends "+filepath.Join(dir, "base.toml")) {
		t.Errorf("the summary does not name what it extends: %v", target.Summary())
	}
}

func lacking(lines []string, prefix string) []string {
	var rest []string
	for _, line := range lines {
		if !strings.HasPrefix(line, prefix) {
			rest = append(rest, line)
		}
	}
	return rest
}

func TestTargetThatCannotBePutTogether(t *testing.T) {
	t.Parallel()
	dir := private(t)
	for name, text := range map[string]string{
		"base":     base,
		"ring":     "extends = \"round\"\nname = \"ring\"\n",
		"round":    "extends = \"ring\"\nname = \"round\"\n",
		"self":     "extends = \"self\"\nname = \"self\"\n",
		"lost":     "name = \"lost\"\nextends = \"nowhere\"\n",
		"outside":  "name = \"outside\"\nextends = \"../base\"\n",
		"nameless": "extends = \"base\"\n",
		"broken":   "name = \"broken\"\ndir = \"app\"\npath = \"/bin\"\n[vrs]\n",
		"over":     "name = \"over\"\nextends = \"broken\"\n",
		"halves":   "name = \"halves\"\nextends = \"small\"\n",
		"small":    "path = \"/bin\"\n",
		"mended":   "name = \"mended\"\nextends = \"broken\"\ndir = \"srv\"\n",
	} {
		write(t, filepath.Join(dir, name+".toml"), text)
	}
	for name, want := range map[string][]string{
		"ring":     {"round.toml:1:1: extends: ring extends itself"},
		"self":     {"self.toml:1:1: extends: self extends itself"},
		"lost":     {"lost.toml:2:1: extends nowhere: ", "no such file"},
		"outside":  {"outside.toml:2:1: extends names a target file beside this one"},
		"nameless": {"nameless.toml:1:1: name is missing"},
		"over":     {"broken.toml:2:1: dir must be absolute", "broken.toml:4:2: unknown key vrs; did you mean vars?"},
		"halves":   {"halves.toml:2:1: dir is missing"},
		"mended":   {"mended.toml:3:1: dir must be absolute: \"srv\""},
	} {
		_, err := load(t, dir, name+".toml")
		for _, text := range want {
			if err == nil || !strings.Contains(err.Error(), text) {
				t.Errorf("%s: %v, want %q", name, err, text)
			}
		}
	}
}

func TestTrustOfATargetCoversWhatItExtends(t *testing.T) {
	t.Parallel()
	config, dir := private(t), private(t)
	below := write(t, filepath.Join(dir, "base.toml"), "name = \"base\"\n"+base)
	write(t, filepath.Join(dir, "prod.toml"), "extends = \"base\"\nname = \"prod\"\nvars.db_role = \"prod\"\n")
	trusted := func(name string) error {
		target, err := load(t, dir, name)
		must(t, err)
		return target.Trusted(config)
	}
	target, err := load(t, dir, "prod.toml")
	must(t, err)
	must(t, target.AddTrust(config))
	must(t, trusted("prod.toml"))
	if trusted("base.toml") == nil {
		t.Error("what it extends is trusted by itself: what it overrides was never shown")
	}
	for what, text := range map[string]string{
		"a command":    strings.Replace(base, `"vault"`, `"curl"`, 1),
		"a comment":    base + "# harmless\n",
		"a hidden var": strings.Replace(base, `"app"`, `"app2"`, 1), // prod overrides it
	} {
		write(t, below, "name = \"base\"\n"+text)
		if trusted("prod.toml") == nil {
			t.Errorf("%s in what it extends has changed, and it is trusted still", what)
		}
	}
	write(t, below, "name = \"base\"\n"+base)
	must(t, trusted("prod.toml"))
	must(t, os.Chmod(below, 0o666))
	if err := trusted("prod.toml"); err == nil || !strings.Contains(err.Error(), "base.toml is writable by others") {
		t.Errorf("others may write what it extends: %v", err)
	}
	if err := target.AddTrust(config); err == nil {
		t.Error("trust is taken for what others may write")
	}
}

func TestTargetOfTooManyFiles(t *testing.T) {
	t.Parallel()
	dir := private(t)
	for i := range 9 {
		text := fmt.Sprintf("name = \"t%d\"\nextends = \"t%d\"\n", i, i+1)
		if i == 8 {
			text = "name = \"t8\"\n" + base
		}
		write(t, filepath.Join(dir, fmt.Sprintf("t%d.toml", i)), text)
	}
	if target, err := load(t, dir, "t1.toml"); err != nil || len(target.Extends) != 7 {
		t.Errorf("of eight files: %v", err)
	}
	if _, err := load(t, dir, "t0.toml"); err == nil || !strings.Contains(err.Error(), "t7.toml:2:1: extends: a target is made of at most 8 files") {
		t.Errorf("of nine: %v", err)
	}
	must(t, os.Remove(filepath.Join(dir, "t8.toml")))
	must(t, syscall.Mkfifo(filepath.Join(dir, "t8.toml"), 0o600))
	if _, err := load(t, dir, "t1.toml"); err == nil || !strings.Contains(err.Error(), "is no regular file") {
		t.Errorf("a pipe that never answers: %v", err)
	}
}
