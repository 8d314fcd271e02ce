package supervise_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"runbook/steps/supervise"
)

// order is of a program on our own PATH, for a fresh directory.
func order(t *testing.T, argv ...string) supervise.Order {
	t.Helper()
	path, err := exec.LookPath(argv[0])
	if err != nil {
		t.Fatal(err)
	}
	return supervise.Order{
		Argv: argv, Path: path, Dir: t.TempDir(), Env: []string{"PATH=/usr/bin:/bin"},
		Files: filepath.Join(t.TempDir(), "steps", "x.1"),
	}
}

// script is the order of a script as a book's sh becomes one.
func script(t *testing.T, sh string) supervise.Order {
	t.Helper()
	return order(t, "bash", "-euo", "pipefail", "-c", sh)
}

func start(t *testing.T, o supervise.Order) *supervise.Process {
	t.Helper()
	p, err := supervise.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// output is what readers see of a finished order.
func output(t *testing.T, o supervise.Order) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(o.Files, supervise.OutputFile))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
