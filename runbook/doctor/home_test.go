package doctor

import (
	"os"
	"path/filepath"
	"testing"

	"runbook/steps"
)

func TestHome(t *testing.T) {
	t.Parallel()
	h := host(t)
	want(t, h.home(t.Context()), "home", steps.Pass, "is not there yet")
	if err := os.Mkdir(h.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	want(t, h.home(t.Context()), "home", steps.Pass, "0700")
	for _, c := range []struct {
		mode os.FileMode
		want steps.Verdict
		say  string
	}{
		{0o755, steps.Warn, "chmod 0700 "}, {0o750, steps.Pass, "0750"}, {0o770, steps.Fail, "chmod go-w"}, {0o777, steps.Fail, "writable by others"},
	} {
		if err := os.Chmod(h.Dir, c.mode); err != nil {
			t.Fatal(err)
		}
		want(t, h.home(t.Context()), "home", c.want, c.say)
	}
	if err := os.Chmod(h.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(h.Dir); err != nil || len(left) > 0 {
		t.Errorf("looking has left %v, %v", left, err)
	}
}

// TestHomeBelowOthers: who can write above a home can put another in its place.
func TestHomeBelowOthers(t *testing.T) {
	t.Parallel()
	h := host(t)
	open := filepath.Join(t.TempDir(), "open")
	h.Dir = filepath.Join(open, "home")
	if err := os.MkdirAll(h.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(open, 0o777); err != nil {
		t.Fatal(err)
	}
	want(t, h.home(t.Context()), "home", steps.Fail, open+" is writable by others")
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(h.Dir, link); err != nil {
		t.Fatal(err)
	}
	h.Dir = link
	want(t, h.home(t.Context()), "home", steps.Fail, open+" is writable by others")
}

func TestHomeIsAFile(t *testing.T) {
	t.Parallel()
	h := host(t)
	put(t, h.Dir, "", 0o600)
	want(t, h.home(t.Context()), "home", steps.Fail, "is no directory")
	h.Dir = filepath.Join(h.Dir, "below")
	want(t, h.home(t.Context()), "home", steps.Fail, "not a directory")
}
