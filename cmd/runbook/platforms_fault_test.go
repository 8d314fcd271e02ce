//go:build fault

package main

import (
	"path/filepath"
	"testing"
)

// TestFaultRehearsals runs whole rehearsals that differ from those of
// TestScripts in how the service is run.
func TestFaultRehearsals(t *testing.T) {
	t.Parallel()
	runScripts(t, filepath.Join("testdata", "fault"))
}
