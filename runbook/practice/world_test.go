package practice

import (
	"testing"
	"time"
)

func TestStartFindStop(t *testing.T) {
	home := t.TempDir()
	began := time.Now()
	w := startIn(t, home)
	t.Logf("cold start %v", time.Since(began))
	began = time.Now()
	found, err := Find(deadline(t), home)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("warm find %v", time.Since(began))
	if found.ID() != w.ID() {
		t.Errorf("found %s, started %s", found.ID(), w.ID())
	}
	t.Logf("%+v\n%s", *w.info.Load(), w.Target())
	r := do(t, w, "docker", "ps").want(t, 0)
	t.Log(r.out)
	began = time.Now()
	end(t, w)
	t.Logf("stop %v", time.Since(began))
}
