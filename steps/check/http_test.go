package check_test

import (
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"runbook/steps"
	"runbook/steps/check"
)

func get(url string) check.Request { return check.Request{URL: url} }

func api(w http.ResponseWriter, q *http.Request) {
	switch q.URL.Path {
	case "/health":
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Powered-By", "Express")
		w.Header().Set("X-Frame-Options", "DENY")
		_, _ = io.WriteString(w, `{"status":"ok","n":1.50,"list":[{"id":"a"},true],"token":"s3cr3t-token"}`)
	case "/html":
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, "<html>\x1b]0;owned\x07\n<b>Bad\x1b[2J gateway\u202e</b>")
	case "/deep":
		_, _ = io.WriteString(w, strings.Repeat("[", 65)+strings.Repeat("]", 65))
	case "/big":
		_, _ = io.WriteString(w, "first"+strings.Repeat("x", 10<<20)+"last")
	case "/slow":
		<-q.Context().Done()
	case "/abort":
		panic(http.ErrAbortHandler)
	case "/away":
		http.Redirect(w, q, "https://elsewhere.example/login?token=s3cr3t", http.StatusFound)
	case "/near":
		http.Redirect(w, q, "/health", http.StatusTemporaryRedirect)
	default:
		http.NotFound(w, q)
	}
}

func TestHTTP(t *testing.T) {
	t.Parallel()
	base := serve(t, api)
	with := func(path string, change func(*check.Request)) check.HTTP {
		q := get(base + path)
		change(&q)
		return check.HTTP{Request: q}
	}
	type request = check.Request
	for name, c := range map[string]struct {
		check   check.HTTP
		verdict steps.Verdict
		reason  string
	}{
		"status":         {with("/health", func(q *request) {}), steps.Pass, ""},
		"wrong status":   {with("/none", func(q *request) {}), steps.Fail, "status 404, wanted 200"},
		"allowed status": {with("/none", func(q *request) { q.Status = []int{200, 404} }), steps.Pass, ""},
		"json": {with("/health", func(q *request) {
			q.JSON = map[string]string{"status": "ok", "n": "1.50", "list.0.id": "a", "list.1": "true"}
		}), steps.Pass, ""},
		"wrong json":       {with("/health", func(q *request) { q.JSON = map[string]string{"status": "up"} }), steps.Fail, "status is ok, wanted up"},
		"no such path":     {with("/health", func(q *request) { q.JSON = map[string]string{"list.7.id": "*"} }), steps.Fail, "list.7.id is absent"},
		"secret in json":   {with("/health", func(q *request) { q.JSON = map[string]string{"token": "other"} }), steps.Fail, "token is present"},
		"html for json":    {with("/html", func(q *request) { q.JSON = map[string]string{"status": "*"} }), steps.Fail, "wanted JSON, got text/html"},
		"deep json":        {with("/deep", func(q *request) { q.JSON = map[string]string{"0": "*"} }), steps.Fail, "nested deeper than 64"},
		"big json":         {with("/big", func(q *request) { q.JSON = map[string]string{"0": "*"} }), steps.Unknown, "over 1 MiB"},
		"contains":         {with("/big", func(q *request) { q.Contains = "firstx" }), steps.Pass, ""},
		"beyond 1 MiB":     {with("/big", func(q *request) { q.Contains = "xlast" }), steps.Unknown, "in the first 1 MiB"},
		"does not":         {with("/health", func(q *request) { q.Contains = "down" }), steps.Fail, `"down" not found`},
		"matches":          {with("/health", func(q *request) { q.Match = `"status":\s*"ok"` }), steps.Pass, ""},
		"no match":         {with("/health", func(q *request) { q.Match = `^down` }), steps.Fail, "nothing matches"},
		"quotes match not": {with("/health", func(q *request) { q.Match = `"1\.8\.2"` }), steps.Fail, `nothing matches "1\.8\.2"`},
		"quotes are not":   {with("/health", func(q *request) { q.Contains = `"up"` }), steps.Fail, `'"up"' not found`},
		"header":           {with("/health", func(q *request) { q.Header = map[string]string{"X-Frame-Options": "^(DENY|SAMEORIGIN)$"} }), steps.Pass, ""},
		"no header":        {with("/health", func(q *request) { q.Header = map[string]string{"Strict-Transport-Security": "max-age"} }), steps.Fail, "is absent"},
		"forbidden":        {with("/health", func(q *request) { q.ForbidHeaders = []string{"x-powered-by"} }), steps.Fail, "header x-powered-by is Express"},
		"too slow":         {with("/health", func(q *request) { q.Max = short(time.Nanosecond) }), steps.Fail, "wanted within 1ns"},
		"silent":           {with("/slow", func(q *request) { q.Timeout = short(80 * time.Millisecond) }), steps.Fail, "no answer within 80ms"},
		"aborted":          {with("/abort", func(q *request) {}), steps.Fail, "closed without an answer"},
		"redirect":         {with("/away", func(q *request) { q.Follow = true }), steps.Fail, "a redirect to https://elsewhere.example:443"},
		"not followed":     {with("/near", func(q *request) {}), steps.Fail, "status 307"},
		"followed":         {with("/near", func(q *request) { q.Follow = true }), steps.Pass, ""},
		"refused":          {check.HTTP{Request: get("http://" + closedPort(t) + "/?key=s3cr3t")}, steps.Fail, "connection refused"},
		"no TLS there":     {check.HTTP{Request: get(strings.Replace(base, "http:", "https:", 1))}, steps.Fail, "does not speak TLS"},
		"metadata":         {check.HTTP{Request: get("http://169.254.169.254/latest")}, steps.Unknown, "metadata"},
		"credentials":      {check.HTTP{Request: get("http://me:s3cr3t@127.0.0.1/")}, steps.Unknown, "credentials do not belong"},
		"unknown capture":  {check.HTTP{Request: get(base + "/{{id}}")}, steps.Unknown, "captured by no earlier"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := do(t, &c.check, world(t, nil))
			want(t, r, c.verdict, c.reason)
			never(t, r, "s3cr3t", "\x1b", "\u202e", "\x07")
		})
	}
}

