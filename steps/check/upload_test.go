package check_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"runbook/steps"
	"runbook/steps/check"
)

// store is a service that keeps files; wrong says what is not right with it.
type store struct {
	sync.Mutex
	files map[string][]byte
	made  int
	wrong string
}

func (s *store) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	if s.wrong == "silent" {
		_, _ = io.Copy(io.Discard, q.Body) // only then the server sees the client go
		<-q.Context().Done()
		return
	}
	s.Lock()
	defer s.Unlock()
	id := strings.TrimPrefix(q.URL.Path, "/files/")
	content, there := s.files[id]
	switch {
	case q.URL.Path == "/login" && s.wrong != "closed":
		_, _ = io.WriteString(w, `{"accessToken":"t0ken"}`)
	case q.Header.Get("Authorization") != "Bearer t0ken" || q.Header.Get("X-Tenant") != "probe":
		w.WriteHeader(http.StatusUnauthorized)
	case q.Method == http.MethodPost:
		s.take(w, q)
	case !there:
		w.WriteHeader(http.StatusNotFound)
	case q.Method == http.MethodGet:
		_, _ = w.Write(s.spoil(content))
	case q.Method == http.MethodDelete && s.wrong != "kept":
		delete(s.files, id)
		w.WriteHeader(http.StatusNoContent)
	default:
		w.WriteHeader(http.StatusMethodNotAllowed)
	}
}

func (s *store) take(w http.ResponseWriter, q *http.Request) {
	file, head, err := q.FormFile("file")
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	content, err := io.ReadAll(file)
	if err != nil || head.Size != int64(len(content)) || s.wrong == "full" {
		w.WriteHeader(http.StatusInsufficientStorage)
		return
	}
	s.made++
	id := fmt.Sprintf("f1le-%d", s.made)
	s.files[id] = content
	w.WriteHeader(http.StatusCreated)
	if s.wrong == "no id" {
		_, _ = io.WriteString(w, `{}`)
		return
	}
	_, _ = fmt.Fprintf(w, `{"file":{"id":%q},"size":%d}`, id, len(content))
}

func (s *store) spoil(content []byte) []byte {
	spoilt := append([]byte{}, content...)
	switch s.wrong {
	case "a bit":
		spoilt[len(spoilt)/2] ^= 1
	case "cut":
		return spoilt[:len(spoilt)-1]
	case "more":
		return append(spoilt, 'x')
	case "constant":
		return []byte(strings.Repeat("x", len(content)))
	}
	return spoilt
}

