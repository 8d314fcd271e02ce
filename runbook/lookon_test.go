package runbook

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"runbook/steps"
	"runbook/steps/run/loopback"
)

// looksOn is a book of one check on hosts.
func looksOn(on, fields string) string {
	return strings.Replace(onHosts(`"a"`, `argv = ["true"]`), "  [[phase.step]]\n  id = \"it\"", `  [[phase.step]]
  id = "look"
  on = `+on+`
  check.command = { `+fields+` }
  [[phase.step]]
  id = "it"`, 1)
}

func TestChecksOnHosts(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fields  string
		spoil   func(s *loopback.Server)
		verdict steps.Verdict
		reason  string
	}{
		"passes":     {`sh = 'pwd; echo "$WORD" >&2', stdout = '^/.*/srv\n$', stderr = '^hello\n$'`, nil, steps.Pass, ""},
		"environ":    {`sh = 'env -0 | tr "\0" " "', stdout = '^((PATH|HOME|USER|LANG|TZ|WORD|SHLVL|PWD|OLDPWD|_)=\S* )+$'`, nil, steps.Pass, ""},
		"secret":     {`sh = 'echo "$TOKEN"; exit 1', secrets = ["token"]`, nil, steps.Fail, "exit 1, wanted 0: [redacted]"},
		"fails":      {`sh = "echo broken >&2; exit 3"`, nil, steps.Fail, "exit 3, wanted 0: broken"},
		"as wanted":  {`sh = "exit 254", exit = [254]`, nil, steps.Pass, ""},
		"255":        {`sh = "exit 255"`, nil, steps.Unknown, "exit 255: it ended so, or the connection to a was lost"},
		"no program": {`argv = ["no-such-program"]`, nil, steps.Unknown, "a has not executed it: not started: no-such-program is not on the path of a"},
		"no input":   {`sh = "read -r line || echo none", stdout = "none"`, nil, steps.Pass, ""},
		"down":       {`argv = ["true"]`, func(s *loopback.Server) { s.Down() }, steps.Unknown, "a has not executed it: ssh: connect to host"},
		"forced":     {`argv = ["true"]`, func(s *loopback.Server) { s.Configure("ForceCommand true") }, steps.Unknown, "a has not executed it"},
		"talks": {`sh = "echo mine", stdout = '^mine\n$', stderr = '^$'`, func(s *loopback.Server) {
			s.Configure(`ForceCommand echo welcome; echo welcome >&2; eval "$SSH_ORIGINAL_COMMAND"`)
		}, steps.Pass, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := loopback.Start(t)
			if test.spoil != nil {
				test.spoil(s)
			}
			f := beginOn(t, looksOn(`"a"`, test.fields), s)
			f.do(Check, "")
			r := f.State()
			got := r.Step(f.Book().Step("look")).Result
			if got == nil || got.Verdict != test.verdict || !strings.Contains(got.Reason, test.reason) || got.Where != "command on a" {
				t.Errorf("%+v, want %s (%s)", got, test.verdict, test.reason)
			}
			if kept := s.Kept(); len(kept) > 0 {
				t.Errorf("left on the host: %q", kept)
			}
		})
	}
}

func TestCheckOnSeveralHosts(t *testing.T) {
	t.Parallel()
	a, b := loopback.Start(t), loopback.Start(t)
	touch(t, a, "good")
	f := beginOn(t, looksOn(`["a", "b"]`, `sh = "test -e good"`), a, b)
	f.do(Check, "")
	r := f.State()
	got := r.Step(f.Book().Step("look")).Result
	if got.Verdict != steps.Fail || got.Reason != "b: exit 1, wanted 0: nothing" || got.Where != "commands on a, b" || got.Evidence[0].Label != "a: exit" {
		t.Errorf("%+v", got)
	}
}

// A check that is over leaves nothing on its host, however it ended.
func TestCheckOnAHostEndsWithItsConnection(t *testing.T) {
	t.Parallel()
	s := loopback.Start(t)
	f := beginOn(t, looksOn(`"a"`, `sh = 'sleep 600 & echo $! >child; echo $$ >pid; wait', timeout = "10s"`), s)
	f.do(Check, "")
	r := f.State()
	if got := r.Step(f.Book().Step("look")).Result; got.Verdict != steps.Fail || got.Reason != "not done within 10s, killed" {
		t.Errorf("%+v", got)
	}
	for _, name := range []string{"pid", "child"} {
		data, err := os.ReadFile(filepath.Join(s.Dir, name))
		if err != nil {
			t.Fatal(err)
		}
		waitFor(t, func() bool {
			stat, err := os.ReadFile("/proc/" + strings.TrimSpace(string(data)) + "/stat")
			return err != nil || strings.Contains(string(stat), ") Z ")
		})
	}
}

// Kinds that look by executing programs look there: at that host's machine, and
// at what its programs say.
func TestKindsOnAHost(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		look    string
		verdict steps.Verdict
		reason  string
		where   string
	}{
		"version":     {`check.version = { argv = ["sh", "-c", "echo tool 1.5; pwd >&2"], min = "1.2" }`, steps.Pass, "", "version on a"},
		"not there":   {`check.version = { argv = ["no-such-program"], min = "1.2" }`, steps.Fail, "no-such-program is not on the path of a", "version on a"},
		"host":        {`check.host = { path = "good", min_free_percent = "0", min_cpus = "1" }`, steps.Pass, "", "machine on a"},
		"not on it":   {`check.host = { path = "bad", min_free_percent = "0" }`, steps.Unknown, "the disk of bad cannot be read", "machine on a"},
		"no kubectl":  {`check.kubernetes = { context = "c", namespace = "n", deployments = ["x"] }`, steps.Unknown, "kubectl", "c/n on a"},
		"not from it": {`check.backup = { files = "*", read = "pg_restore" }`, steps.Unknown, "not on a", "*"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := loopback.Start(t)
			touch(t, s, "good")
			f := beginOn(t, strings.Replace(looksOn(`"a"`, `argv = ["true"]`), `check.command = { argv = ["true"] }`, test.look, 1), s)
			f.do(Check, "")
			r := f.State()
			got := r.Step(f.Book().Step("look")).Result
			if got == nil || got.Verdict != test.verdict || !strings.Contains(got.Reason, test.reason) || got.Where != test.where {
				t.Errorf("%+v, want %s (%s)", got, test.verdict, test.reason)
			}
		})
	}
}