// A list shows one line of evidence, the first.
func TestFirstEvidenceTells(t *testing.T) {
	t.Parallel()
	w := world(t, nil)
	if err := os.WriteFile(filepath.Join(w.Dir, "dump"), []byte("12"), 0o600); err != nil {
		t.Fatal(err)
	}
	url := serve(t, api) + "/health"
	for label, c := range map[string]check.Check{
		"status": &check.HTTP{Request: check.Request{URL: url}},
		"time":   &check.HTTP{Request: check.Request{URL: url, Max: short(time.Minute)}},
		"age":    &check.File{Path: "dump", MaxAge: short(time.Hour), Mode: "0600"},
		"size":   &check.File{Path: "dump", MinSize: "1"},
		"exists": &check.File{Path: "dump"},
	} {
		r := do(t, c, w)
		want(t, r, steps.Pass, "")
		if r.Evidence[0].Label != label {
			t.Errorf("%s comes after %+v", label, r.Evidence[0])
		}
	}
}

func TestHTTPInterruptedIsUnknown(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{})
	base := serve(t, func(_ http.ResponseWriter, q *http.Request) { close(asked); <-q.Context().Done() })
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-asked; cancel() }()
	want(t, (&check.HTTP{Request: get(base)}).Do(ctx, world(t, nil)), steps.Unknown, "interrupted")
}

func TestHTTPTrustsOnlyTheWorldsRoots(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(http.HandlerFunc(api))
	t.Cleanup(server.Close)
	w := world(t, nil)
	want(t, do(t, &check.HTTP{Request: get(server.URL + "/health")}, w), steps.Fail, "unknown authority")
	w.Roots = x509.NewCertPool()
	w.Roots.AddCert(server.Certificate())
	want(t, do(t, &check.HTTP{Request: get(server.URL + "/health")}, w), steps.Pass, "")
}

func TestHTTPIgnoresProxyVariables(t *testing.T) {
	proxied := serve(t, func(_ http.ResponseWriter, q *http.Request) { t.Errorf("a proxy was asked for %s", q.URL) })
	t.Setenv("HTTP_PROXY", proxied)
	t.Setenv("http_proxy", proxied)
	// Go never proxies loopback, so the name has to be another one.
	w, loopback := world(t, nil), serve(t, api)
	w.Dial = dialInstead(w.Dial, "service.example:80", strings.TrimPrefix(loopback, "http://"))
	want(t, do(t, &check.HTTP{Request: get("http://service.example/health")}, w), steps.Pass, "")
}

// accounts is a small service: register, log in, look at oneself, delete.
type accounts struct {
	sync.Mutex
	ids     map[string]string
	deletes atomic.Int32
}

const sessionToken = `eyJ"weird\token/+&=value`

func (a *accounts) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	a.Lock()
	defer a.Unlock()
	body, err := io.ReadAll(q.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	switch {
	case q.URL.Path == "/register":
		if _, taken := a.ids[string(body)]; taken {
			http.Error(w, "conflict", http.StatusConflict)
			return
		}
		a.ids[string(body)] = fmt.Sprintf("user-%d", len(a.ids)+1000)
		w.WriteHeader(http.StatusCreated)
		_, _ = fmt.Fprintf(w, `{"user":{"id":%q},"accessToken":%q}`, a.ids[string(body)], sessionToken)
	case q.URL.Path == "/me" && q.Header.Get("Authorization") == "Bearer "+sessionToken:
		_, _ = io.WriteString(w, `{"ok":true}`)
	case q.URL.Path == "/echo":
		http.Error(w, "no such token "+sessionToken, http.StatusTeapot)
	case q.Method == http.MethodDelete && strings.HasPrefix(q.URL.Path, "/users/user-"):
		a.deletes.Add(1)
		w.WriteHeader(http.StatusNoContent)
	default:
		http.Error(w, "unauthorized", http.StatusUnauthorized)
	}
}

