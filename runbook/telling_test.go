package runbook

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"runbook/runbook/book"
	"runbook/runbook/journal"
)

// chatty is a book that tells a chat, and asks for what is known.
const chatty = `
schema = 1
name = "chatty"
[vars]
word = { default = "hello" }
where = { default = "#ops" }
token = { secret = true }
[[phase]]
id = "tell"
  [[phase.step]]
  id = "facts"
  ask.form = { question = "What do we know?", fields = [
    { name = "impact", title = "who is affected" },
    { name = "etr", match = '^\d\d:\d\d$', example = "15:30" },
  ] }
  [[phase.step]]
  id = "news"
  tell.slack = { to = "${where}", text = "@channel ${word}", url = "token" }
`

// chat begins a run whose secret is the URL of a chat that answers so.
func chat(t *testing.T, answer http.HandlerFunc) *fixture {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	f := begin(t, chatty)
	f.write("token", server.URL+"/hooks/s3cret-token-value")
	return f
}

func (f *fixture) kinds() string {
	f.t.Helper()
	entries, err := journal.Read(f.run.Dir)
	if err != nil {
		f.t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		if strings.HasPrefix(e.Kind, "tell") {
			all = append(all, e.Kind)
		}
	}
	return strings.Join(all, " ")
}

func TestTellSends(t *testing.T) {
	t.Parallel()
	var f *fixture
	var before atomic.Value
	f = chat(t, func(http.ResponseWriter, *http.Request) { before.Store(f.kinds()) })
	f.do(Confirm, "facts", "impact=none; etr=16:00")
	if st := f.State().Steps["facts"]; st.Reason != "impact=none; etr=16:00" {
		t.Errorf("the form is kept as %q", st.Reason)
	}
	f.do(Tell, "news")
	f.want("news", Confirmed)
	if st := f.State().Steps["news"]; st.Answer != "told #ops by slack" || before.Load() != "tell.intent" || f.kinds() != "tell.intent tell.result" {
		t.Errorf("%q; in the log at its sending %v, at the end %q", st.Answer, before.Load(), f.kinds())
	}
	if err := f.try(Tell, "news"); !errors.Is(err, ErrNotNow) {
		t.Errorf("telling twice: %v", err)
	}
	entries, err := os.ReadFile(filepath.Join(f.run.Dir, "0001.jsonl"))
	must(t, err)
	if strings.Contains(string(entries), "s3cret") || strings.Contains(string(entries), "@") {
		t.Error("the log holds the URL, or the message")
	}
	f.do(Close, "tell")
	f.do(End, "")
}

func TestTellThatFails(t *testing.T) {
	t.Parallel()
	var answers atomic.Int32
	f := chat(t, func(w http.ResponseWriter, q *http.Request) {
		if answers.Add(1) == 1 {
			http.Error(w, "gone: "+q.URL.Path, http.StatusGone)
			return
		}
		panic(http.ErrAbortHandler)
	})
	f.do(Confirm, "facts", "impact=none; etr=16:00")
	if err := f.try(Confirm, "news", "told"); !errors.Is(err, ErrNotNow) {
		t.Errorf("told by hand before it was tried: %v", err)
	}
	f.do(Tell, "news")
	f.want("news", Failed)
	if st := f.State().Steps["news"]; !strings.HasPrefix(st.Reason, "not sent: status 410") || strings.Contains(st.Reason, "s3cret") {
		t.Errorf("failed as %q", st.Reason)
	}
	if err := f.try(Close, "tell"); !errors.Is(err, ErrNotNow) {
		t.Errorf("closing over what nobody was told: %v", err)
	}
	f.do(Tell, "news") // asked each time
	f.want("news", Unknown)
	if st := f.State().Steps["news"]; st.Attempt != 2 || !strings.Contains(st.Reason, "no answer came") {
		t.Errorf("unknown as %q at attempt %d", st.Reason, st.Attempt)
	}
	f.do(Confirm, "news", "told")
	f.want("news", Confirmed)
	if got := f.kinds(); got != "tell.intent tell.result tell.intent tell.result tell" || f.State().Steps["news"].Answer != "told #ops" {
		t.Errorf("in the log: %q; %q", got, f.State().Steps["news"].Answer)
	}
}

