package runbook

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"runbook/steps"
)

// tree is every file below dir with its mode and size.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		all[path] = info.Mode().String()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestFollow(t *testing.T) {
	t.Parallel()
	f := begin(t, strings.Replace(tiny, "test ! -e broken", "while test ! -e go; do sleep 0.02; done", 1))
	t.Cleanup(func() { f.write("go", "") })
	before := tree(t, f.run.Dir)
	along, err := Follow(f.run.Dir, steps.SystemClock{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = along.Close() })
	if reads := along.Reads(); reads == nil || along.Next() != nil {
		t.Fatal("a follower may act")
	}
	var refused *ReadsError
	if err := along.Do(t.Context(), Intent{Kind: Memo, Text: "no"}); !errors.As(err, &refused) || !strings.Contains(err.Error(), "--take-over") {
		t.Errorf("a follower wrote: %v", err)
	}
	after := tree(t, f.run.Dir)
	for path := range after {
		if before[path] == "" {
			t.Errorf("following made %s", path)
		}
	}
	f.toAct()
	<-along.Changed()
	waitFor(t, func() bool { return !along.State().Phases["look"].Closed.IsZero() })
	made := func() State { r := along.State(); return r.Step(along.Book().Step("make")).State }
	done := make(chan error, 1)
	go func() { done <- f.Do(t.Context(), Intent{Kind: RunStep, Step: "make"}) }()
	waitFor(t, func() bool { return made() == Running })
	f.write("go", "")
	waitFor(t, func() bool { return made() == Passed })
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if along.LastOutput("make").IsZero() {
		t.Error("nothing is known of the output")
	}
	n, head := f.Head()
	waitFor(t, func() bool { gotN, got := along.Head(); return n == gotN && head == got })
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return along.Reads().Driver == "" })
}

func TestFollowNothing(t *testing.T) {
	t.Parallel()
	if _, err := Follow(t.TempDir(), steps.SystemClock{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("followed %v", err)
	}
}
