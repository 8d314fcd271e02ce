package book_test

import (
	"strings"
	"testing"

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
		"later":           {`[vars]`, "guard = true\n[vars]", "t.toml:4:1: guard: guarded targets are not supported by this version"},
		"no via":          {`[vars]`, "[host.app]\nvia = []\ndir = \"/srv\"\n[vars]", "t.toml:5:1: host app: via begins with ssh"},
		"host, command":   {`[vars]`, "[host.app]\ndir = \"/srv\"\nvia = [\"ssh\", \"a\", \"b\"]\n[vars]", `t.toml:6:1: host app: via ends with the place ssh connects to; "b" after a`},
		"host, no dir":    {`[vars]`, "[host.app]\nvia = [\"ssh\", \"a\"]\n[vars]", "t.toml:4:7: host app: dir is missing"},
		"host, path":      {`[vars]`, "[host.app]\nvia = [\"ssh\", \"a\"]\ndir = \"/\"\npath = \"/bin:bin\"\n[vars]", `t.toml:7:1: host app: path: each element must be absolute, not "bin"`},
		"host, name":      {`[vars]`, "[host.App]\nvia = [\"ssh\", \"a\"]\ndir = \"/\"\n[vars]", "t.toml:4:7: the name of a host is"},
		"host, key":       {`[vars]`, "[host.app]\nvai = [\"ssh\", \"a\"]\ndir = \"/\"\n[vars]", "t.toml:5:1: unknown key vai; did you mean via?"},
		"env_from":        {`file:/srv/app/.env`, "docker:x", "in this version"},
		"newline":         {`"1.2"`, `"1\n2"`, "holds a line break"},
		"number":          {`"1.2"`, `1.2`, "t.toml:5:1: image_tag wants a string, not a float"},
	} {
		text := strings.Replace(place, test.old, test.new, 1)
		if _, err := book.ReadTarget([]byte(text), "t.toml"); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}
