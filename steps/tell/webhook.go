package tell

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"runbook/steps"
	"runbook/steps/reach"
)

// Webhook is tell.webhook: the message is posted as JSON, {"text": "…"}, which
// Mattermost, Rocket.Chat, Google Chat and many others take.
//
//	tell.webhook = { to = "#deploys", text = "users-module ${image_tag} goes out", url = "chat_webhook" }
//
//	to    who gets it, for people
//	text  what is sent; mentions are off: "@channel" is sent as "@ channel"
//	url   a secret var of the book: who knows the URL can post
type Webhook struct {
	Message `mapstructure:",squash"`
	URL     string `mapstructure:"url"`
}

// Slack is tell.slack: the message is posted to an incoming webhook of Slack,
// without mentions, links and previews.
//
//	tell.slack = { to = "#deploys", text = "users-module ${image_tag} goes out", url = "slack_webhook" }
//
//	to, text, url  as in tell.webhook
type Slack struct {
	Message `mapstructure:",squash"`
	URL     string `mapstructure:"url"`
}

// Shown is the message without mentions.
func (t *Webhook) Shown() Message { return Message{t.To, quiet(t.Text)} }

// Shown is the message without mentions.
func (t *Slack) Shown() Message { return Message{t.To, quiet(t.Text)} }

// Under is the same with one more line.
func (t *Webhook) Under(line string) Sender { return &Webhook{t.Message.Under(line), t.URL} }

// Under is the same with one more line.
func (t *Slack) Under(line string) Sender { return &Slack{t.Message.Under(line), t.URL} }

// SecretVars is the URL.
func (t *Webhook) SecretVars() map[string]string { return map[string]string{"url": t.URL} }

// SecretVars is the URL.
func (t *Slack) SecretVars() map[string]string { return map[string]string{"url": t.URL} }

// Validate reports that nobody, nothing or no URL is named.
func (t *Webhook) Validate() error { return validHook(t.Message, t.URL) }

// Validate reports that nobody, nothing or no URL is named.
func (t *Slack) Validate() error { return validHook(t.Message, t.URL) }

func validHook(m Message, name string) error {
	if name == "" {
		return errors.New("want url, the name of a secret var: a webhook's URL is a secret")
	}
	return m.Validate()
}

// Send posts it.
func (t *Webhook) Send(ctx context.Context, w *steps.World) steps.Result {
	return post(ctx, w, t.URL, map[string]any{
		"text": t.Shown().Text, "allowed_mentions": map[string]any{"parse": []string{}},
	})
}

// Send posts it. Slack reads &, < and > as markup, and <!channel> as a mention.
func (t *Slack) Send(ctx context.Context, w *steps.World) steps.Result {
	plain := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(t.Shown().Text)
	return post(ctx, w, t.URL, map[string]any{
		"text": plain, "mrkdwn": false, "link_names": false, "parse": "none", "unfurl_links": false, "unfurl_media": false,
	})
}

// sendLimit is how long one message may take.
const sendLimit = 15 * time.Second

// post sends a body to the URL that a secret var holds.
func post(whole context.Context, w *steps.World, name string, body any) steps.Result {
	r := steps.Result{Where: "webhook " + name, Began: time.Now()}
	defer func() { r.Took = time.Since(r.Began) }()
	ctx, cancel := context.WithTimeout(whole, sendLimit)
	defer cancel()
	value, err := secret(ctx, w, name)
	if err != nil {
		r.Decide(steps.Fail, "%s", hide(err.Error()))
		return r
	}
	u, err := hookURL(value.Reveal())
	if err != nil {
		r.Decide(steps.Fail, "%s %v", name, err)
		return r
	}
	secrets := []steps.Secret{value, steps.NewSecret(u.RequestURI())}
	for part := range strings.SplitSeq(u.Path, "/") {
		if len(part) >= 8 { // a token of its own
			secrets = append(secrets, steps.NewSecret(part))
		}
	}
	data, err := json.Marshal(body)
	if err != nil {
		r.Decide(steps.Fail, "%v", err)
		return r
	}
	var connected atomic.Bool
	response, err := deliver(ctx, w, u, data, &connected)
	if err != nil {
		_, reason := reach.Fault(whole, sendLimit, err)
		verdict := steps.Fail
		if connected.Load() {
			verdict, reason = steps.Unknown, "it was handed over, and no answer came: "+reason
		}
		r.Decide(verdict, "%s", hide(reason, secrets...))
		return r
	}
	defer func() { _ = response.Body.Close() }() // only read from
	said, _ := io.ReadAll(io.LimitReader(response.Body, 4<<10))
	r.Saw("status", fmt.Sprint(response.StatusCode), "2xx", "")
	if response.StatusCode/100 == 2 {
		r.Decide(steps.Pass, "")
		return r
	}
	r.Decide(steps.Fail, "status %d, wanted 2xx: %s", response.StatusCode, hide(string(said), secrets...))
	return r
}

// hookURL reads the URL. Over plain HTTP whoever listens could post as well, so
// that is for this machine only. Errors never quote it.
func hookURL(raw string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSpace(raw))
	if err != nil || u.Host == "" || u.User != nil {
		return nil, errors.New("holds no URL that can be posted to")
	}
	ip := net.ParseIP(u.Hostname())
	if u.Scheme != "https" && (u.Scheme != "http" || u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback())) {
		return nil, errors.New("holds a URL without TLS: want https")
	}
	return u, nil
}

// deliver makes one POST. A redirect is followed only to the same origin, and
// only as the POST that it was; else it is the answer.
func deliver(ctx context.Context, w *steps.World, u *url.URL, body []byte, connected *atomic.Bool) (*http.Response, error) {
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected.Store(true) }})
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "runbook")
	transport := &http.Transport{
		DialContext: reach.Dial(w), TLSClientConfig: reach.Secure(w, net.JoinHostPort(u.Hostname(), "0")),
		MaxResponseHeaderBytes: 64 << 10, DisableKeepAlives: true,
	}
	client := &http.Client{Transport: transport, CheckRedirect: func(next *http.Request, via []*http.Request) error {
		first := via[0].URL
		if next.Method != http.MethodPost || len(via) > 3 || next.URL.Scheme != first.Scheme || next.URL.Host != first.Host {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	return client.Do(request)
}
