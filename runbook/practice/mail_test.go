package practice

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// mailWith is the shared world as encrypted-email sees it.
func mailWith(t *testing.T) *World {
	t.Helper()
	return enter(t, sharedWith(t))
}

func enter(t *testing.T, w *World) *World {
	t.Helper()
	there, err := w.Enter(deadline(t), "encrypted-email")
	if err != nil {
		t.Fatal(err)
	}
	return there
}

// mailClient talks to the second application over its front.
type mailClient struct {
	*testing.T
	http *http.Client
	base string
}

func newMailClient(t *testing.T, w *World) mailClient {
	t.Helper()
	return mailClient{t, webClient(t, w), targetVars(t, w)["base_url"]}
}

// do sends one request; a body that is no reader is sent as JSON. None is sent
// without a body: one that nobody reads cuts the end off a long answer.
func (c mailClient) do(method, path, token string, body any) (*http.Response, map[string]any) {
	c.Helper()
	kind := "application/json"
	reader, form := body.(*bytes.Buffer)
	switch {
	case body == nil:
		reader = new(bytes.Buffer)
	case !form:
		text, err := json.Marshal(body)
		if err != nil {
			c.Fatal(err)
		}
		reader = bytes.NewBuffer(text)
	default:
		kind = strings.SplitN(reader.String(), "\r\n", 2)[0]
		kind = "multipart/form-data; boundary=" + strings.TrimPrefix(kind, "--")
	}
	req, err := http.NewRequestWithContext(deadline(c.T), method, c.base+path, reader)
	if err != nil {
		c.Fatal(err)
	}
	req.Header.Set("Content-Type", kind)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		c.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		c.Fatal(err)
	}
	answer := map[string]any{"bytes": text}
	_ = json.Unmarshal(text, &answer) // a file is none
	return resp, answer
}

func (c mailClient) want(code int, method, path, token string, body any) map[string]any {
	c.Helper()
	resp, answer := c.do(method, path, token, body)
	if resp.StatusCode != code {
		c.Fatalf("%s %s: %s, want %d: %v", method, path, resp.Status, code, answer)
	}
	return answer
}

// account registers somebody and logs them in.
func (c mailClient) account(name string) (id, token string) {
	c.Helper()
	user := map[string]string{"email": name + "@example.com", "password": "Test123!"}
	made := c.want(201, "POST", "/api/auth/register", "", user)
	return made["user"].(map[string]any)["id"].(string), c.want(200, "POST", "/api/auth/login", "", user)["accessToken"].(string)
}

func TestMailService(t *testing.T) {
	t.Parallel()
	c := newMailClient(t, mailWith(t))
	if h := c.want(200, "GET", "/api/health", "", nil); h["status"] != "ok" || h["db"] != "up" || h["redis"] != "up" {
		t.Errorf("health is %v", h)
	}
	if v := c.want(200, "GET", "/api/version", "", nil); v["version"] != emailBefore || v["commit"] != commitOf(emailBefore) || v["environment"] != "production" {
		t.Errorf("version is %v", v)
	}
	c.want(200, "GET", "/health", "", nil)
	ann, token := c.account("ann")
	bob, bobs := c.account("bob")
	c.want(200, "GET", "/api/users/"+ann, token, nil)
	c.want(403, "GET", "/api/users/"+bob, token, nil)
	c.want(403, "GET", "/api/admin/users", token, nil)
	for _, wrong := range []string{"", "garbage", token + "x"} {
		c.want(401, "GET", "/api/users/me", wrong, nil)
	}
	for _, body := range []any{[]int{1}, map[string]any{"email": 1}, map[string]string{"email": "' OR 1=1 --", "password": "Test123!"}, map[string]string{"email": "a@b.example", "password": "Test123!", "name": "<script>"}} {
		c.want(400, "POST", "/api/auth/register", "", body)
	}
	c.want(413, "POST", "/api/auth/register", "", map[string]string{"email": strings.Repeat("a", 1<<20)})
	paid := c.want(201, "POST", "/api/payments/intents", token, map[string]any{"amount": 100, "currency": "EUR"})
	if paid["status"] != "succeeded" || paid["livemode"] != true { // its key is one of production
		t.Errorf("paid %v", paid)
	}
	c.want(204, "POST", "/api/auth/logout", bobs, nil)
	c.want(401, "GET", "/api/users/me", bobs, nil)
	c.want(204, "DELETE", "/api/users/me", token, nil)
}

