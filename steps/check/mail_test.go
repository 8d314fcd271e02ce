package check_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"runbook/steps"
	"runbook/steps/check"
	"runbook/steps/mail"
	"runbook/steps/mail/inbox"
)

func TestMail(t *testing.T) {
	t.Parallel()
	w, secured := mailWorld(t)
	open := func(server *inbox.Server) (*inbox.Server, string) {
		server.TLS, server.User, server.Password = secured, "ci", mailPassword
		return server, server.Open(t)
	}
	works, at := open(&inbox.Server{})
	loses, atLoses := open(&inbox.Server{Lost: true})
	_, atFull := open(&inbox.Server{Refuse: "no room\x1b[2J left"})
	sink := serve(t, works.ServeHTTP)
	searched := serve(t, func(rw http.ResponseWriter, q *http.Request) {
		for _, letter := range works.Letters() {
			if strings.HasSuffix(letter.Subject, q.URL.Query().Get("q")) {
				_, _ = io.WriteString(rw, letter.Subject+" dkim=pass")
			}
		}
	})
	echoes := serve(t, func(rw http.ResponseWriter, q *http.Request) {
		_ = json.NewEncoder(rw).Encode(map[string]any{"query": q.URL.Query().Get("q"), "total": 0})
	})
	probe := func(address, sink string, change func(*check.Mail)) *check.Mail {
		c := &check.Mail{
			Account: mail.Account{Address: address, User: "ci", Password: "good"},
			From:    "runbook@example.com", To: "sink@example.com", Sink: sink, Max: short(time.Minute),
		}
		change(c)
		return c
	}
	soon := func(c *check.Mail) { c.Max = short(100 * time.Millisecond) }
	for name, c := range map[string]struct {
		check   *check.Mail
		verdict steps.Verdict
		reason  string
	}{
		"arrives":             {probe(at, sink, func(*check.Mail) {}), steps.Pass, ""},
		"is searched":         {probe(at, searched+"/?q={{unique}}", func(c *check.Mail) { c.Match = "dkim=pass" }), steps.Pass, ""},
		"is only asked for":   {probe(at, echoes+"/?q={{unique}}", soon), steps.Fail, "has not arrived within 100ms"},
		"does not match":      {probe(at, searched+"/?q={{unique}}", func(c *check.Mail) { c.Match = "spf=pass" }), steps.Fail, "nothing matches"},
		"another matches":     {probe(at, sink, func(c *check.Mail) { c.Match = "dkim=pass" }), steps.Unknown, "match: needs a sink with {{unique}}"},
		"is lost":             {probe(atLoses, serve(t, loses.ServeHTTP), soon), steps.Fail, "taken and has not arrived within 100ms"},
		"is refused":          {probe(atFull, sink, soon), steps.Fail, "the mail was not taken: the server refuses: 451"},
		"by nobody":           {probe(at, sink, func(c *check.Mail) { c.User, c.Password = "", "" }), steps.Fail, "not taken"},
		"wrong credentials":   {probe(at, sink, func(c *check.Mail) { c.Password = "bad" }), steps.Fail, "refuses the credentials"},
		"no mail server":      {probe(closedPort(t), sink, soon), steps.Fail, "connection refused"},
		"no sink":             {probe(at, "http://"+closedPort(t), soon), steps.Unknown, "the sink can't be looked into: connection refused"},
		"a sink that refuses": {probe(at, serve(t, http.NotFound), soon), steps.Unknown, "can't be looked into: status 404"},
		"a silent sink":       {probe(at, "http://"+silent(t), soon), steps.Unknown, "not reached in time"},
		"two recipients":      {probe(at, sink, func(c *check.Mail) { c.To = "a@example.com, b@example.com" }), steps.Unknown, "to: "},
		"no sink at all":      {probe(at, "", soon), steps.Unknown, "sink: url: missing"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := do(t, c.check, w)
			want(t, r, c.verdict, c.reason)
			never(t, r, mailPassword, "wr0ng", "\x1b")
		})
	}
}

func TestMailInterrupted(t *testing.T) {
	t.Parallel()
	w, _ := mailWorld(t)
	server := &inbox.Server{Lost: true}
	ctx, cancel := context.WithCancel(t.Context())
	sink := serve(t, func(w http.ResponseWriter, q *http.Request) { cancel(); server.ServeHTTP(w, q) })
	c := &check.Mail{Account: mail.Account{Address: server.Open(t), StartTLS: "none"}, From: "a@example.com", To: "b@example.com", Sink: sink}
	want(t, c.Do(ctx, w), steps.Unknown, "was sent, and looking for it was interrupted")
	if !c.Touches() || len(c.Plan()) != 2 || !strings.Contains(c.Plan()[0], "from a@example.com to b@example.com") {
		t.Errorf("it touches %v, its plan is %q", c.Touches(), c.Plan())
	}
}
