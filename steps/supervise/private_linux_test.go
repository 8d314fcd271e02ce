package supervise_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"runbook/steps"
	"runbook/steps/supervise"
)

// asNobody makes cmd run as an ordinary user, if we are root.
func asNobody(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
}

// open lets others into the directories of a rig and of an order.
func (r rig) open(t *testing.T, o *supervise.Order) {
	t.Helper()
	if os.Geteuid() != 0 {
		return
	}
	o.Files = filepath.Join(quickDir(t), "x.1")
	for _, dir := range []string{filepath.Dir(o.Files), o.Dir} {
		if err := os.Chown(dir, 65534, 65534); err != nil {
			t.Fatal(err)
		}
	}
	for _, dir := range []string{r.dir, o.Dir} {
		for ; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
			if err := os.Chmod(dir, 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestStepGetsThreeFiles and no other: neither ours nor one that our driver
// was started with.
func TestStepGetsThreeFiles(t *testing.T) {
	t.Parallel()
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = in.Close() }() // nothing to lose
	o := order(t, "ls", "/proc/self/fd")
	cmd := exec.CommandContext(t.Context(), self(t))
	cmd.ExtraFiles = []*os.File{out, out, out}
	driveWith(t, cmd, o)
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	supervise.Attach(o.Files, keyOf(o)).End()
	if got := output(t, o); got != "0\n1\n2\n3\n" { // 3 is the directory that ls reads
		t.Errorf("the step has %q", got)
	}
	_ = cmd.Wait() // whatever it says
	if n, err := in.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("a pipe of the driver: %d, %v", n, err)
	}
}

// TestRecorderKeepsNoPipe of who started its driver open.
func TestRecorderKeepsNoPipe(t *testing.T) {
	t.Parallel()
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	o, open := migration(t)
	cmd := exec.CommandContext(t.Context(), self(t))
	cmd.ExtraFiles = []*os.File{out}
	driveWith(t, cmd, o, "s3cret-Canary")
	pidOf(t, o, "pid")
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	shoot(t, cmd.Process.Pid, syscall.SIGKILL)
	_ = cmd.Wait() // it was killed
	if n, err := in.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("read %d, %v", n, err)
	}
	if err := in.Close(); err != nil {
		t.Error(err)
	}
	open()
	wantRows(t, o, supervise.Attach(o.Files, keyOf(o)).End(), "supervisor")
}

// spy tries what a step of the same user could try to come at the order and
// the key of who supervises it.
const spy = `for pid in "$PPID" $(awk '{ print $4 }' /proc/$PPID/stat); do
	for file in mem environ maps fd/4 auxv; do cat /proc/$pid/$file >/dev/null 2>&1 && echo "$pid $file can be read"; done
	for fd in /proc/$pid/fd/*; do [ -e "$fd" ] && echo "$fd can be seen"; done
	tr '\0' ' ' </proc/$pid/cmdline | sed 's/[^ ]*//'; echo
done; id -u; exit 42`

func TestStepOfTheSameUserLearnsNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	o := script(t, spy)
	o.Env = append(o.Env, "CANARY=s3cret-Canary")
	r.open(t, &o)
	cmd := exec.CommandContext(t.Context(), r.self)
	asNobody(t, cmd)
	if said := r.drive(t, cmd, o); said != "started" {
		t.Fatalf("driver said %q", said)
	}
	r.idle(t)
	if got := classify(o); got.Class != supervise.Exited || got.Outcome.Exit != 42 || got.Outcome.Warn != "" {
		t.Errorf("%+v", got)
	}
	uid := os.Geteuid()
	if uid == 0 {
		uid = 65534
	}
	if got, want := output(t, o), fmt.Sprintf(" _supervise \n _record \n%d\n", uid); got != want {
		t.Errorf("the step sees %q, want %q", got, want)
	}
}

func TestSpySeesWhatIsNotGuarded(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), "bash", "-c", `bash -c '`+strings.ReplaceAll(spy, "'", `'\''`)+`'; true`)
	cmd.Dir = "/"
	asNobody(t, cmd)
	out, err := cmd.Output()
	if err != nil || !bytes.Contains(out, []byte("environ can be read")) || !bytes.Contains(out, []byte("fd/0 can be seen")) {
		t.Errorf("the spy is blind: %q, %v", out, err)
	}
}

// TestFilesArePrivate looks at what an execution writes while it runs.
func TestFilesArePrivate(t *testing.T) {
	t.Parallel()
	o, open := migration(t)
	old := syscall.Umask(0) // no mask may be what protects them
	p := start(t, o)
	syscall.Umask(old)
	pidOf(t, o, "pid")
	list, err := os.ReadDir(o.Files)
	if err != nil || len(list) < 7 {
		t.Fatalf("%d files, %v", len(list), err)
	}
	for _, e := range list {
		if info, err := e.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, %v", e.Name(), info.Mode(), err)
		}
		data, err := os.ReadFile(filepath.Join(o.Files, e.Name()))
		if err != nil || e.Name() != "out" && bytes.Contains(data, []byte("s3cret")) {
			t.Errorf("%s: %q, %v", e.Name(), data, err)
		}
	}
	if info, err := os.Stat(o.Files); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	open()
	wantRows(t, o, p.End(), "supervisor")
}

