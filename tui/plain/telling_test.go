package plain

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"runbook/runbook"
)

const chatty = `
schema = 1
name = "small"
[vars]
hook = { secret = true }
[[phase]]
id = "go"
  [[phase.step]]
  id = "facts"
  ask.form = { question = "what do we know?", fields = [
    { name = "impact", title = "who is affected" },
    { name = "etr", match = '^\d\d:\d\d$', example = "15:30" },
  ] }
  [[phase.step]]
  id = "news"
  tell.webhook = { to = "#ops", text = "@channel it goes out", url = "hook" }
`

// chat begins a run of chatty, whose chat answers so.
func chat(t *testing.T, answer http.HandlerFunc) *fixture {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	hook := filepath.Join(t.TempDir(), "hook")
	if err := os.WriteFile(hook, []byte(server.URL+"/s3cret-hook"), 0o600); err != nil {
		t.Fatal(err)
	}
	return beginAt(t, chatty, fmt.Sprintf("[secret.hook]\nfile = %q\n", hook))
}

func TestTellSends(t *testing.T) {
	t.Parallel()
	f := chat(t, func(http.ResponseWriter, *http.Request) {})
	if err := f.walk("confirm facts impact=none", "confirm facts impact=none; etr=16:00", "tell news"); err != nil {
		t.Fatalf("%v\n%s", err, f.out.String())
	}
	f.shows("confirm facts impact=…; etr=…", "impact: who is affected", "etr wants an answer", "this is sent to #ops by webhook:\n    @ channel it goes out", "told #ops by webhook")
	if r := f.s.State(); r.Outcome != runbook.Finished {
		t.Errorf("outcome %q", r.Outcome)
	}
}

func TestTellFallsBackToCopying(t *testing.T) {
	t.Parallel()
	var sent atomic.Int32
	f := chat(t, func(w http.ResponseWriter, _ *http.Request) {
		sent.Add(1)
		http.Error(w, "gone", http.StatusGone)
	})
	if err := f.walk("confirm facts impact=none; etr=16:00", "confirm news told", "tell news", "confirm news told"); err != nil {
		t.Fatalf("%v\n%s", err, f.out.String())
	}
	f.shows("not sent: status 410", "send this to #ops by webhook again, or copy it to them, and confirm that:\n    @ channel it goes out", "confirm news told · ", "not now")
	if r := f.s.State(); r.Outcome != runbook.Finished || sent.Load() != 1 {
		t.Errorf("outcome %q, sent %d times", r.Outcome, sent.Load())
	}
}
