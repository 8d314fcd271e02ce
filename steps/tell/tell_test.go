package tell_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"runbook/steps"
	"runbook/steps/mail"
	"runbook/steps/mail/inbox"
	"runbook/steps/tell"
)

const token = "T0KEN-8sZx11"

// world has the secrets and reaches loopback.
func world(t *testing.T, secrets map[string]string) *steps.World {
	t.Helper()
	return &steps.World{
		Name: "test", Clock: steps.SystemClock{}, Dial: new(net.Dialer).DialContext,
		Secret: func(_ context.Context, name string) (steps.Secret, error) {
			value, ok := secrets[name]
			if !ok {
				return steps.Secret{}, fmt.Errorf("%w: %s", steps.ErrSecret, name)
			}
			return steps.NewSecret(value), nil
		},
	}
}

func want(t *testing.T, r steps.Result, verdict steps.Verdict, inReason string) {
	t.Helper()
	if r.Verdict != verdict || !strings.Contains(r.Reason, inReason) || r.Where == "" || r.Began.IsZero() {
		t.Errorf("got %s, %q; want %s, …%q…", r.Verdict, r.Reason, verdict, inReason)
	}
	for _, secret := range []string{token, "m4il-Pa55", "\x1b"} {
		if all := fmt.Sprintf("%+v", r); strings.Contains(all, secret) {
			t.Errorf("%q leaked into %s", secret, all)
		}
	}
}

// hook is a chat that keeps what it is sent, and answers by its path.
type hook struct {
	taken atomic.Int32
	last  atomic.Pointer[map[string]any]
}

func (h *hook) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	body, err := io.ReadAll(q.Body)
	var said map[string]any
	if err != nil || q.Method != http.MethodPost || json.Unmarshal(body, &said) != nil {
		http.Error(w, "not JSON", http.StatusBadRequest)
		return
	}
	switch name, _, _ := strings.Cut(strings.TrimPrefix(q.URL.Path, "/"), "/"); name {
	case "near":
		http.Redirect(w, q, "/ok/"+token, http.StatusTemporaryRedirect)
	case "turned":
		http.Redirect(w, q, "/ok/"+token, http.StatusFound)
	case "away":
		http.Redirect(w, q, "https://elsewhere.example/"+token, http.StatusPermanentRedirect)
	case "refuses":
		http.Error(w, "no_service \x1b[2J"+q.URL.Path, http.StatusNotFound)
	case "hangs-up":
		panic(http.ErrAbortHandler)
	default:
		h.taken.Add(1)
		h.last.Store(&said)
		_, _ = io.WriteString(w, "ok")
	}
}

func TestWebhook(t *testing.T) {
	t.Parallel()
	h := &hook{}
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	secured := httptest.NewTLSServer(h)
	t.Cleanup(secured.Close)
	gone := httptest.NewServer(h)
	gone.Close()
	urls := map[string]string{"gone": gone.URL + "/" + token, "secured": secured.URL + "/ok/" + token, "text": "no url " + token, "abroad": "http://chat.example/" + token, "metadata": "https://169.254.169.254/" + token}
	for _, path := range []string{"ok", "near", "turned", "away", "refuses", "hangs-up"} {
		urls[path] = server.URL + "/" + path + "/" + token
	}
	w := world(t, urls)
	for name, c := range map[string]struct {
		verdict steps.Verdict
		reason  string
	}{
		"ok":       {steps.Pass, ""},
		"near":     {steps.Pass, ""},
		"turned":   {steps.Fail, "status 302"}, // it would become a GET, which says nothing
		"away":     {steps.Fail, "status 308"},
		"refuses":  {steps.Fail, "status 404, wanted 2xx: no_service"},
		"hangs-up": {steps.Unknown, "handed over, and no answer came"},
		"gone":     {steps.Fail, "connection refused"},
		"secured":  {steps.Fail, "unknown authority"},
		"text":     {steps.Fail, "holds no URL"},
		"abroad":   {steps.Fail, "without TLS"},
		"metadata": {steps.Fail, "metadata"},
		"other":    {steps.Fail, "secret not available"},
	} {
		t.Run(name, func(t *testing.T) {
			hook := &tell.Webhook{Message: tell.Message{To: "#ops", Text: "it goes out"}, URL: name}
			want(t, hook.Send(t.Context(), w), c.verdict, c.reason)
		})
	}
	if n := h.taken.Load(); n != 2 {
		t.Errorf("%d messages were taken, want 2", n)
	}
	w.Roots = x509.NewCertPool()
	w.Roots.AddCert(secured.Certificate())
	want(t, (&tell.Webhook{Message: tell.Message{To: "#ops", Text: "it goes out"}, URL: "secured"}).Send(t.Context(), w), steps.Pass, "")
}

