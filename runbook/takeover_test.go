package runbook

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"runbook/runbook/durable"
	"runbook/runbook/journal"
)

// childDrives makes this test binary the driver of the run in that directory.
const childDrives = "RUNBOOK_TEST_DRIVES"

// drives goes on with a run, says so, and answers each line it reads: "memo"
// writes one. It says when it was taken over, and what it reads then.
func drives(dir string) int {
	_, target, err := ReadCopies(dir)
	if err != nil {
		return complains(err)
	}
	world, err := NewWorld(target)
	if err != nil {
		return complains(err)
	}
	s, err := Resume(context.Background(), dir, world, journal.Options{Claims: map[string]string{"user": "ana", "tty": "pts/3"}}, false)
	if err != nil {
		return complains(err)
	}
	fmt.Println("drives")
	go func() {
		<-s.Driving().Done()
		fmt.Println("reads", s.Reads())
		for range s.Changed() {
			fmt.Println("saw", len(s.State().Notes))
		}
	}()
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		switch word, step, _ := strings.Cut(in.Text(), " "); word {
		case "memo":
			fmt.Println("memo", s.Do(context.Background(), Intent{Kind: Memo, Text: "mine"}))
		case "run":
			go func() {
				st := s.State().Steps[step]
				i := Intent{Kind: RunStep, Step: step}
				if st != nil {
					i.Seen = st.Seen
				}
				_ = s.Do(context.Background(), i)
			}()
		}
	}
	return 0
}

func complains(err error) int {
	fmt.Println("refused", strings.ReplaceAll(err.Error(), "\n", " "))
	return 1
}

// driver is a process that drives a run.
type driver struct {
	*exec.Cmd
	t   *testing.T
	in  io.Writer
	out *bufio.Scanner
}

func drive(t *testing.T, dir string) *driver {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childDrives+"="+dir)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	d := &driver{Cmd: cmd, t: t, in: in, out: bufio.NewScanner(out)}
	t.Cleanup(func() { _, _ = cmd.Process.Kill(), cmd.Wait() })
	d.says("drives")
	return d
}

// says waits for a line that begins so, and returns it.
func (d *driver) says(begins string) string {
	d.t.Helper()
	for d.out.Scan() {
		if strings.HasPrefix(d.out.Text(), begins) {
			return d.out.Text()
		}
	}
	d.t.Fatalf("the driver never said %q", begins)
	return ""
}

func (d *driver) tell(line string) {
	d.t.Helper()
	if _, err := fmt.Fprintln(d.in, line); err != nil {
		d.t.Fatal(err)
	}
}

func (d *driver) stop() {
	d.t.Helper()
	if err := d.Process.Signal(syscall.SIGSTOP); err != nil {
		d.t.Fatal(err)
	}
}

var bob = map[string]string{"user": "bob", "tty": "pts/5"}

// resume goes on with the run that f began and has closed.
func (f *fixture) resume() (*Session, error) {
	s, err := Resume(f.t.Context(), f.run.Dir, f.world, journal.Options{Claims: bob}, false)
	if err == nil {
		f.t.Cleanup(func() { _ = s.Close() })
	}
	return s, err
}

// abandoned is a run that nobody drives.
func abandoned(t *testing.T, toml string) *fixture {
	t.Helper()
	f := begin(t, toml)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return f
}

// kinds are the kinds of the log's entries, from entry n on.
func kinds(t *testing.T, dir string, n int) string {
	t.Helper()
	entries, err := journal.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries[n:] {
		all = append(all, e.Kind)
	}
	return strings.Join(all, " ")
}

func TestTakeOverOfADriverThatAnswers(t *testing.T) {
	t.Parallel()
	f := abandoned(t, tiny)
	d := drive(t, f.run.Dir)
	d.tell("memo")
	d.says("memo <nil>")
	if _, err := f.resume(); !errors.Is(err, journal.ErrBusy) || !strings.Contains(err.Error(), "ana on pts/3 (pid ") {
		t.Fatalf("two drive: %v", err)
	}
	did, err := TakeOver(t.Context(), f.run.Dir, Taker{Claims: bob})
	if err != nil || !strings.Contains(did, "ana on pts/3") || !strings.Contains(did, "reads along") {
		t.Fatalf("%q, %v", did, err)
	}
	s, err := f.resume()
	if err != nil {
		t.Fatal(err)
	}
	if said := d.says("reads"); !strings.Contains(said, "bob on pts/5 drives") {
		t.Errorf("the old driver %s", said)
	}
	if err := s.Do(t.Context(), Intent{Kind: Memo, Text: "his"}); err != nil {
		t.Fatal(err)
	}
	d.says("saw 2")
	d.tell("memo")
	if said := d.says("memo"); !strings.Contains(said, "bob on pts/5 drives") {
		t.Errorf("the old driver wrote: %s", said)
	}
	if got := kinds(t, f.run.Dir, 2); got != "session note handover session note" {
		t.Errorf("the log holds %s", got)
	}
	if left, _ := os.ReadDir(inbox(f.run.Dir)); len(left) != 0 {
		t.Errorf("the inbox holds %v", left)
	}
}

