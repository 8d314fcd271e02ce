package practice

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"runbook/runbook/practice/cluster"
)

func TestService(t *testing.T) {
	t.Parallel()
	addr := newContainer(t, sharedWith(t))
	user := map[string]string{"email": "New@Example.com", "password": "Test123!", "firstName": "New"}
	if code, answer := getFrom(t, addr, "POST", "/api/auth/register", "", user); code != 201 || !strings.Contains(fmt.Sprint(answer), "email:new@example.com") {
		t.Fatalf("register: %d %v", code, answer)
	}
	if text := fmt.Sprint(get(t, sharedWith(t), "GET", "/api/nothing", "", nil)); !strings.Contains(text, "404") {
		t.Errorf("no route: %s", text)
	}
	for _, c := range []struct {
		email, password string
		code            int
	}{{"new@example.com", "Test123!", 409}, {"other@example.com", "weak", 400}, {"no address", "Test123!", 400}} {
		if code, answer := getFrom(t, addr, "POST", "/api/auth/register", "", map[string]string{"email": c.email, "password": c.password}); code != c.code {
			t.Errorf("register %s: %d %v", c.email, code, answer)
		}
	}
	if code, _ := getFrom(t, addr, "POST", "/api/auth/login", "", map[string]string{"email": "new@example.com", "password": "Wrong123!"}); code != 401 {
		t.Errorf("wrong password: %d", code)
	}
	code, answer := getFrom(t, addr, "POST", "/api/auth/login", "", user)
	token, _ := answer["accessToken"].(string)
	if code != 200 || token == "" || answer["expiresIn"] != 900.0 {
		t.Fatalf("login: %d", code)
	}
	if code, answer := getFrom(t, addr, "GET", "/api/users/me", token, nil); code != 200 || answer["email"] != "new@example.com" {
		t.Errorf("me: %d %v", code, answer)
	}
	if code, _ := getFrom(t, addr, "GET", "/api/users/me", token+"x", nil); code != 401 {
		t.Errorf("me with a wrong token: %d", code)
	}
	if code, _ := getFrom(t, addr, "DELETE", "/api/users/me", token, nil); code != 204 {
		t.Errorf("remove: %d", code)
	}
	if code, _ := getFrom(t, addr, "GET", "/api/users/me", token, nil); code != 401 {
		t.Errorf("me after the removal: %d", code)
	}
	metrics := fetch(t, addr, "/metrics", "")
	text, err := io.ReadAll(metrics.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		`http_requests_total{method="POST",route="/api/auth/register",code="201"} 1`, `auth_login_total{result="success"} 1`,
		`auth_login_total{result="failure"} 1`, "throttle_hits_total 0", "process_resident_memory_bytes ", "process_cpu_seconds_total ",
	} {
		if !strings.Contains(string(text), line) {
			t.Errorf("metrics lack %s", line)
		}
	}
}

func TestHeadersAndOrigins(t *testing.T) {
	t.Parallel()
	addr := newContainer(t, sharedWith(t))
	h := fetch(t, addr, "/api/health", "https://app.tickr.example").Header
	for _, name := range []string{"Strict-Transport-Security", "X-Content-Type-Options", "X-Frame-Options", "Referrer-Policy", "Content-Security-Policy"} {
		if h.Get(name) == "" {
			t.Errorf("no %s", name)
		}
	}
	if h.Get("Access-Control-Allow-Origin") != "https://app.tickr.example" || h.Get("X-Powered-By") != "" {
		t.Errorf("headers are %v", h)
	}
	for _, foreign := range []string{"https://evil.example", "null", "https://app.tickr.example.evil.example"} {
		if got := fetch(t, addr, "/api/health", foreign).Header.Get("Access-Control-Allow-Origin"); got != "" {
			t.Errorf("origin %s is allowed as %q", foreign, got)
		}
	}
}

func TestLoginIsLimited(t *testing.T) {
	t.Parallel()
	addr := newContainer(t, sharedWith(t))
	body := map[string]string{"email": "nobody@example.com", "password": "x"}
	for n := range 100 {
		if code, _ := getFrom(t, addr, "POST", "/api/auth/login", "", body); code != 401 {
			t.Fatalf("login %d: %d", n+1, code)
		}
	}
	req, err := http.NewRequestWithContext(deadline(t), "POST", "http://"+addr+"/api/auth/login", strings.NewReader(`{"email":"Nobody@example.com","password":"y"}`))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	if resp.StatusCode != 429 || resp.Header.Get("Retry-After") == "" {
		t.Errorf("the 101st login: %s, Retry-After %q", resp.Status, resp.Header.Get("Retry-After"))
	}
	if code, _ := getFrom(t, addr, "POST", "/api/auth/login", "", map[string]string{"email": "somebody@example.com", "password": "x"}); code != 401 {
		t.Errorf("the first login of another account: %d", code)
	}
}

// newContainer runs the service once more beside the world's own, so that a
// test has its counters and limits for itself.
func newContainer(t *testing.T, w *World) string {
	t.Helper()
	port, err := cluster.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	_, inside, err := net.SplitHostPort(w.info.Load().Service)
	if err != nil {
		t.Fatal(err)
	}
	do(t, w, "docker", "run", "-d", "--name", t.Name(), "-p", fmt.Sprintf("%d:%s", port, inside), "--env-file", ".env.production", "tickr-backend:1.8.1").want(t, 0)
	t.Cleanup(func() { do(t, w, "docker", "rm", "-f", t.Name()).want(t, 0) })
	return loopback(port)
}

func fetch(t *testing.T, addr, path, origin string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(deadline(t), "GET", "http://"+addr+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if origin != "" {
		req.Header.Set("Origin", origin)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}