// What is sent is what was shown, and it rings nobody's bell.
func TestMentionsAreOff(t *testing.T) {
	t.Parallel()
	h := &hook{}
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	w := world(t, map[string]string{"url": server.URL})
	text := "<!channel> @channel and @ana: ask ops@example.com & <https://x.example|here>\x1b[2J\u202e"
	shown := `<!channel> @ channel and @ ana: ask ops@example.com & <https://x.example|here><U+202E>`
	sent := func(s tell.Sender) map[string]any {
		want(t, s.Send(t.Context(), w), steps.Pass, "")
		if got := s.Shown().Text; got != shown {
			t.Errorf("shown %q, want %q", got, shown)
		}
		return *h.last.Load()
	}
	plain := sent(&tell.Webhook{Message: tell.Message{To: "#ops", Text: text}, URL: "url"})
	if plain["text"] != shown || fmt.Sprint(plain["allowed_mentions"]) != "map[parse:[]]" {
		t.Errorf("sent %v", plain)
	}
	slack := sent(&tell.Slack{Message: tell.Message{To: "#ops", Text: text}, URL: "url"})
	escaped := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(shown)
	if slack["text"] != escaped || slack["mrkdwn"] != false || slack["link_names"] != false {
		t.Errorf("sent %v", slack)
	}
}

// Under each kind of message one more line can be put, and is sent.
func TestUnder(t *testing.T) {
	t.Parallel()
	m := tell.Message{To: "ops@example.com", Text: "it goes out\n"}
	for _, s := range []tell.Sender{&tell.Webhook{Message: m}, &tell.Slack{Message: m}, &tell.Mail{Message: m, Subject: "out"}} {
		before := s.Shown()
		if got := s.Under("run 7f3a head 87").Shown(); got.To != m.To || !strings.HasSuffix(got.Text, "it goes out\n\nrun 7f3a head 87") || s.Shown() != before {
			t.Errorf("%T shows %q", s, got.Text)
		}
	}
	if got := m.Under("run 7f3a head 87"); got.Text != "it goes out\n\nrun 7f3a head 87" {
		t.Errorf("shown as %q", got.Text)
	}
}

func TestMail(t *testing.T) {
	t.Parallel()
	web := httptest.NewTLSServer(nil) // for its certificate
	t.Cleanup(web.Close)
	secured := &tls.Config{Certificates: web.TLS.Certificates, MinVersion: tls.VersionTLS12}
	w := world(t, map[string]string{"good": "m4il-Pa55", "bad": "wrong"})
	w.Roots = x509.NewCertPool()
	w.Roots.AddCert(web.Certificate())
	server := &inbox.Server{TLS: secured, User: "ci", Password: "m4il-Pa55"}
	at, full := server.Open(t), (&inbox.Server{TLS: secured, Refuse: "no room"}).Open(t)
	letter := func(address, user, password string) *tell.Mail {
		return &tell.Mail{
			Message: tell.Message{To: "ops@example.com", Text: "It goes out.\n.\nNow."}, Subject: "users-module 1.8.2", From: "ci@example.com",
			Account: mail.Account{Address: address, User: user, Password: password},
		}
	}
	want(t, letter(at, "ci", "good").Send(t.Context(), w), steps.Pass, "")
	got := server.Letters()
	if len(got) != 1 || got[0].Subject != "users-module 1.8.2" || got[0].To != "ops@example.com" || !strings.Contains(got[0].Body, "It goes out.\r\n.\r\nNow.") {
		t.Errorf("it arrived as %q", got)
	}
	want(t, letter(at, "ci", "bad").Send(t.Context(), w), steps.Fail, "refuses the credentials")
	want(t, letter(at, "ci", "none").Send(t.Context(), w), steps.Fail, "secret not available")
	want(t, letter(full, "", "").Send(t.Context(), w), steps.Fail, "refuses: 451")
	if len(server.Letters()) != 1 {
		t.Errorf("%d letters arrived, want 1", len(server.Letters()))
	}
	w.Roots = nil
	want(t, letter(at, "ci", "good").Send(t.Context(), w), steps.Fail, "unknown authority")
	if shown := letter(at, "", "").Shown(); !strings.HasPrefix(shown.Text, "Subject: users-module 1.8.2\n\nIt goes out.") {
		t.Errorf("shown as %q", shown.Text)
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	m := tell.Message{To: "#ops", Text: "x"}
	account := mail.Account{Address: "${smtp_address}"}
	for name, c := range map[string]struct {
		sender tell.Sender
		wrong  string
	}{
		"a webhook":        {&tell.Webhook{Message: m, URL: "hook"}, ""},
		"no url":           {&tell.Slack{Message: m}, "a webhook's URL is a secret"},
		"nobody":           {&tell.Webhook{Message: tell.Message{Text: "x"}, URL: "hook"}, "want to and text"},
		"a mail":           {&tell.Mail{Message: tell.Message{To: "${mail_to}", Text: "x"}, Account: account, From: "a@example.com", Subject: "s"}, ""},
		"no subject":       {&tell.Mail{Message: tell.Message{To: "a@example.com", Text: "x"}, Account: account, From: "a@example.com"}, "want subject"},
		"to a channel":     {&tell.Mail{Message: m, Account: account, From: "a@example.com", Subject: "s"}, "to: "},
		"a server nowhere": {&tell.Mail{Message: tell.Message{To: "a@example.com", Text: "x"}, From: "a@example.com", Subject: "s"}, "address"},
	} {
		err := c.sender.Validate()
		if c.wrong == "" && err != nil || c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong)) {
			t.Errorf("%s: %v, want %q", name, err, c.wrong)
		}
	}
}
