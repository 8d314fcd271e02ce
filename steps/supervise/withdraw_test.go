package supervise_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"runbook/steps/supervise"
)

func TestWhatIsWithdrawnIsNeverStarted(t *testing.T) {
	t.Parallel()
	o := script(t, "echo once >>count")
	if won, err := supervise.Withdraw(o.Files); !won || err != nil {
		t.Fatalf("withdrawn %v, %v", won, err)
	}
	if _, err := recorder(t).Start(seal(t, o)); !errors.Is(err, supervise.ErrStarted) {
		t.Errorf("started all the same: %v", err)
	}
	if s := classify(o); s.Class != supervise.NeverStarted {
		t.Errorf("%+v", s)
	}
	if _, err := os.Stat(filepath.Join(o.Dir, "count")); err == nil {
		t.Error("it ran")
	}
	other := script(t, "exit 3")
	finish(t, other)
	if won, err := supervise.Withdraw(other.Files); won || err != nil {
		t.Errorf("withdrawn after its end: %v, %v", won, err)
	}
}

func TestSalvageKeepsTheLongerOutput(t *testing.T) {
	t.Parallel()
	o := script(t, "echo all of it")
	finish(t, o)
	if err := os.WriteFile(filepath.Join(o.Files, "out"), []byte("a"), 0o600); err != nil { // as a power cut brings it back
		t.Fatal(err)
	}
	if err := supervise.Salvage(o.Files, nil); err != nil {
		t.Fatal(err)
	}
	if got := output(t, o); got != "all of it\n" {
		t.Errorf("the output became %q", got)
	}
	if _, err := os.Stat(filepath.Join(o.Files, "out")); !os.IsNotExist(err) {
		t.Errorf("raw output: %v", err)
	}
}
