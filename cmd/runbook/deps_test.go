package main

import (
	"encoding/json"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// TestRunewidth: up to v0.0.27 go-runewidth builds its tables at every start,
// which costs each shim and supervisor more than all the rest together. Bubble
// Tea asks for such a version, so only our go.mod keeps it away.
func TestRunewidth(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-json", "github.com/mattn/go-runewidth").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var module struct{ Version string }
	if err := json.Unmarshal(out, &module); err != nil {
		t.Fatal(err)
	}
	patch, old := strings.CutPrefix(module.Version, "v0.0.")
	if n, err := strconv.Atoi(patch); module.Version == "" || old && (err != nil || n < 31) {
		t.Errorf("go-runewidth is %q; v0.0.31 or later is needed", module.Version)
	}
}
