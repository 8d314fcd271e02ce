package durable

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestLockOfWhoMayNotRead: the list of locks tells of a file that can't be
// opened. Ours can be: only the list is asked.
func TestLockOfWhoMayNotRead(t *testing.T) {
	t.Parallel()
	path, free := filepath.Join(t.TempDir(), "lock"), filepath.Join(t.TempDir(), "free")
	l, err := TryLock(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(free, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if held, err := lockedUnread(path); !held || err != nil {
		t.Errorf("not locked: %v", err)
	}
	if held, err := lockedUnread(free); held || err != nil {
		t.Errorf("locked: %v", err)
	}
	if err := l.Unlock(); err != nil {
		t.Fatal(err)
	}
	if held, err := lockedUnread(path); held || err != nil {
		t.Errorf("still locked: %v", err)
	}
}

// TestListedLocks: where stat and the list name different devices of one file,
// it is not taken for free.
func TestListedLocks(t *testing.T) {
	t.Parallel()
	const list = `1: OFDLCK ADVISORY  WRITE -1 00:1e:257 0 EOF
2: OFDLCK ADVISORY  WRITE -1 fe:00:9977878 0 EOF
2: -> OFDLCK ADVISORY  WRITE -1 fe:00:301 0 EOF
3: POSIX  ADVISORY  WRITE 714 00:1e:302 0 EOF
4: OFDLCK ADVISORY  READ  -1 00:1e:303 0 EOF
5: OFDLCK ADVISORY  WRITE -1 <none>:0 0 EOF
`
	for name, test := range map[string]struct {
		dev  uint64
		ino  uint64
		held bool
	}{
		"the device of the list":      {unix.Mkdev(0, 0x1e), 257, true},
		"a subvolume's":               {unix.Mkdev(0, 0x2f), 257, true},
		"a subvolume's, not locked":   {unix.Mkdev(0, 0x2f), 258, false},
		"a disk":                      {unix.Mkdev(0xfe, 0), 9977878, true},
		"another disk":                {unix.Mkdev(0xfe, 1), 9977878, false},
		"a disk, and a volume's lock": {unix.Mkdev(0xfe, 0), 257, false},
		"who waits":                   {unix.Mkdev(0xfe, 0), 301, false},
		"a lock of a process":         {unix.Mkdev(0, 0x1e), 302, false},
		"a lock for reading":          {unix.Mkdev(0, 0x1e), 303, false},
	} {
		if held := listed(list, &unix.Stat_t{Dev: test.dev, Ino: test.ino}); held != test.held {
			t.Errorf("%s: held %v", name, held)
		}
	}
}