func TestUpload(t *testing.T) {
	t.Parallel()
	login := func(c *check.Upload) {
		c.Before = []check.Request{{URL: strings.Replace(c.URL, "/files", "/login", 1), Method: "POST", Capture: map[string]string{"t": "accessToken"}}}
		c.Headers["Authorization"], c.Bearer = "Bearer {{t}}", ""
	}
	for name, c := range map[string]struct {
		wrong   string
		change  func(*check.Upload)
		verdict steps.Verdict
		reason  string
		left    int
	}{
		"right":           {"", nil, steps.Pass, "", 0},
		"large":           {"", func(c *check.Upload) { c.Size = "9MiB" }, steps.Pass, "", 0},
		"a bit":           {"a bit", nil, steps.Fail, "other bytes came back", 0},
		"cut":             {"cut", nil, steps.Fail, "1048575 of 1048576 bytes came back", 0},
		"more":            {"more", nil, steps.Fail, "more than the 1048576 bytes", 0},
		"constant":        {"constant", nil, steps.Fail, "other bytes came back", 0},
		"full":            {"full", nil, steps.Fail, "upload status 507, wanted 200 201", 0},
		"no id":           {"no id", nil, steps.Fail, "no file.id to capture", 1},
		"kept":            {"kept", nil, steps.Warn, "could not be deleted: status 405", 1},
		"deleted there":   {"", func(c *check.Upload) { c.Delete = strings.Replace(c.Download, "/files/", "/nowhere/", 1) }, steps.Warn, "could not be deleted: status 404", 1},
		"another field":   {"", func(c *check.Upload) { c.Field = "upload" }, steps.Fail, "upload status 400", 0},
		"too slow":        {"", func(c *check.Upload) { c.Max = 1 }, steps.Fail, "wanted within 1ns", 0},
		"in time":         {"", func(c *check.Upload) { c.Max = short(time.Minute) }, steps.Pass, "", 0},
		"not signed":      {"", func(c *check.Upload) { c.Bearer = "" }, steps.Fail, "upload status 401", 0},
		"logged in":       {"", login, steps.Pass, "", 0},
		"login refused":   {"closed", login, steps.Fail, "before 1 POST status 401", 0},
		"no secret":       {"", func(c *check.Upload) { c.Bearer = "none" }, steps.Unknown, "secret not available", 0},
		"silent":          {"silent", func(c *check.Upload) { c.Timeout = short(100 * time.Millisecond) }, steps.Fail, "sending: no answer within 100ms", 0},
		"another origin":  {"", func(c *check.Upload) { c.Download = "http://127.0.0.1:1/files/{{id}}" }, steps.Unknown, "may not go to", 1},
		"nothing to find": {"", func(c *check.Upload) { c.Download = "http://127.0.0.1:1/files" }, steps.Unknown, "wants {{id}}", 0},
		"too large":       {"", func(c *check.Upload) { c.Size = "1GiB" }, steps.Unknown, "no size from 1 to 256MiB", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			service := &store{files: map[string][]byte{}, wrong: c.wrong}
			server := httptest.NewServer(service)
			t.Cleanup(server.Close)
			probe := &check.Upload{
				URL: server.URL + "/files", Download: server.URL + "/files/{{id}}", ID: "file.id",
				Headers: map[string]string{"X-Tenant": "probe"}, Bearer: "token",
			}
			if c.change != nil {
				c.change(probe)
			}
			r := do(t, probe, world(t, map[string]map[string]string{"secrets": {"token": "t0ken"}}))
			want(t, r, c.verdict, c.reason)
			never(t, r, "t0ken", "f1le-")
			service.Lock()
			defer service.Unlock()
			if len(service.files) != c.left {
				t.Errorf("%d files are left, want %d", len(service.files), c.left)
			}
		})
	}
}

// What was stored is deleted, also for one who leaves.
func TestUploadInterrupted(t *testing.T) {
	t.Parallel()
	service := &store{files: map[string][]byte{}}
	ctx, cancel := context.WithCancel(t.Context())
	base := serve(t, func(w http.ResponseWriter, q *http.Request) {
		if q.Method == http.MethodGet {
			cancel()
			<-q.Context().Done()
			return
		}
		service.ServeHTTP(w, q)
	})
	c := &check.Upload{URL: base + "/files", Download: base + "/files/{{id}}", ID: "file.id", Headers: map[string]string{"X-Tenant": "probe", "Authorization": "Bearer t0ken"}}
	want(t, c.Do(ctx, world(t, nil)), steps.Unknown, "fetching: interrupted")
	service.Lock()
	defer service.Unlock()
	if service.made != 1 || len(service.files) != 0 {
		t.Errorf("%d files were made, %d are left", service.made, len(service.files))
	}
	want(t, do(t, &check.Upload{URL: "http://" + closedPort(t), Download: "http://x/{{id}}"}, world(t, nil)), steps.Fail, "connection refused")
}

func TestUploadFields(t *testing.T) {
	t.Parallel()
	c := decode[*check.Upload](t, "upload", map[string]any{
		"url": "${base_url}/api/files", "field": "file", "size": "${size}", "id": "id", "download": "${base_url}/api/files/{{id}}", "max": "10s",
		"delete": "${base_url}/api/files/{{id}}", "headers": map[string]any{"X-A": "b"}, "bearer": "token", "status": []int64{201}, "timeout": "30s",
		"before": []map[string]any{{"url": "${base_url}/login", "method": "POST"}},
	})
	if !c.Touches() || len(check.SecretVars(c)) != 1 || c.Plan()[0] != "POST ${base_url}/login" || c.Plan()[1] != "POST ${base_url}/api/files with a file of ${size}" {
		t.Errorf("upload: %+v %q", c, c.Plan())
	}
}
