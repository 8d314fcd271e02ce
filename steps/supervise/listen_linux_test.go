package supervise

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// TestTerminalsAreOpenedSideBySide opens many at once, as a recorder does whose
// supervisors are killed: each listens in its own directory, and none was ever
// open to others.
func TestTerminalsAreOpenedSideBySide(t *testing.T) {
	t.Parallel()
	before, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			dir := filepath.Join(t.TempDir(), fmt.Sprint(i))
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Error(err)
				return
			}
			for range 100 {
				openOnce(t, dir)
			}
		})
	}
	all.Wait()
	if after, err := os.Getwd(); err != nil || after != before {
		t.Errorf("the process went to %s, %v", after, err)
	}
}

// openOnce opens a terminal in dir, while somebody looks at what its socket
// allows.
func openOnce(t *testing.T, dir string) {
	t.Helper()
	socket := filepath.Join(dir, socketFile)
	seen := make(chan fs.FileMode)
	go func() {
		for {
			if info, err := os.Lstat(socket); err == nil {
				seen <- info.Mode()
				return
			}
			select {
			case seen <- 0:
				return
			default:
			}
		}
	}()
	f, err := os.Open(dir)
	if err != nil {
		t.Error(err)
		return
	}
	defer func() { _ = f.Close() }()
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Error(err)
		return
	}
	terminal, err := openTerminal(folder{f}, reader)
	if err != nil {
		t.Error(err)
		<-seen
		return
	}
	if info, err := os.Lstat(socket); err != nil || info.Mode() != fs.ModeSocket|0o600 {
		t.Errorf("in %s: %v, %v", dir, info, err)
	}
	if mode := <-seen; mode != 0 && mode != fs.ModeSocket|0o600 {
		t.Errorf("at first it was %v", mode)
	}
	terminal.close()
	_ = writer.Close()
	if _, err := os.Lstat(socket); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is left: %v", err)
	}
}