// TestTakeOverOfAStoppedDriver can't be asked: it is ended, and what it
// started goes on.
func TestTakeOverOfAStoppedDriver(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("no pidfd here: nobody is ended")
	}
	f := begin(t, strings.Replace(tiny, "test ! -e broken", ": > begun; while test ! -e go; do sleep 0.02; done", 1))
	t.Cleanup(func() { f.write("go", "") })
	f.toAct()
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	d := drive(t, f.run.Dir)
	d.tell("run make")
	waitFor(t, func() bool { _, err := os.Stat(filepath.Join(f.dir, "begun")); return err == nil })
	d.stop()
	did, err := takeOver(t.Context(), f.run.Dir, Taker{Claims: bob}, 100*time.Millisecond)
	if err != nil || !strings.Contains(did, "did not answer") {
		t.Fatalf("%q, %v", did, err)
	}
	_ = d.Wait()
	if status := d.ProcessState.Sys().(syscall.WaitStatus); status.Signal() != syscall.SIGKILL {
		t.Fatalf("it ended with %v", d.ProcessState)
	}
	s, err := f.resume()
	if err != nil {
		t.Fatal(err)
	}
	if st := s.State().Steps["make"]; st.State != Running {
		t.Fatalf("its command is %s (%s)", st.State, st.Reason)
	}
	f.write("go", "")
	waitFor(t, func() bool { return s.State().Steps["make"].State == Passed })
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if r := journal.Verify(f.run.Dir, journal.Policy{}); r.Integrity.Word != journal.OK {
		t.Errorf("%q", r.Lines())
	}
}

func TestTakeOverOfNobody(t *testing.T) {
	t.Parallel()
	f := abandoned(t, tiny)
	if did, err := TakeOver(t.Context(), f.run.Dir, Taker{Claims: bob}); did != "" || err != nil {
		t.Errorf("%q, %v", did, err)
	}
	if _, err := os.Stat(inbox(f.run.Dir)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("nobody was asked, and there is an inbox: %v", err)
	}
}

// TestManyTakeOversAtOnce ask one driver, which answers or is stopped: exactly
// one drives then, and the others are told.
func TestManyTakeOversAtOnce(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("no pidfd here: nobody is ended")
	}
	for _, stopped := range []bool{false, true} {
		f := abandoned(t, tiny)
		d := drive(t, f.run.Dir)
		wait := patience
		if stopped {
			d.stop()
			wait = 100 * time.Millisecond
		}
		results := make(chan error, 4)
		for range cap(results) {
			go func() {
				_, err := takeOver(t.Context(), f.run.Dir, Taker{Claims: bob}, wait)
				if err == nil {
					_, err = f.resume()
				}
				results <- err
			}()
		}
		drive := 0
		for range cap(results) {
			if err := <-results; err == nil {
				drive++
			} else if !errors.Is(err, journal.ErrBusy) {
				t.Errorf("stopped %v: %v", stopped, err)
			}
		}
		if drive != 1 {
			t.Errorf("stopped %v: %d drive", stopped, drive)
		}
	}
}

// TestForeignRequests puts what the driver must not heed into its inbox.
func TestForeignRequests(t *testing.T) {
	t.Parallel()
	f := begin(t, tiny)
	dead := durable.Process{PID: os.Getpid(), Start: "1", Boot: durable.Self().Boot}
	for name, q := range map[string]request{
		"of an earlier driver": {From: dead, By: durable.Self()},
		"of one that is gone":  {From: durable.Self(), By: dead},
	} {
		if err := q.publish(f.run.Dir); err != nil {
			t.Fatal(err)
		}
		if _, ok := asked(f.run.Dir); ok {
			t.Errorf("a request %s was heeded", name)
		}
	}
	big := filepath.Join(inbox(f.run.Dir), "take-over-0123456789abcdef.json")
	if err := os.WriteFile(big, []byte(strings.Repeat("{", maxRequest+1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(inbox(f.run.Dir), "take-over-0000000000000000.json"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, ok := asked(f.run.Dir); ok {
		t.Error("what is no request was heeded")
	}
	if left, _ := os.ReadDir(inbox(f.run.Dir)); len(left) != 0 {
		t.Errorf("the inbox holds %v", left)
	}
	good := request{From: durable.Self(), By: durable.Self(), Claims: bob}
	if err := good.publish(f.run.Dir); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return f.Reads() != nil })
	waitFor(t, func() bool { _, held := Driver(f.run.Dir); return !held })
}

// TestTakeOverOfATerminal: who let go of the run no longer types to its
// command, and whoever took over does.
func TestTakeOverOfATerminal(t *testing.T) {
	t.Parallel()
	f := begin(t, strings.Replace(tiny, `sh = 'echo "$WORD $TOKEN" > made; echo "token is $TOKEN"; test ! -e broken', secrets = ["token"]`,
		`sh = "cat > made", interactive = true`, 1))
	f.toAct()
	go func() { _ = f.Do(context.WithoutCancel(t.Context()), Intent{Kind: RunStep, Step: "make"}) }()
	var screen io.Reader
	waitFor(t, func() bool {
		s, err := f.Screen("make")
		if err == nil {
			screen = s
		}
		return err == nil
	})
	ended := make(chan error, 1)
	go func() { _, err := io.Copy(io.Discard, screen); ended <- err }()
	if _, err := TakeOver(t.Context(), f.run.Dir, Taker{Claims: bob}); err != nil {
		t.Fatal(err)
	}
	<-ended // it was let go of
	var reads *ReadsError
	if _, err := f.Screen("make"); !errors.As(err, &reads) {
		t.Errorf("it attached again: %v", err)
	}
	s, err := f.resume()
	if err != nil {
		t.Fatal(err)
	}
	mine, err := s.Screen("make")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := mine.Write([]byte("by bob\n\x04")); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return s.State().Steps["make"].State == Passed })
	if made, err := os.ReadFile(filepath.Join(f.dir, "made")); err != nil || string(made) != "by bob\n" {
		t.Errorf("it read %q, %v", made, err)
	}
}
