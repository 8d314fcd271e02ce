package report

import (
	"os"
	"testing"

	"runbook/steps/supervise"
)

func TestMain(m *testing.M) {
	if code, ours := supervise.Main(os.Args[1:]); ours { // of the commands that tests start
		os.Exit(code)
	}
	os.Exit(m.Run())
}
