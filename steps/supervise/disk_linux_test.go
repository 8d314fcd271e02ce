package supervise_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"runbook/steps"
	"runbook/steps/supervise"
)

// disk mounts a small one: tmpfs with these options, or ext4 in a file of that
// many KiB.
func disk(t *testing.T, kind, options string) string {
	t.Helper()
	dir := t.TempDir()
	var err error
	if kind == "tmpfs" {
		err = syscall.Mount("tmpfs", dir, "tmpfs", 0, options)
	} else {
		image := dir + ".image"
		for _, argv := range [][]string{{"mkfs.ext4", "-q", "-m", "0", "-O", "^has_journal", image, options + "k"}, {"mount", "-o", "loop", image, dir}} {
			if out, runErr := exec.CommandContext(t.Context(), argv[0], argv[1:]...).CombinedOutput(); err == nil && runErr != nil {
				err = fmt.Errorf("%v: %w: %s", argv, runErr, out)
			}
		}
	}
	if err != nil {
		t.Skipf("mount a small disk: %v", err)
	}
	t.Cleanup(func() {
		// A fork of a test beside this one may hold the disk for a moment.
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill takes what is free on a disk, except for so many KiB.
func fill(t *testing.T, dir string, except int) (filler string) {
	t.Helper()
	filler = filepath.Join(dir, "filler")
	f, err := os.Create(filler)
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = f.Write(make([]byte, 4<<10))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the disk is not full: %v", err)
	}
	info, err := f.Stat()
	if err == nil {
		err = f.Truncate(max(0, info.Size()-int64(except)<<10))
	}
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		t.Fatal(err)
	}
	return filler
}

// TestDiskFullBeforeTheFork leaves less and less room: a command runs to its
// known end, or is not executed at all and the reason told.
func TestDiskFullBeforeTheFork(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"tmpfs", "ext4"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			dir := disk(t, kind, map[string]string{"tmpfs": "size=512k", "ext4": "2048"}[kind])
			r := recorder(t)
			refused := 0
			for free := 0; free <= 48; free += 4 {
				o := script(t, quick)
				o.Files = filepath.Join(dir, fmt.Sprint(free))
				filler := fill(t, dir, free)
				s := seal(t, o)
				p, err := r.Start(s)
				if err == nil {
					// It ends with 1 where there is no room for what it prints.
					if end := p.End(); end.Class != supervise.Exited || end.Outcome.Exit != 42 && end.Outcome.Exit != 1 || ran(t, o) != 1 {
						t.Errorf("%d KiB: %+v", free, end)
					}
				} else if refused++; !errors.Is(err, syscall.ENOSPC) || ran(t, o) > 0 || classify(o).Class != supervise.NeverStarted {
					t.Errorf("%d KiB: %v, %+v", free, err, classify(o))
				}
				if err := os.Remove(filler); err != nil {
					t.Fatal(err)
				}
				if err != nil { // where there is room it may be started after all
					if p, err = r.Start(s); err != nil || p.End().Outcome.Exit != 42 || ran(t, o) != 1 {
						t.Errorf("%d KiB, then freed: %v, %+v", free, err, classify(o))
					}
				}
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}
			if refused == 0 || refused == 13 {
				t.Errorf("%d of 13 were refused", refused)
			}
		})
	}
}

func TestNoInodeLeft(t *testing.T) {
	t.Parallel()
	r := recorder(t)
	refused := 0
	for inodes := 2; inodes <= 12; inodes++ {
		o := script(t, quick)
		o.Files = filepath.Join(disk(t, "tmpfs", fmt.Sprintf("size=512k,nr_inodes=%d", inodes)), "x.1")
		p, err := r.Start(seal(t, o))
		if err == nil {
			if end := p.End(); end.Class != supervise.Exited || end.Outcome.Exit != 42 || ran(t, o) != 1 {
				t.Errorf("%d inodes: %+v", inodes, end)
			}
		} else if refused++; !errors.Is(err, syscall.ENOSPC) || ran(t, o) > 0 || classify(o).Class != supervise.NeverStarted {
			t.Errorf("%d inodes: %v, %+v", inodes, err, classify(o))
		}
	}
	if refused == 0 || refused == 11 {
		t.Errorf("%d of 11 were refused", refused)
	}
}

