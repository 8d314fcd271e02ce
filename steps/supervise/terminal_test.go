package supervise_test

import (
	"bytes"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"runbook/steps"
	"runbook/steps/supervise"
)

// watcher collects what a screen shows.
type watcher struct {
	mu   sync.Mutex
	text bytes.Buffer
	gone chan struct{}
}

func watch(screen *supervise.Screen) *watcher {
	w := &watcher{gone: make(chan struct{})}
	go func() {
		defer close(w.gone)
		_, _ = io.Copy(w, screen) // its end is the command's
	}()
	return w
}

func (w *watcher) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(p)
}

func (w *watcher) shows(text string) func() bool {
	return func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return strings.Contains(w.text.String(), text)
	}
}

func screen(t *testing.T, p *supervise.Process) (*supervise.Screen, *watcher) {
	t.Helper()
	s, err := p.Screen()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Resize(33, 101); err != nil {
		t.Fatal(err)
	}
	return s, watch(s)
}

func typeIn(t *testing.T, s *supervise.Screen, text string) {
	t.Helper()
	if _, err := s.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
}

// asks prompts on its terminal, twice.
const asks = `until [ "$(stty size </dev/tty)" = "33 101" ]; do sleep 0.01; done
printf 'name? ' >/dev/tty; read -r name </dev/tty; echo "hello $name"; printf 'again? '; read -r again; echo "got $again $CANARY"; exit 7`

func TestInteractiveCommandOutlivesItsScreen(t *testing.T) {
	t.Parallel()
	o := script(t, asks)
	o.Interactive, o.Secrets = true, []steps.Secret{steps.NewSecret("s3cret-Canary/42")}
	o.Env = append(o.Env, "CANARY=s3cret-Canary/42")
	p := start(t, o)
	first, seen := screen(t, p)
	await(t, "the first prompt", seen.shows("name? "))
	typeIn(t, first, "ana\r")
	await(t, "the second prompt", seen.shows("again? "))
	if err := first.Close(); err != nil { // the connection drops
		t.Fatal(err)
	}
	<-seen.gone
	if s := p.Status(); s.Class != supervise.Running {
		t.Fatalf("without a screen: %+v", s)
	}
	second, seen := screen(t, supervise.Attach(o.Files, keyOf(o)))
	await(t, "what was printed before", seen.shows("hello ana"))
	typeIn(t, second, "bob\r")
	end := p.End()
	<-seen.gone
	if end.Class != supervise.Exited || end.Outcome.Exit != 7 || end.Outcome.Warn != "" {
		t.Errorf("%+v", end)
	}
	out := output(t, o)
	if !strings.Contains(out, "got bob [redacted]") || strings.Contains(out, "s3cret") {
		t.Errorf("output %q", out)
	}
	if seen.shows("s3cret")() || !seen.shows("got bob [redacted]")() {
		t.Errorf("the screen showed %q", seen.text.String())
	}
	if entries, err := filepath.Glob(filepath.Join(o.Files, "tty")); err != nil || len(entries) > 0 {
		t.Errorf("left: %v, %v", entries, err)
	}
}

// TestTerminalHasASizeFromTheStart asks for it before any screen is there.
func TestTerminalHasASizeFromTheStart(t *testing.T) {
	t.Parallel()
	for want, size := range map[string][2]uint16{"24 80\r\n": {}, "50 132\r\n": {50, 132}} {
		o := order(t, "stty", "size")
		o.Interactive, o.Rows, o.Cols = true, size[0], size[1]
		if got := finish(t, o); got.Exit != 0 || output(t, o) != want {
			t.Errorf("%q, want %q: %+v", output(t, o), want, got)
		}
	}
}

func TestInteractiveCommandOutlivesItsSupervisor(t *testing.T) {
	t.Parallel()
	o := script(t, asks)
	o.Interactive = true
	o.Env = append(o.Env, "CANARY=")
	p := start(t, o)
	first, seen := screen(t, p)
	await(t, "the first prompt", seen.shows("name? "))
	if err := syscall.Kill(crewOf(t, o).Supervisor.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-seen.gone // that the supervisor was killed is seen here
	_ = first.Close()
	var s *supervise.Screen
	await(t, "the recorder's terminal", func() bool {
		var err error
		s, err = p.Screen()
		return err == nil
	})
	watch(s)
	typeIn(t, s, "ana\rbob\r")
	end := p.End()
	if end.Class != supervise.Exited || end.Outcome.Exit != 7 || end.Outcome.Source != "recorder" {
		t.Errorf("%+v", end)
	}
	if out := output(t, o); !strings.Contains(out, "hello ana") || !strings.Contains(out, "got bob") {
		t.Errorf("output %q", out)
	}
}

func keyOf(o supervise.Order) string {
	key, _ := keys.Load(o.Files)
	text, _ := key.(string)
	return text
}
