package check_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"runbook/steps"
)

// says puts a program of the test's own before all others in the path of a
// world: it is given as a script of sh.
func says(t *testing.T, w *steps.World, name, script string) {
	t.Helper()
	dir := filepath.Join(w.Dir, "programs")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	// While a child of another test is between fork and exec it holds this file
	// open for writing too, and the kernel executes no such file.
	syscall.ForkLock.RLock()
	err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script+"\n"), 0o700)
	syscall.ForkLock.RUnlock()
	if err != nil {
		t.Fatal(err)
	}
	w.Env = []string{"PATH=" + dir + ":/usr/bin:/bin", "LANG=C.UTF-8", "RECORDED=" + recorded(t)}
}

// recorded is where what real programs printed is kept.
func recorded(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}