func register(base string) check.Request {
	return check.Request{
		URL: base + "/register", Method: "POST", Status: []int{201}, Body: `{"email":"probe+{{unique}}@example.com"}`,
		Capture: map[string]string{"token": "accessToken", "id": "user.id"}, JSON: map[string]string{"accessToken": "*"},
	}
}

func TestHTTPSequence(t *testing.T) {
	t.Parallel()
	service := &accounts{ids: map[string]string{}}
	server := httptest.NewServer(service)
	t.Cleanup(server.Close)
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a captured value went elsewhere") }))
	t.Cleanup(elsewhere.Close)
	bearer := map[string]string{"Authorization": "Bearer {{token}}"}
	clean := []check.Request{{URL: server.URL + "/users/{{id}}", Method: "DELETE", Status: []int{204}, Headers: bearer}}
	dirty := []check.Request{{URL: server.URL + "/nowhere/{{id}}", Method: "DELETE", Headers: bearer}}
	for name, c := range map[string]struct {
		steps, cleanup []check.Request
		verdict        steps.Verdict
		reason         string
	}{
		"all well":         {[]check.Request{register(server.URL), {URL: server.URL + "/me", Headers: bearer}}, clean, steps.Pass, ""},
		"not cleaned up":   {[]check.Request{register(server.URL)}, dirty, steps.Warn, "cleaning up failed"},
		"echoed token":     {[]check.Request{register(server.URL), {URL: server.URL + "/echo", Contains: "fine", Status: []int{418}}}, clean, steps.Fail, "not found"},
		"another origin":   {[]check.Request{register(server.URL), {URL: elsewhere.URL, Headers: bearer}}, clean, steps.Unknown, "may not go to"},
		"token in a host":  {[]check.Request{register(server.URL), {URL: "http://{{id}}.example"}}, clean, steps.Unknown, "may not go to"},
		"nothing captured": {[]check.Request{{URL: server.URL + "/me", Capture: map[string]string{"id": "id", "token": "t"}}}, clean, steps.Fail, "status 401"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			probe := &check.HTTP{Steps: c.steps, Cleanup: c.cleanup}
			if !probe.Touches() {
				t.Error("a sequence that registers and deletes does not touch")
			}
			r := do(t, probe, world(t, nil))
			want(t, r, c.verdict, c.reason)
			never(t, r, "eyJ", "weird", "Bearer")
		})
	}
	t.Cleanup(func() {
		if n := service.deletes.Load(); n != 4 {
			t.Errorf("%d accounts were cleaned up, want 4", n)
		}
	})
}

// A null is no value: nobody's id is "null", and nobody is deleted by it.
func TestHTTPNull(t *testing.T) {
	t.Parallel()
	base := serve(t, func(w http.ResponseWriter, q *http.Request) {
		if q.Method == http.MethodDelete {
			t.Error("deleted " + q.URL.Path)
		}
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"accessToken":null,"user":{"id":null}}`)
	})
	clean := []check.Request{{URL: base + "/users/{{id}}", Method: "DELETE", Status: []int{201}}}
	want(t, do(t, &check.HTTP{Steps: []check.Request{register(base)}, Cleanup: clean}, world(t, nil)), steps.Fail, "accessToken is absent, wanted *")
	made := register(base)
	made.JSON = nil
	want(t, do(t, &check.HTTP{Steps: []check.Request{made}, Cleanup: clean}, world(t, nil)), steps.Fail, "the answer has no user.id to capture")
	made.JSON = map[string]string{"user.id": "null"}
	made.Capture = nil
	want(t, do(t, &check.HTTP{Steps: []check.Request{made}}, world(t, nil)), steps.Pass, "")
}

func TestHTTPTouches(t *testing.T) {
	t.Parallel()
	for method, touches := range map[string]bool{"": false, "GET": false, "HEAD": false, "OPTIONS": false, "POST": true, "DELETE": true, "PUT": true, "get": true} {
		if got := (&check.HTTP{Request: check.Request{URL: "http://x", Method: method}}).Touches(); got != touches {
			t.Errorf("%q touches = %v", method, got)
		}
	}
	if !(&check.HTTP{Request: get("http://x"), Cleanup: []check.Request{{Method: "DELETE"}}}).Touches() {
		t.Error("a cleanup that deletes does not touch")
	}
}
