package journal

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestNoSegment puts other things where a segment belongs: none is read, waited
// for or written to.
func TestNoSegment(t *testing.T) {
	t.Parallel()
	good := finished(t, Options{})
	for name, place := range map[string]func(path string) error{
		"a link to a log": func(path string) error { return os.Symlink(segmentPath(good, 1), path) },
		"a dangling link": func(path string) error { return os.Symlink("nothing", path) },
		"a FIFO":          func(path string) error { return unix.Mkfifo(path, 0o600) },
		"a directory":     func(path string) error { return os.Mkdir(path, 0o700) },
		"a socket":        func(path string) error { return unix.Mknod(path, unix.S_IFSOCK|0o600, 0) },
		"a device":        func(path string) error { return unix.Mknod(path, unix.S_IFCHR|0o600, int(unix.Mkdev(1, 3))) },
	} {
		dir := t.TempDir()
		if err := place(segmentPath(dir, 1)); errors.Is(err, os.ErrPermission) {
			t.Logf("%s: not tried: %v", name, err)
			continue
		} else if err != nil {
			t.Fatal(err)
		}
		r := Verify(dir, Policy{})
		if r.Exit() != 1 && r.Exit() != 2 || r.Entries != 0 || r.Completeness.Word != Unknown {
			t.Errorf("%s: exit %d, %q", name, r.Exit(), r.Lines())
		}
		if (name == "a FIFO" || name == "a device") && !strings.Contains(r.Integrity.Text, "not a regular file") {
			t.Errorf("%s: %q", name, r.Lines())
		}
		if _, _, err := Open(dir, Options{}); err == nil {
			t.Errorf("%s: opened", name)
		}
		if _, err := Create(dir, Options{World: Real}); err == nil {
			t.Errorf("%s: created over", name)
		}
	}
	if r := Verify(good, Policy{}); r.Integrity.Word != OK || r.Segments != 1 {
		t.Errorf("the log that was linked to: %q", r.Lines())
	}
}

// TestLinkedLock has the lock of a run be somebody else's file.
func TestLinkedLock(t *testing.T) {
	t.Parallel()
	other := filepath.Join(t.TempDir(), "precious")
	put(t, other, []byte("precious"))
	dir := t.TempDir()
	if err := os.Symlink(other, filepath.Join(dir, "lock")); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(dir, Options{World: Real}); !errors.Is(err, syscall.ELOOP) {
		t.Errorf("created: %v", err)
	}
	if got := string(get(t, other)); got != "precious" {
		t.Errorf("it holds %q now", got)
	}
}

// TestHardLinkedSegment: what a driver does to its segment it does to that
// file, whoever else has a name for it; a new file in its place leaves the old
// one as it was.
func TestHardLinkedSegment(t *testing.T) {
	t.Parallel()
	dir, name := t.TempDir(), filepath.Join(t.TempDir(), "linked")
	l := create(t, dir, Options{})
	add(t, l, "note", nil)
	closeLog(t, l)
	if err := os.Link(segmentPath(dir, 1), name); err != nil {
		t.Fatal(err)
	}
	before := get(t, name)
	again, _ := reopen(t, dir, Options{})
	add(t, again, KindRunEnd, nil)
	closeLog(t, again)
	if string(get(t, name)) != string(before) {
		t.Error("a closed segment was written to")
	}
	if r := Verify(dir, Policy{}); r.Integrity.Word != OK || r.Completeness.Word != OK {
		t.Errorf("%q", r.Lines())
	}
}

// TestSwappedDirectory puts another directory in the place of a driver's: it
// goes on in its own files, and the other log gets no line of it.
func TestSwappedDirectory(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	dir, away := filepath.Join(parent, "run"), filepath.Join(parent, "away")
	l := create(t, dir, Options{})
	add(t, l, "note", nil)
	other := finished(t, Options{})
	theirs := get(t, segmentPath(other, 1))
	if err := errors.Join(os.Rename(dir, away), os.Rename(other, dir)); err != nil {
		t.Fatal(err)
	}
	e := add(t, l, "note", nil)
	closeLog(t, l)
	if string(get(t, segmentPath(dir, 1))) != string(theirs) {
		t.Error("the other log was written to")
	}
	if entries, err := Read(away); err != nil || len(entries) != 3 || entries[2].Head != e.Head {
		t.Errorf("%d entries, %v", len(entries), err)
	}
}

// TestPermissions has a umask take nothing from the owner and give nothing to
// others, in a process of its own: a umask is a process's.
func TestPermissions(t *testing.T) {
	t.Parallel()
	for _, umask := range []string{"000", "077", "777"} {
		dir := filepath.Join(t.TempDir(), "run")
		c := startChild(t, dir, 2, "sh", "-c", `umask `+umask+` && exec "$0"`)
		acked, failed := c.acks(t, 100)
		if err := c.cmd.Wait(); err != nil || failed > 0 || len(acked) != 7 {
			t.Fatalf("umask %s: %d acknowledged, %d failed: %v", umask, len(acked), failed, err)
		}
		for name, mode := range map[string]os.FileMode{"": os.ModeDir | 0o700, "lock": 0o600, "0001.jsonl": 0o600} {
			info, err := os.Stat(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if info.Mode()&^mode != 0 || name != "lock" && info.Mode() != mode {
				t.Errorf("umask %s: %q has mode %v, want %v", umask, name, info.Mode(), mode)
			}
		}
		holds(t, dir, acked)
	}
}

// TestOneOfManyProcesses has processes begin one run at the same time: one
// drives, the others are refused, and all that was acknowledged is there.
func TestOneOfManyProcesses(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "run")
	var all [16]*child
	for i := range all {
		all[i] = startChild(t, dir, 1_000_000)
	}
	var driver *child
	for _, c := range all {
		if !c.out.Scan() {
			t.Fatal("a process that says nothing")
		}
		switch said := c.out.Text(); {
		case strings.HasPrefix(said, "ack 1 ") && driver == nil:
			driver = c
		case !strings.HasPrefix(said, "refused ") || !strings.Contains(said, ErrBusy.Error()) && !strings.Contains(said, os.ErrExist.Error()):
			t.Errorf("a process says %q", said)
		default:
			_ = c.cmd.Wait() // refused, as intended
		}
	}
	if driver == nil {
		t.Fatal("nobody drives")
	}
	acked, _ := driver.acks(t, 20)
	if err := driver.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = driver.cmd.Wait() // killed, as intended
	if entries := holds(t, dir, acked); entries[len(entries)-1].Seg != 1 {
		t.Errorf("%d segments", entries[len(entries)-1].Seg)
	}
}
