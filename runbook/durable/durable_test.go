package durable

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// childLock makes the test binary hold a lock until its standard input ends.
const childLock = "DURABLE_TEST_LOCK"

// childAsk makes it print what Locked says.
const childAsk = "DURABLE_TEST_ASK"

func TestMain(m *testing.M) {
	if path := os.Getenv(childLock); path != "" {
		os.Exit(holdLock(path))
	}
	if path := os.Getenv(childAsk); path != "" {
		fmt.Println(Locked(path))
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func holdLock(path string) int {
	l, err := TryLock(path)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	if err := l.Describe("the child"); err != nil {
		return 1
	}
	fmt.Println("locked")
	_, _ = os.Stdin.Read(make([]byte, 1)) // ends when the test ends or closes it
	return 0
}

// onlyFiles checks what a directory holds: no temporary file is left.
func onlyFiles(t *testing.T, dir string, want ...string) {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range list {
		names = append(names, e.Name())
	}
	if strings.Join(names, " ") != strings.Join(want, " ") {
		t.Errorf("%s holds %v, want %v", dir, names, want)
	}
}

func TestWriteFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	for _, content := range []string{"one", "two, and longer", ""} {
		if err := WriteFile(path, []byte(content), 0o640); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != content {
			t.Errorf("%q, %v", got, err)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o640 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	onlyFiles(t, dir, "f")
	if err := WriteFile(dir, []byte("x"), 0o600); err == nil {
		t.Error("a file replaced a directory")
	}
	onlyFiles(t, filepath.Dir(dir), filepath.Base(dir))
	if err := WriteFile(filepath.Join(dir, "none", "f"), nil, 0o600); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("in no directory: %v", err)
	}
}

// TestReadersSeeWholeFiles reads while others replace.
func TestReadersSeeWholeFiles(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "f")
	content := func(i int) []byte { return bytes.Repeat([]byte{"abcdefghi"[i]}, 1+i*3000) }
	if err := WriteFile(path, content(0), 0o600); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var done atomic.Bool
	wg.Go(func() {
		defer done.Store(true)
		for i := range 100 {
			if err := WriteFile(path, content(i%9), 0o600); err != nil {
				t.Error(err)
			}
		}
	})
	for !done.Load() {
		got, err := os.ReadFile(path)
		if err != nil || len(got) == 0 || !bytes.Equal(got, content(int(got[0]-'a'))) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
	}
	wg.Wait()
}

func TestPublishOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	var won atomic.Int32
	var winner atomic.Value
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			switch err := Publish(path, fmt.Append(nil, i), 0o400); {
			case err == nil:
				won.Add(1)
				winner.Store(fmt.Sprint(i))
			case !errors.Is(err, os.ErrExist):
				t.Error(err)
			}
		})
	}
	wg.Wait()
	got, err := os.ReadFile(path)
	if err != nil || won.Load() != 1 || string(got) != winner.Load() {
		t.Errorf("%d published, %q is there, %v", won.Load(), got, err)
	}
	onlyFiles(t, dir, "f")
	link := filepath.Join(dir, "link")
	if err := os.Symlink("nowhere", link); err != nil {
		t.Fatal(err)
	}
	if err := Publish(link, []byte("x"), 0o600); !errors.Is(err, os.ErrExist) {
		t.Errorf("through a symbolic link: %v", err)
	}
}

func TestMkdirAll(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	path := filepath.Join(root, "a", "b", "c")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if err := MkdirAll(path, 0o700); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, dir := range []string{path, filepath.Dir(path)} {
		if info, err := os.Stat(dir); err != nil || info.Mode() != os.ModeDir|0o700 {
			t.Errorf("%s: %v, %v", dir, info, err)
		}
	}
	file := filepath.Join(root, "file")
	if err := WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{file, filepath.Join(file, "x")} {
		if err := MkdirAll(bad, 0o700); err == nil {
			t.Errorf("%s was made", bad)
		}
	}
}

func TestReserveKeepsSize(t *testing.T) {
	t.Parallel()
	f, err := os.Create(filepath.Join(t.TempDir(), "f"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(Reserve(f, 0, 256<<10), SyncData(f)); err != nil {
		t.Fatal(err)
	}
	if info, err := f.Stat(); err != nil || info.Size() != 0 {
		t.Errorf("size %d, %v", info.Size(), err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := SyncData(f); err == nil {
		t.Error("a closed file was synced")
	}
}

func TestLock(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	if held, err := Locked(path); held || err != nil {
		t.Errorf("a missing file is locked: %v", err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Error("asking made the file")
	}
	l, err := TryLock(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := HolderOf(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a holder that said nothing: %v", err)
	}
	if err := l.Describe("ann\non tty1 " + strings.Repeat("é", maxHolder)); err != nil {
		t.Fatal(err)
	}
	if h, err := HolderOf(path); err != nil || !strings.HasPrefix(h.Who, "ann on tty1 é") || len(h.Who) > maxWho || h.Process != Self() || !h.Alive() {
		t.Errorf("holder %+v, %v", h, err)
	}
	if err := l.Describe("bob"); err != nil {
		t.Fatal(err)
	}
	if h, err := HolderOf(path); err != nil || h.Who != "bob" {
		t.Errorf("holder %+v, %v", h, err)
	}
	// Another open within this process, and a reader that closes, must not drop it.
	if _, err := TryLock(path); !errors.Is(err, ErrLocked) {
		t.Errorf("taken twice: %v", err)
	}
	if held, err := Locked(path); !held || err != nil {
		t.Errorf("not locked: %v", err)
	}
	if err := l.Unlock(); err != nil {
		t.Fatal(err)
	}
	if held, err := Locked(path); held || err != nil {
		t.Errorf("still locked: %v", err)
	}
	if h, err := HolderOf(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("still described: %+v, %v", h, err)
	}
	link := path + "-link"
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	if _, err := TryLock(link); err == nil {
		t.Error("locked through a symbolic link")
	}
}

func TestLockOfAnotherProcess(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	child := lockedChild(t, path)
	h, err := HolderOf(path)
	if held, lockErr := Locked(path); !held || lockErr != nil || err != nil || h.Who != "the child" || h.PID != child.Process.Pid {
		t.Errorf("held %v by %+v, %v, %v", held, h, lockErr, err)
	}
	if _, err := TryLock(path); !errors.Is(err, ErrLocked) {
		t.Errorf("taken from another: %v", err)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := child.Wait(); err == nil {
		t.Error("the child was not killed")
	}
	l, err := TryLock(path)
	if err != nil {
		t.Fatalf("a lock outlives its holder: %v", err)
	}
	if err := l.Unlock(); err != nil {
		t.Error(err)
	}
}

// TestAskingNeverTakes starts holders while others ask: on Linux no asker may
// make one of them fail.
func TestAskingNeverTakes(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("this system has no way to ask without taking")
	}
	path := filepath.Join(t.TempDir(), "lock")
	var done atomic.Bool
	var asked atomic.Int64
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for !done.Load() {
				if _, err := Locked(path); err != nil {
					t.Error(err)
				}
				asked.Add(1)
			}
		})
	}
	wg.Go(func() {
		// A process being started has our files for a moment: it must not keep the lock.
		for !done.Load() {
			if err := exec.CommandContext(t.Context(), "true").Run(); err != nil {
				t.Error(err)
			}
		}
	})
	for i := 0; i < 2000 || asked.Load() < 1000; i++ {
		l, err := TryLock(path)
		if err != nil {
			t.Error(err)
			break
		}
		if err := l.Unlock(); err != nil {
			t.Error(err)
		}
	}
	done.Store(true)
	wg.Wait()
}