// Nobody knows what came of a message whose sender died.
func TestTellWithoutItsResult(t *testing.T) {
	t.Parallel()
	f := chat(t, func(http.ResponseWriter, *http.Request) {})
	f.do(Confirm, "facts", "impact=none; etr=16:00")
	if err := f.record(t.Context(), kindTellIntent, &tellIntentBody{Step: "news", Attempt: 1, To: "#ops", Via: "slack"}); err != nil {
		t.Fatal(err)
	}
	f.reopen()
	f.want("news", Unknown)
	if next := f.Next()[0]; next.Kind != Tell || next.Step != "news" {
		t.Errorf("suggested %+v", next)
	}
	f.do(Tell, "news")
	f.want("news", Confirmed)
}

func TestTellOnlyWhatWasShown(t *testing.T) {
	t.Parallel()
	var sent atomic.Int32
	f := chat(t, func(http.ResponseWriter, *http.Request) { sent.Add(1) })
	f.do(Confirm, "facts", "impact=none; etr=16:00")
	if err := f.try(Tell, "news", "a digest of something else"); !errors.Is(err, ErrStale) || sent.Load() != 0 {
		t.Errorf("%v, sent %d times", err, sent.Load())
	}
	v, err := f.Message(f.Book().Step("news"))
	must(t, err)
	n, head := f.Head()
	if v.Message.Text != "@ channel hello\n\n"+HeadLine(f.State().ID, n, head) || v.Sender.Shown() != *v.Message {
		t.Fatalf("shown as %+v", v.Message)
	}
	f.do(Memo, "", "the log moves on, and what was shown is sent")
	f.do(Tell, "news", MessageDigest(v))
	if sent.Load() != 1 {
		t.Errorf("sent %d times", sent.Load())
	}
}

func TestFormIsAnsweredWhole(t *testing.T) {
	t.Parallel()
	f := chat(t, func(http.ResponseWriter, *http.Request) {})
	for text, problem := range map[string]string{
		"impact=none":            "etr wants an answer",
		"impact=none; etr=later": "such as 15:30",
		"yes":                    "impact=…; etr=…",
	} {
		if err := f.try(Confirm, "facts", text); err == nil || !strings.Contains(err.Error(), problem) {
			t.Errorf("%q: %v, want %q", text, err, problem)
		}
	}
	f.do(Decline, "facts", "nobody knows yet")
	f.want("facts", Declined)
	f.do(Confirm, "facts", "etr=16:00; impact=logins; and mails")
	if got := f.State().Steps["facts"].Reason; got != "impact=logins; and mails; etr=16:00" {
		t.Errorf("kept as %q", got)
	}
}

func TestTellReadsItsKinds(t *testing.T) {
	t.Parallel()
	for toml, problem := range map[string]string{
		`tell.slack = { to = "#ops", text = "x", url = "word" }`:                                                                                        "names no secret var",
		`tell.webhook = { to = "#ops", text = "${token}", url = "token" }`:                                                                              "${token} is a secret",
		`tell.slack = { to = "#ops", text = "x", url = "https://hooks.example/s3cret" }`:                                                                "names no secret var",
		`tell.mail = { to = "ops@example.com", text = "x", address = "mail:25", from = "a@example.com", subject = "s", user = "a", password = "word" }`: "names no secret var",
		`tell.webhook = { to = "#ops", url = "token" }`:                                                                                                 "want to and text",
		`tell.slak = { to = "#ops", text = "x", url = "token" }`:                                                                                        "did you mean slack?",
		`ask.form = { question = "?", fields = [ { name = "a" }, { name = "a" } ] }`:                                                                    "two are called a",
		`ask.form = { question = "?", evidence = ["nothing"], fields = [ { name = "a" } ] }`:                                                            "evidence names no step",
		`tell.mail = { to = "ops@example.com", text = "x", address = "mail:25", from = "a@example.com" }`:                                               "want subject",
	} {
		whole := strings.Replace(chatty, `tell.slack = { to = "${where}", text = "@channel ${word}", url = "token" }`, toml, 1)
		_, err := book.Read([]byte(whole), "chatty.toml")
		if err == nil || !strings.Contains(fmt.Sprint(err), problem) {
			t.Errorf("%s: %v, want %q", toml, err, problem)
		}
	}
}
