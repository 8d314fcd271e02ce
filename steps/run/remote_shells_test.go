package run_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"runbook/steps/run"
	"runbook/steps/supervise"
)

// shells are those that may be somebody's /bin/sh, as far as they are here.
var shells = [][]string{{"dash"}, {"bash", "--posix"}, {"busybox", "sh"}, {"mksh"}}

// through lets one of them read a script, as the host's own would.
func through(t *testing.T, shell []string, home string, script []byte) (out string, code int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), shell[0], append(shell[1:len(shell):len(shell)], "-s")...)
	cmd.Env, cmd.Stdin = []string{"HOME=" + home, "USER=me"}, bytes.NewReader(script)
	data, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return string(data), cmd.ProcessState.ExitCode()
}

// local is a command on a host that is this machine without an ssh.
func local(t *testing.T, c run.Command, vars ...string) run.Remote {
	t.Helper()
	r, err := c.On(run.Host{Name: "app", Via: []string{"ssh", "app"}, Dir: t.TempDir()}, world(t), vars)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestEveryShellReadsTheScriptAlike(t *testing.T) {
	t.Parallel()
	for _, shell := range shells {
		if _, err := exec.LookPath(shell[0]); err != nil {
			continue
		}
		t.Run(shell[0], func(t *testing.T) {
			t.Parallel()
			home := t.TempDir()
			vars := []string{"EVERY=" + everyByte(), "TWO_LINES=a\nb\n\n", "LONG=" + strings.Repeat("x'\n", 3_000)}
			r := local(t, run.Command{Argv: []string{"env", "-0"}}, vars...)
			nonce, proof := run.NewNonce()
			out, code := through(t, shell, home, r.Order(run.Start, "env", nonce).Stdin)
			word, ok := run.ReadWord([]byte(out), proof)
			if !ok || word.Class != supervise.Exited || word.Exit != 0 || code != 0 || len(word.Leftovers) > 0 {
				t.Fatalf("%+v, %d: %s", word, code, out)
			}
			body, _, _ := strings.Cut(out, "\n-- app: ")
			body = strings.TrimSuffix(body, "\x00")
			got := map[string]bool{}
			for kv := range strings.SplitSeq(body, "\x00") {
				got[kv] = !strings.HasPrefix(kv, "_=") // bash tells a program its own name
			}
			for _, kv := range append(vars, "PATH=/usr/bin:/bin", "HOME="+home, "USER=me") {
				if !got[kv] {
					t.Errorf("lost or changed: %.80q", kv)
				}
				delete(got, kv)
			}
			for kv, extra := range got {
				if extra {
					t.Errorf("not ours: %.80q", kv)
				}
			}

			out, code = through(t, shell, home, r.Order(run.Start, "env", nonce).Stdin)
			if word, ok := run.ReadWord([]byte(out), proof); !ok || !strings.HasPrefix(word.Text, "refused: ") || code != 255 {
				t.Errorf("again: %+v, %d: %s", word, code, out)
			}
			for _, sh := range []string{"exit 3", "kill -TERM $$", "setsid sleep 600 & exit 4"} {
				r := local(t, run.Command{Sh: sh})
				out, code := through(t, shell, home, r.Order(run.Start, sh[:6]+sh[len(sh)-1:], nonce).Stdin)
				word, _ := run.ReadWord([]byte(out), proof)
				want := map[string]int{"exit 3": 3, "kill -TERM $$": 143, "setsid sleep 600 & exit 4": 4}[sh]
				if word.Class != supervise.Exited || word.Exit != want || code != want || (len(word.Leftovers) > 0) != (want == 4) {
					t.Errorf("%s: %+v, %d: %s", sh, word, code, out)
				}
				for _, left := range word.Leftovers {
					pid, _, _ := strings.Cut(left, " ")
					if out, err := exec.CommandContext(t.Context(), "kill", pid).CombinedOutput(); err != nil {
						t.Errorf("%s: %s", left, out)
					}
				}
			}
		})
	}
}

// A connection can be lost while the script is on its way.
func TestAScriptThatIsCutShortDoesNothing(t *testing.T) {
	t.Parallel()
	r := local(t, run.Command{Argv: []string{"touch", "ran"}})
	nonce, _ := run.NewNonce()
	whole := r.Order(run.Start, "cut", nonce).Stdin
	for n := 0; n < len(whole)-1; n++ {
		if n < len(whole)-40 && n%97 != 0 {
			continue // all of the last line, and some of what lies before it
		}
		home := t.TempDir()
		through(t, []string{"sh"}, home, whole[:n])
		if left, err := os.ReadDir(home); err != nil || len(left) > 0 {
			t.Fatalf("after %d of %d bytes, up to %q: made %v, %v", n, len(whole), whole[max(0, n-20):n], left, err)
		}
	}
	if _, err := os.Stat(filepath.Join(r.Host.Dir, "ran")); err == nil {
		t.Error("it ran")
	}
	through(t, []string{"sh"}, t.TempDir(), whole)
	if _, err := os.Stat(filepath.Join(r.Host.Dir, "ran")); err != nil {
		t.Errorf("the whole script does nothing either: %v", err)
	}
}