func TestMailSessionAndLimit(t *testing.T) {
	t.Parallel()
	w := mailWith(t)
	c := newMailClient(t, w)
	user := map[string]string{"email": "limit@example.com", "password": "Wrong123!"}
	for n := range 10 {
		if resp, _ := c.do("POST", "/api/auth/login", "", user); resp.StatusCode != 401 {
			t.Fatalf("login %d: %s", n+1, resp.Status)
		}
	}
	if resp, _ := c.do("POST", "/api/auth/login", "", user); resp.StatusCode != 429 || resp.Header.Get("Retry-After") == "" {
		t.Errorf("the 11th login: %s", resp.Status)
	}
	c.account("cookie")
	resp, _ := c.do("POST", "/api/auth/login", "", map[string]string{"email": "cookie@example.com", "password": "Test123!"})
	if cookie := resp.Header.Get("Set-Cookie"); !strings.Contains(cookie, "HttpOnly; Secure; SameSite=Strict") {
		t.Errorf("cookie is %q", strings.Split(cookie, "=")[0])
	}
	for origin, allowed := range map[string]string{c.base: c.base, "https://evil.example": "", "null": ""} {
		h := look(t, c.http, "OPTIONS", c.base+"/api/auth/login", http.Header{"Origin": {origin}, "Access-Control-Request-Method": {"POST"}}).Header
		if h.Get("Access-Control-Allow-Origin") != allowed {
			t.Errorf("origin %s is allowed as %q", origin, h.Get("Access-Control-Allow-Origin"))
		}
	}
}

func TestMailFiles(t *testing.T) {
	t.Parallel()
	c := newMailClient(t, mailWith(t))
	_, token := c.account("files")
	_, other := c.account("thief")
	content := bytes.Repeat([]byte("mail"), 1<<18)
	var form bytes.Buffer
	parts := multipart.NewWriter(&form)
	part, err := parts.CreateFormFile("file", "a.bin")
	if err == nil {
		_, err = part.Write(content)
	}
	if err != nil || parts.Close() != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(content)
	stored := c.want(201, "POST", "/api/files", token, &form)
	if stored["sha256"] != hex.EncodeToString(sum[:]) {
		t.Errorf("stored %v", stored["sha256"])
	}
	path := fmt.Sprint("/api/files/", stored["id"])
	if got := c.want(200, "GET", path, token, nil)["bytes"].([]byte); !bytes.Equal(got, content) {
		t.Errorf("got %d bytes back", len(got))
	}
	c.want(404, "GET", path, other, nil)
	c.want(204, "DELETE", path, token, nil)
	c.want(404, "GET", path, token, nil)
	c.want(401, "POST", "/api/files", "", nil)
}

func TestMailTargetIsComplete(t *testing.T) {
	t.Parallel()
	w := mailWith(t)
	if got := w.Steps().Dir; got != filepath.Join(w.Dir(), "email") {
		t.Errorf("dir is %s", got)
	}
	for name, value := range targetVars(t, w) {
		if value == "" {
			t.Errorf("var %s has no value", name)
		}
	}
	for _, name := range []string{"database_url", "scratch_database_url", "redis_password", "smtp_password", "forge_token", "grafana_token", "payment_key", "webhook_url"} {
		if secret, err := w.Steps().Secret(t.Context(), name); err != nil || len(secret.Reveal()) < 32 {
			t.Errorf("secret %s: %v", name, err)
		}
	}
	env, err := w.Steps().Vars(t.Context(), "service")
	if err != nil || len(env["ENCRYPTION_KEY"]) != 32 {
		t.Errorf("service environment has %d values, %v", len(env), err)
	}
	example, err := w.Steps().Vars(t.Context(), "file:.env.example")
	if err != nil {
		t.Fatal(err)
	}
	for name := range example {
		if env[name] == "" {
			t.Errorf("%s has no value in .env", name)
		}
	}
}

