package plain

import (
	"os"
	"testing"

	"runbook/steps/supervise"
)

// TestMain is also the recorder and the supervisors that tests start.
func TestMain(m *testing.M) {
	if code, ours := supervise.Main(os.Args[1:]); ours {
		os.Exit(code)
	}
	os.Exit(m.Run())
}
