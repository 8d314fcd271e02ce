package plain

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestOrphanIsTold kills who supervises, and ends what goes on.
func TestOrphanIsTold(t *testing.T) {
	t.Parallel()
	f := begin(t, strings.Replace(small, "test ! -e broken", "echo started; exec sleep 600", 1))
	f.write("marker")
	in, keyboard := io.Pipe()
	done := make(chan error, 1)
	go func() { done <- Run(t.Context(), f.s, Options{In: in, Out: &f.out}) }()
	_, _ = io.WriteString(keyboard, "decide choose a\nconfirm sure it is\nrun make\n")
	waitFor(t, func() bool { return strings.Contains(f.out.String(), "| started") })
	var who struct {
		Supervisor, Recorder struct{ PID int }
	}
	data, err := os.ReadFile(filepath.Join(f.s.State().Files("make", 1), "pid"))
	if err = errors.Join(err, json.Unmarshal(data, &who)); err != nil {
		t.Fatal(err)
	}
	for _, pid := range []int{who.Recorder.PID, who.Supervisor.PID} {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	waitFor(t, func() bool { return strings.Contains(f.out.String(), "! NOBODY SUPERVISES IT") })
	_, _ = io.WriteString(keyboard, "cancel make\n")
	waitFor(t, func() bool { return strings.Contains(f.out.String(), "unknown") })
	_, _ = io.WriteString(keyboard, "detach\n")
	if err := <-done; !errors.Is(err, ErrDetached) {
		t.Errorf("left with %v", err)
	}
	f.shows("make is asked to end: SIGINT,")
}