func TestSharedOutput(t *testing.T) {
	t.Parallel()
	o, open := migration(t)
	o.Shared = true
	p := start(t, o)
	pidOf(t, o, "pid")
	w := crewOf(t, o)
	shoot(t, w.Recorder.PID, syscall.SIGKILL)
	shoot(t, w.Supervisor.PID, syscall.SIGKILL)
	open()
	p.End()
	for range 2 {
		if info, err := os.Stat(filepath.Join(o.Files, "out.red")); err != nil || info.Mode().Perm() != 0o640 {
			t.Errorf("mode %v, %v", info.Mode(), err)
		}
		if err := supervise.Salvage(o.Files, o.Secrets); err != nil {
			t.Error(err)
		}
	}
}

// limits is what a step inherits of who started its driver.
const limits = `umask; ulimit -Sn; ulimit -Hn; ulimit -Sc; ulimit -Hc; ulimit -Ss; nice; grep -E '^Sig(Blk|Ign)' /proc/self/status; grep -E '^(NoNewPrivs|Seccomp|CapEff|CapBnd)' /proc/self/status`

func TestStepHasTheLimitsOfALogin(t *testing.T) {
	t.Parallel()
	o := script(t, limits)
	const set = `umask 027; ulimit -Sn 1000; ulimit -Hn 1234; ulimit -Sc 0; ulimit -Hc 8; ulimit -Ss 4096; `
	cmd := exec.CommandContext(t.Context(), "bash", "-c", set+`{ `+limits+`; } >&2; for s in {1..31}; do trap '' $s; done; exec nohup "$0"`, self(t))
	var login bytes.Buffer
	cmd.Stderr = &login
	if err := driveWith(t, cmd, o).Wait(); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(login.String(), "0027\n1000\n1234\n0\n") {
		t.Fatalf("the shell has %q", login.String())
	}
	// A login ignores nothing; the shell here can't undo what this test was started
	// with, by nohup for one.
	want := regexp.MustCompile(`SigIgn:\t[0-9a-f]+`).ReplaceAllString(mask(login.String()), "SigIgn:\t0")
	if got := mask(output(t, o)); got != want {
		t.Errorf("the step has %q, a login %q", got, login.String())
	}
}

// mask leaves out the two signals that are the C library's own.
func mask(text string) string {
	out := ""
	for line := range strings.Lines(text) {
		name, hex, ok := strings.Cut(strings.TrimSpace(line), ":\t")
		if bits, err := strconv.ParseUint(hex, 16, 64); ok && err == nil && strings.HasPrefix(name, "Sig") {
			line = fmt.Sprintf("%s:\t%x\n", name, bits&^(1<<31|1<<32))
		}
		out += line
	}
	return out
}

// TestBlockedSignalsAreNotInherited starts a driver that hears no SIGUSR1.
func TestBlockedSignalsAreNotInherited(t *testing.T) {
	t.Parallel()
	o := order(t, "grep", "-E", "^Sig(Ign|Blk)", "/proc/self/status")
	cmd := exec.CommandContext(t.Context(), self(t))
	func() {
		runtime.LockOSThread() // and it goes with the goroutine, as its mask is spoilt
		var block unix.Sigset_t
		block.Val[0] = 1 << (syscall.SIGUSR1 - 1)
		if err := unix.PthreadSigmask(unix.SIG_BLOCK, &block, nil); err != nil {
			t.Fatal(err)
		}
		driveWith(t, cmd, o)
	}()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
	if err != nil || !bytes.Contains(status, []byte("SigBlk:\t0000000000000200\n")) {
		t.Errorf("the driver has nothing blocked: %s, %v", status, err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if got := mask(output(t, o)); got != "SigBlk:\t0\nSigIgn:\t0\n" {
		t.Errorf("the step has %q", got)
	}
}

// TestSecretsAtEveryBorder has a program write slowly enough that each read of
// its output may end anywhere in a secret, and a recorder go on in the middle.
func TestSecretsAtEveryBorder(t *testing.T) {
	t.Parallel()
	const secret = "s3cret-Canary/42"
	text := ""
	for cut := range len(secret) + 1 {
		text += fmt.Sprintf("printf %%s 'a%s'; sleep 0.025; printf '%%s\\n' '%sb'\n", secret[:cut], secret[cut:])
	}
	o := script(t, text)
	o.Secrets = []steps.Secret{steps.NewSecret(secret)}
	p := start(t, o)
	var seen string
	await(t, "half of it", func() bool {
		seen = output(t, o)
		if strings.Contains(seen, secret[:6]) {
			t.Fatalf("a reader saw %q", seen)
		}
		return strings.Count(seen, "\n") > len(secret)/2
	})
	shoot(t, crewOf(t, o).Supervisor.PID, syscall.SIGKILL)
	await(t, "the end", func() bool {
		if seen = output(t, o); strings.Contains(seen, secret[:6]) {
			t.Fatalf("a reader saw %q", seen)
		}
		return !p.Status().Class.Alive()
	})
	if got := p.End().Outcome; got.Exit != 0 || got.Source != "recorder" || output(t, o) != strings.Repeat("a[redacted]b\n", len(secret)+1) {
		t.Errorf("%+v: %q", got, output(t, o))
	}
}