func TestVerdictSurvivesAFullDisk(t *testing.T) {
	t.Parallel()
	for name, sh := range map[string]string{
		"by its output":  `head -c 4000000 /dev/zero || exit 5`,
		"by another":     `echo "some output"; until ! head -c 100000 /dev/zero >>"$FILL"; do :; done 2>/dev/null; exit 5`,
		"and its output": `until ! head -c 100000 /dev/zero >>"$FILL"; do :; done 2>/dev/null; for i in {1..5000}; do echo row $i; done 2>/dev/null; exit 5`,
	} {
		for _, kind := range []string{"tmpfs", "ext4"} {
			t.Run(kind+" filled "+name, func(t *testing.T) {
				t.Parallel()
				dir := disk(t, kind, map[string]string{"tmpfs": "size=1m", "ext4": "2048"}[kind])
				o := script(t, sh)
				o.Argv[1] = "-uo" // a write that fails must not end it
				o.Files = filepath.Join(dir, "x.1")
				o.Env = append(o.Env, "FILL="+filepath.Join(dir, "fill"))
				got := finish(t, o)
				if class := classify(o).Class; class != supervise.Exited || got.Exit != 5 {
					t.Errorf("class %v, %+v", class, got)
				}
				if _, err := os.Lstat(filepath.Join(o.Files, "out")); !errors.Is(err, os.ErrNotExist) {
					t.Errorf("raw output: %v", err)
				}
				if name == "by its output" && (!got.Full || got.Warn == "") {
					t.Errorf("not said: %+v", got)
				}
			})
		}
	}
}

func TestReadOnlyDirectory(t *testing.T) {
	t.Parallel()
	dir := disk(t, "tmpfs", "size=64k")
	o, made := script(t, quick), script(t, quick)
	o.Files, made.Files = filepath.Join(dir, "x.1"), filepath.Join(dir, "made", "x.1")
	if err := os.MkdirAll(made.Files, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	for _, o := range []supervise.Order{o, made} {
		if _, err := recorder(t).Start(seal(t, o)); !errors.Is(err, syscall.EROFS) || ran(t, o) > 0 || classify(o).Class != supervise.NeverStarted {
			t.Errorf("%v, %+v", err, classify(o))
		}
	}
}

// TestLimitOfTheSizeOfFiles is met by what is redacted, and not by the program.
func TestLimitOfTheSizeOfFiles(t *testing.T) {
	t.Parallel()
	o := script(t, `for i in {1..10000}; do echo "s3cret"; done; exit 5`)
	cmd := exec.CommandContext(t.Context(), "bash", "-c", `ulimit -f 80; exec "$0"`, self(t))
	if err := driveWith(t, cmd, o, "s3cret").Wait(); err != nil {
		t.Fatal(err)
	}
	if s := classify(o); s.Class != supervise.Exited || s.Outcome.Exit != 5 || s.Outcome.Source != "supervisor" || !strings.Contains(s.Outcome.Warn, "file too large") {
		t.Errorf("%+v", s)
	}
}

// TestFailedSync has the disk refuse what must be durable.
func TestFailedSync(t *testing.T) {
	t.Parallel()
	for what, warn := range map[string]string{
		"fsync:error=EIO:when=1":        "",                   // the intent
		"fsync:error=EIO:when=2":        "",                   // its directory
		"fdatasync:error=EIO:when=1":    "input/output error", // the output
		"fdatasync:error=EIO:when=1..2": "input/output error", // and the verdict, once
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			r, o := newRig(t), script(t, quick)
			said := r.settled(t, aSupervisor, what, o)
			if !strings.Contains(r.traced(t, aSupervisor), "(INJECTED)") {
				t.Fatal("nothing failed")
			}
			s := classify(o)
			if warn == "" && (ran(t, o) > 0 || !strings.HasSuffix(said, "input/output error") || s.Class != supervise.NeverStarted) {
				t.Errorf("%q, %+v", said, s)
			}
			if warn != "" && (s.Class != supervise.Exited || s.Outcome.Exit != 42 || !strings.Contains(s.Outcome.Warn, warn) || output(t, o) != "first [redacted]\nlast [redacted]\n") {
				t.Errorf("%q, %+v", said, s)
			}
		})
	}
}

// TestCommandThatEmptiesItsOutput opens it anew, as many scripts do without
// knowing.
func TestCommandThatEmptiesItsOutput(t *testing.T) {
	t.Parallel()
	o := script(t, `echo before; read -r _ <gate; echo "to s3cret-Canary" >/dev/stderr; echo after >&2; exit 42`)
	o.Secrets = []steps.Secret{steps.NewSecret("s3cret-Canary")}
	open := gate(t, o)
	p := start(t, o)
	await(t, "output", func() bool { return output(t, o) == "before\n" })
	open()
	got := p.End().Outcome
	if out := output(t, o); got.Exit != 42 || out != "before\nto [redacted]\nafter\n" || !strings.Contains(got.Warn, "/dev/stderr") {
		t.Errorf("%q, %+v", out, got)
	}
}

// TestLeftoverThatFloods prints faster than anybody reads: the step ends all
// the same.
func TestLeftoverThatFloods(t *testing.T) {
	t.Parallel()
	o := script(t, `(setsid bash -c 'echo $$ >left; exec yes no end of it' &); until [ -s left ]; do sleep 0.01; done; exit 3`)
	p := start(t, o)
	left := pidOf(t, o, "left")
	t.Cleanup(func() { _ = syscall.Kill(left, syscall.SIGKILL) })
	if got := p.End().Outcome; got.Exit != 3 || len(got.Leftovers) != 1 || gone(left) {
		t.Errorf("%+v", got)
	}
}
