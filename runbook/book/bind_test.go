package book_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"runbook/runbook/book"
)

const bound = head + `[[phase.step]]
id = "run"
run.command = { argv = ["docker", "--label=${tag}", "${name}", "--", "${tag}", "$${tag}", "a${tag}b${name}"] }
[[phase.step]]
id = "script"
run.command = { sh = 'echo "${TAG}" ${tag}' }
[[phase.step]]
id = "look"
check.look = { url = "http://${name}/${tag}", headers = { tag = "${tag}" }, rules = [{ path = "${tag}" }] }
[[phase.step]]
id = "day"
watch = { every = "1m", for = "1h", check.look = { url = "${name}" } }
[[phase.step]]
id = "message"
tell.message = { to = "${name}", text = "a ${tag}" }
[vars]
tag = {}
name = {}
key = { secret = true }
`

// as is v, which must be a T.
func as[T any](t *testing.T, v any) T {
	t.Helper()
	typed, ok := v.(T)
	if !ok {
		t.Fatalf("%T is no %T", v, typed)
	}
	return typed
}

func TestBind(t *testing.T) {
	t.Parallel()
	b := read(t, bound)
	vars := map[string]string{"tag": "x --privileged *", "name": "${key}"}
	verb := func(id string) book.Verb {
		v, err := b.Bind(b.Step(id), vars)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	argv := as[book.Run](t, verb("run")).Command.Argv
	want := []string{"docker", "--label=x --privileged *", "${key}", "--", "x --privileged *", "${tag}", "ax --privileged *b${key}"}
	if !reflect.DeepEqual(argv, want) {
		t.Errorf("argv %q, want %q", argv, want)
	}
	if sh := as[book.Run](t, verb("script")).Command.Sh; sh != `echo "${TAG}" ${tag}` {
		t.Errorf("the script became %q", sh)
	}
	l := as[*looker](t, as[book.Check](t, verb("look")).Check)
	if l.URL != "http://${key}/x --privileged *" || l.Headers["tag"] != vars["tag"] || l.Rules[0].Path != vars["tag"] {
		t.Errorf("check %+v", l)
	}
	if l := as[*looker](t, as[book.Watch](t, verb("day")).Check); l.URL != "${key}" {
		t.Errorf("watch %+v", l)
	}
	if m := as[book.Tell](t, verb("message")).Message; m.To != "${key}" || m.Text != "a x --privileged *" {
		t.Errorf("message %+v", m)
	}
	if as[*looker](t, as[book.Check](t, b.Step("look").Verb).Check).URL != "http://${name}/${tag}" {
		t.Error("Bind changed the book")
	}
}

func TestBindRefuses(t *testing.T) {
	t.Parallel()
	b := read(t, bound)
	if _, err := b.Bind(b.Step("run"), map[string]string{"tag": "x"}); !errors.Is(err, book.ErrUnsetVar) || !strings.Contains(err.Error(), "--var name=") {
		t.Errorf("unset var: %v", err)
	}
	_, err := b.Bind(b.Step("run"), map[string]string{"tag": "x", "name": "--privileged"})
	if err == nil || !strings.Contains(err.Error(), `becomes the option "--privileged"`) {
		t.Errorf("option from a var: %v", err)
	}
	if _, err := b.Bind(b.Step("run"), map[string]string{"tag": "-x", "name": "y"}); err != nil {
		t.Errorf("after -- a dash is text: %v", err)
	}
	if _, err := b.Bind(b.Step("look"), map[string]string{"tag": "-x", "name": "-y"}); err != nil {
		t.Errorf("outside of argv a dash is text: %v", err)
	}
	for text, want := range map[string]string{
		`argv = ["a", "${key}"]`:                     "${key} is a secret",
		`argv = ["a", "${key"]`:                      "without its }",
		`argv = ["a"], secrets = ["tag"]`:            "names no secret var",
		`argv = ["a"], secrets = ["kye"]`:            "did you mean key?",
		`argv = ["a", "${tga}"]`:                     "did you mean tag?",
		`sh = "a", why = "${key}"`:                   "${key} is a secret",
		`argv = ["a"], exit = [0, 256]`:              "between 0 and 255",
		`argv = [""]`:                                "names no program",
		`argv = ["a"], kill_after = "-5m"`:           "not a duration",
		`argv = ["a", ["b"]]`:                        "argv[1] wants a string, not a list",
		`argv = ["a"], ask_after = 1979-05-27`:       "not a date",
		`argv = ["a"], agent = "yes"`:                "agent wants true or false, not a string",
		`argv = ["a"], exit = 0`:                     "exit wants a list, not an integer",
		`argv = ["a"], exit = ["0"]`:                 "exit[0] wants an integer, not a string",
		`argv = ["a"], exit = [0.5]`:                 "wants an integer that fits",
		`argv = ["a"], exit = [9223372036854775807]`: "between 0 and 255",
	} {
		_, err := book.Read([]byte("vars = { tag = {}, key = { secret = true } }\n"+head+"[[phase.step]]\nid = \"a\"\nrun.command = { "+text+" }"), "b.toml")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

// Any kind that names a secret var names one of the book.
func TestSecretVars(t *testing.T) {
	t.Parallel()
	const vars = "vars = { tag = {}, key = { secret = true } }\n" + head + "[[phase.step]]\nid = \"a\"\n"
	read(t, vars+"check.http = { steps = [{ url = \"http://a\", bearer = \"key\" }] }")
	for _, name := range []string{"tag", "kye"} {
		_, err := book.Read([]byte(vars+"check.http = { steps = [{ url = \"http://a\", bearer = \""+name+"\" }] }"), "b.toml")
		if err == nil || !strings.Contains(err.Error(), "b.toml:8:45: bearer names no secret var") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestResolve(t *testing.T) {
	t.Parallel()
	b := read(t, "schema = 1\nname = \"x\"\n[vars]\ntag = { required = true, match = 'v\\d+' }\nurl = { required = true }\n"+
		"port = { default = \"80\", export = \"LISTEN\" }\nkey = { secret = true }\nfree = {}\n")
	vars, err := b.Resolve(map[string]string{"tag": "v2"}, map[string]string{"tag": "v1", "url": "u", "other": "x"})
	if want := map[string]string{"tag": "v2", "url": "u", "port": "80"}; err != nil || !reflect.DeepEqual(vars, want) {
		t.Fatalf("vars %v, %v; want %v", vars, err, want)
	}
	vars["key"] = "never"
	if env := b.Environ(vars); !reflect.DeepEqual(env, []string{"LISTEN=80", "TAG=v2", "URL=u"}) {
		t.Errorf("environment %q", env)
	}
	for name, test := range map[string]struct {
		given, target map[string]string
		want          string
	}{
		"missing":          {nil, nil, "missing: tag, url; give --var tag=…, or set it in [vars] of the target"},
		"empty":            {map[string]string{"tag": "v1", "url": ""}, nil, "missing: url"},
		"match is whole":   {map[string]string{"tag": "v1x", "url": "u"}, nil, `tag = "v1x" does not match v\d+`},
		"target's too":     {nil, map[string]string{"tag": "1", "url": "u"}, `tag = "1" does not match`},
		"secret":           {map[string]string{"tag": "v1", "url": "u", "key": "k"}, nil, "a secret never stands on a command line"},
		"secret in target": {map[string]string{"tag": "v1", "url": "u"}, map[string]string{"key": "k"}, "move it to [secret.key]"},
		"unknown":          {map[string]string{"tag": "v1", "ulr": "u"}, nil, "x has no such var; did you mean url?"},
		"newline":          {map[string]string{"tag": "v1", "url": "u\nv"}, nil, "holds a line break or a NUL"},
		"NUL":              {map[string]string{"tag": "v1", "url": "u\x00v"}, nil, "holds a line break or a NUL"},
	} {
		if vars, err := b.Resolve(test.given, test.target); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, %v; want %q", name, vars, err, test.want)
		}
	}
}

func TestReservedVars(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"path", "ifs", "env", "home", "shell", "ld_preload", "dyld_insert", "bash_env", "ssh_auth_sock", "git_dir",
		"pghost", "pgoptions", "node_options", "perl5lib", "pythonpath", "docker_host", "kubeconfig", "http_proxy", "all_proxy",
	} {
		if _, err := book.Read([]byte("schema = 1\nname = \"x\"\n[vars]\n"+name+" = {}\n"), "b.toml"); err == nil || !strings.Contains(err.Error(), "reserved") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
