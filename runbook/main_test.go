package runbook

import (
	"os"
	"testing"

	"runbook/steps/supervise"
)

// TestMain is also the recorder, the supervisors, the drivers and the
// readers that tests start.
func TestMain(m *testing.M) {
	if code, ours := supervise.Main(os.Args[1:]); ours {
		os.Exit(code)
	}
	if dir := os.Getenv(childDrives); dir != "" {
		os.Exit(drives(dir))
	}
	if dir := os.Getenv(childFollows); dir != "" {
		os.Exit(follows(dir))
	}
	if dir := os.Getenv(childVerifies); dir != "" {
		os.Exit(verifies(dir))
	}
	os.Exit(m.Run())
}
