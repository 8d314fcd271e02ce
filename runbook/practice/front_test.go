package practice

import (
	"crypto/tls"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"testing"
)

// targetVars are all that the target of an application holds.
func targetVars(t *testing.T, w *World) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(w.Dir(), "targets", w.site))
	if err != nil {
		t.Fatal(err)
	}
	var read target
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	return read.Vars
}

// webClient reaches the world as a step does, and follows no redirect.
func webClient(t *testing.T, w *World) *http.Client {
	t.Helper()
	world := w.Steps()
	transport := &http.Transport{DialContext: world.Dial, TLSClientConfig: &tls.Config{RootCAs: world.Roots}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func look(t *testing.T, c *http.Client, method, url string, header http.Header) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(deadline(t), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header = header
	resp, err := c.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, url, err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}

func TestFrontEndsTLS(t *testing.T) {
	t.Parallel()
	w := sharedWith(t)
	vars, client := targetVars(t, w), webClient(t, w)
	for _, c := range []struct {
		method, url, to string
		code            int
	}{
		{"GET", vars["base_url"] + "/api/health", "", 200},
		{"GET", vars["http_url"] + "/api/health?a=b", vars["base_url"] + "/api/health?a=b", 308},
		{"POST", vars["http_url"] + "/api/auth/login", vars["base_url"] + "/api/auth/login", 308},
		{"GET", vars["base_url"] + "/api/users/me", "", 401},
	} {
		resp := look(t, client, c.method, c.url, nil)
		if resp.StatusCode != c.code || resp.Header.Get("Location") != c.to {
			t.Errorf("%s %s: %s, to %q", c.method, c.url, resp.Status, resp.Header.Get("Location"))
		}
		if c.to == "" && resp.Header.Get("Strict-Transport-Security") == "" {
			t.Errorf("%s %s: no HSTS", c.method, c.url)
		}
	}
	stranger := &http.Client{Transport: &http.Transport{DialContext: w.Steps().Dial}}
	req, err := http.NewRequestWithContext(deadline(t), "GET", vars["base_url"], nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp, err := stranger.Do(req); err == nil { //nolint:bodyclose // there must be none
		t.Errorf("who does not trust the practice CA got %s", resp.Status)
	}
}
