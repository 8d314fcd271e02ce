package check_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"runbook/steps"
	"runbook/steps/check"
)

func TestRedirect(t *testing.T) {
	t.Parallel()
	base := serve(t, func(w http.ResponseWriter, q *http.Request) {
		host, _, _ := strings.Cut(q.Host, ":")
		code, to := http.StatusMovedPermanently, "https://"+host+q.URL.Path
		switch q.URL.Path {
		case "/none":
			return
		case "/http":
			to = "http://" + host + "/login"
		case "/elsewhere":
			to = "https://evil.example/login?token=s3cr3t"
		case "/alike":
			to = "https://" + host + ".evil.example/"
		case "/user":
			to = "https://" + host + "@evil.example/"
		case "/port":
			to = "https://" + host + ":8443/"
		case "/soon":
			code = http.StatusFound
		case "/api/v1":
			code = http.StatusPermanentRedirect
		case "/relative":
			to = "/login"
		case "/silent":
			<-q.Context().Done()
		case "/error":
			code, to = http.StatusBadGateway, ""
		}
		if to != "" {
			w.Header()["Location"] = []string{to}
		}
		w.WriteHeader(code)
	})
	for name, c := range map[string]struct {
		paths   string
		change  func(*check.Redirect)
		verdict steps.Verdict
		reason  string
	}{
		"right":          {"/ /api/v1", nil, steps.Pass, ""},
		"another port":   {"/port", nil, steps.Pass, ""},
		"missing":        {"/none", nil, steps.Fail, "status 200 leads nowhere, wanted a redirect to https://"},
		"one is missing": {"/ /none", nil, steps.Fail, "/none: status 200"},
		"to http":        {"/http", nil, steps.Fail, "leads to http://127.0.0.1/login, wanted https://127.0.0.1"},
		"relative":       {"/relative", nil, steps.Fail, "leads to http://127.0.0.1"},
		"another host":   {"/elsewhere", nil, steps.Fail, "leads to https://evil.example/login?…, wanted https://127.0.0.1"},
		"a longer host":  {"/alike", nil, steps.Fail, "leads to https://127.0.0.1.evil.example/"},
		"as a user":      {"/user", nil, steps.Fail, "leads to https://evil.example/"},
		"not for good":   {"/soon", nil, steps.Fail, "status 302, wanted 301 308"},
		"for now":        {"/soon", func(c *check.Redirect) { c.Status = []int{302} }, steps.Pass, ""},
		"an error":       {"/error", nil, steps.Fail, "status 502 leads nowhere"},
		"to a path":      {"/api/v1", func(c *check.Redirect) { c.To = "https://127.0.0.1/api" }, steps.Pass, ""},
		"to another":     {"/api/v1", func(c *check.Redirect) { c.To = "https://127.0.0.1/ap" }, steps.Fail, "wanted https://127.0.0.1/ap"},
		"to our port":    {"/port", func(c *check.Redirect) { c.To = "https://127.0.0.1:8443" }, steps.Pass, ""},
		"not our port":   {"/", func(c *check.Redirect) { c.To = "https://127.0.0.1:8443" }, steps.Fail, "wanted https://127.0.0.1:8443"},
		"to http is so":  {"/http", func(c *check.Redirect) { c.To = "http://127.0.0.1" }, steps.Pass, ""},
		"silent":         {"/silent", func(c *check.Redirect) { c.Timeout = short(50 * time.Millisecond) }, steps.Fail, "no answer within 50ms"},
		"no redirect":    {"/", func(c *check.Redirect) { c.Status = []int{200} }, steps.Unknown, "no redirect's"},
		"nothing":        {"", func(c *check.Redirect) { c.URLs = nil }, steps.Unknown, "urls: want 1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			probe := &check.Redirect{}
			for path := range strings.FieldsSeq(c.paths) {
				probe.URLs = append(probe.URLs, base+path)
			}
			if c.change != nil {
				c.change(probe)
			}
			r := do(t, probe, world(t, nil))
			want(t, r, c.verdict, c.reason)
			never(t, r, "s3cr3t")
		})
	}
	w := world(t, nil)
	want(t, do(t, &check.Redirect{URLs: []string{"http://" + closedPort(t)}}, w), steps.Fail, "connection refused")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	want(t, (&check.Redirect{URLs: []string{base}}).Do(ctx, w), steps.Unknown, "interrupted")
}

func TestRedirectFields(t *testing.T) {
	t.Parallel()
	c := decode[*check.Redirect](t, "redirect", map[string]any{"urls": []string{"${http_url}/"}, "to": "${base_url}", "status": []int64{301, 308}})
	if c.Touches() {
		t.Error("redirect touches")
	}
	if (&check.Redirect{URLs: []string{"http://x"}, To: "ftp://x"}).Validate() == nil {
		t.Error("to ftp is valid")
	}
}