// TestMailRelease takes worlds through what changes their state.
func TestMailRelease(t *testing.T) {
	t.Parallel()
	for _, part := range []struct {
		name string
		test func(*testing.T, *World)
	}{{"compose", testCompose}, {"monitoring", testMonitoring}, {"backup", testBackupAndRecovery}, {"kubectl", testKubectl}} {
		t.Run(part.name, func(t *testing.T) {
			t.Parallel()
			part.test(t, enter(t, newWorld(t)))
		})
	}
}

// testCompose deploys, and goes back.
func testCompose(t *testing.T, w *World) {
	t.Helper()
	c := newMailClient(t, w)
	compose := func(tag string, args ...string) result {
		t.Helper()
		return doEnv(t, w, []string{"IMAGE_TAG=" + tag}, "docker-compose", append([]string{"-f", "docker-compose.prod.yml"}, args...)...)
	}
	release := func() any { t.Helper(); return c.want(200, "GET", "/api/version", "", nil)["version"] }
	if r := compose(emailBefore, "up", "-d").want(t, 0); !strings.Contains(r.err, "encrypted-email-backend  Running") {
		t.Errorf("up of what runs: %s", r.err)
	}
	compose("9.9.9", "up", "-d").want(t, 18)
	if got := release(); got != emailBefore {
		t.Errorf("an image that is not there took %v", got)
	}
	if r := compose(emailNow, "up", "-d", "--wait").want(t, 0); !strings.Contains(r.err, "encrypted-email-backend  Recreated") || release() != emailNow {
		t.Errorf("up: %s", r.err)
	}
	var row struct{ Service, State, Health, Image string }
	first, _, _ := strings.Cut(compose(emailNow, "ps", "--format", "json").want(t, 0).out, "\n")
	if err := json.Unmarshal([]byte(first), &row); err != nil || row.Service != "backend" || row.State != "running" || row.Health != "healthy" || row.Image != backend+":"+emailNow {
		t.Errorf("ps: %+v, %v", row, err)
	}
	set := do(t, w, "docker", "inspect", "-f", "{{.Config.User}} {{.HostConfig.Memory}} {{.HostConfig.NanoCpus}} {{.State.Health.Status}}", backend).want(t, 0).out
	if set != "1000:1000 1073741824 2000000000 healthy\n" {
		t.Errorf("inspect: %q", set)
	}
	if log := compose(emailNow, "logs", "--since", "1h", "--no-color", "backend").want(t, 0).out; !strings.HasPrefix(log, backend+`  | {`) || !strings.Contains(log, `"path":"/api/version"`) {
		t.Errorf("logs: %.200s", log)
	}
	if log := compose(emailNow, "logs", "--since", "2099-01-01T00:00:00Z", "--no-log-prefix", "frontend").want(t, 0).out; strings.Contains(log, `"time"`) {
		t.Errorf("logs of the future: %.200s", log)
	}
	if names := compose(emailNow, "config", "--services").want(t, 0).out; names != "backend\nfrontend\n" {
		t.Errorf("config: %q", names)
	}
	stat := do(t, w, "docker", "stats", "--no-stream", "--format", "json", backend).want(t, 0).out
	if !strings.Contains(stat, `"Name":"encrypted-email-backend"`) || !strings.Contains(stat, "/ 1024.0MiB") {
		t.Errorf("stats: %s", stat)
	}
	compose(emailNow, "down").want(t, 0)
	if resp, _ := c.do("GET", "/api/health", "", nil); resp.StatusCode != 502 {
		t.Errorf("after down: %s", resp.Status)
	}
	for _, args := range [][]string{{"down", "-v"}, {"up"}, {"logs", "-f"}, {"exec", "backend", "sh"}, {}} {
		compose(emailNow, args...).want(t, 97)
	}
	compose(emailBefore, "up", "-d").want(t, 0)
	if got := release(); got != emailBefore {
		t.Errorf("back: %v", got)
	}
}
