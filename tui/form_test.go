package tui

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"runbook/runbook"
	"runbook/runbook/book"
)

// chatty is a book that asks for what is known, and tells a chat.
const chatty = `
schema = 1
name = "small"
[vars]
hook = { secret = true }
[[phase]]
id = "go"
  [[phase.step]]
  id = "facts"
  title = "What do we know?"
  ask.form = { question = "For the status page", fields = [
    { name = "impact", title = "Who is affected?" },
    { name = "etr", title = "Over at, UTC", match = '^\d\d:\d\d$', example = "15:30" },
  ] }
  [[phase.step]]
  id = "news"
  title = "Tell the channel"
  tell.slack = { to = "#ops", text = "@channel it goes out", url = "hook" }
`

// beginChat opens a run of chatty, whose chat answers so.
func beginChat(t *testing.T, w, h int, answer http.HandlerFunc) *bench {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	dir := targetDir(t)
	put(t, dir, "hook", server.URL+"/s3cret-hook", 0o600)
	b, err := book.Read([]byte(chatty), "small.toml")
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("name = \"tickr-prod\"\ndir = %q\npath = \"/usr/bin:/bin\"\n[secret.hook]\nfile = %q\n", dir, filepath.Join(dir, "hook"))
	target, err := book.ReadTarget([]byte(text), "tickr-prod.toml")
	if err != nil {
		t.Fatal(err)
	}
	world, err := runbook.NewWorld(target)
	if err != nil {
		t.Fatal(err)
	}
	s, err := runbook.Start(t.Context(), runbook.StartOptions{
		Runs: filepath.Join(t.TempDir(), "runs"), Book: b, Target: target, World: world, Vars: map[string]string{}, Mode: runbook.ModeDeploy,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	screen := &bench{t: t, dir: dir}
	screen.open(s, Options{}, w, h)
	screen.ready()
	return screen
}

func TestForm(t *testing.T) {
	t.Parallel()
	b := beginChat(t, 80, 24, func(http.ResponseWriter, *http.Request) {})
	b.press("y")
	b.shows("y to fill it in")
	b.press("y")
	b.shows("1 of 2  Who is affected?")
	b.shows("enter next  esc back")
	b.press("enter")
	b.shows("impact wants an answer")
	b.text("all logins")
	b.press("enter")
	b.shows("2 of 2  Over at, UTC (such as 15:30)")
	b.shows("enter send  esc the field before")
	b.shows("impact: all logins")
	b.text("soon")
	b.press("enter")
	b.shows("etr is to match")
	b.press("esc") // back to the first, which is still there
	b.press("enter")
	b.text("16:00")
	b.press("enter")
	b.until("facts", func() bool { return b.state("facts") == runbook.Confirmed })
	if got := b.snap.run.Steps["facts"].Reason; got != "impact=all logins; etr=16:00" {
		t.Errorf("kept as %q", got)
	}
}

func TestFormOnAPhone(t *testing.T) {
	t.Parallel()
	b := beginChat(t, 40, 20, func(http.ResponseWriter, *http.Request) {})
	b.press("y", "y")
	b.text("x")
	b.press("esc") // it is not begun any more
	b.shows("y to fill it in")
	b.press("n")
	b.text("nobody knows")
	b.press("enter")
	b.until("facts", func() bool { return b.state("facts") == runbook.Declined })
}

func TestTellThatSends(t *testing.T) {
	t.Parallel()
	var sent atomic.Int32
	b := beginChat(t, 80, 24, func(w http.ResponseWriter, q *http.Request) {
		sent.Add(1)
		http.Error(w, "gone", http.StatusGone)
	})
	b.press("s")
	b.text("not now")
	b.press("enter")
	b.until("facts", func() bool { return b.state("facts") == runbook.Skipped })
	b.press("t")
	b.shows("this is sent to #ops by slack")
	b.shows("@ channel it goes out")
	b.press("enter")
	b.shows("enter sends and answers nothing")
	b.press("y")
	b.shows("t sends it; h if")
	if sent.Load() != 0 {
		t.Fatal("something was sent")
	}
	b.press("t")
	b.until("the failure", func() bool { return b.state("news") == runbook.Failed })
	b.press("t")
	b.shows("not sent: status 410, wanted 2xx: gone")
	b.shows("or copy it to them")
	if strings.Contains(b.screen(), "s3cret") {
		t.Errorf("the URL is shown:\n%s", b.screen())
	}
	b.press("y")
	b.until("told by hand", func() bool { return b.state("news") == runbook.Confirmed })
	if sent.Load() != 1 {
		t.Errorf("sent %d times, want 1", sent.Load())
	}
}
