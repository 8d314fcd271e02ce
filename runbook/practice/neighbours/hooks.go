package neighbours

import (
	"io"
	"net/http"
	"sync"
	"time"
)

// Hooks is a chat that takes messages at an address nobody can guess, and shows
// what it got.
type Hooks struct {
	token string
	mu    sync.Mutex
	got   []map[string]any
}

// NewHooks takes messages at /TOKEN.
func NewHooks(token string) *Hooks { return &Hooks{token: token} }

// ServeHTTP takes a POST, and answers a GET with what was posted.
func (h *Hooks) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/"+h.token {
		http.Error(w, "no_service", http.StatusNotFound)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	switch r.Method {
	case http.MethodGet:
		answer(w, http.StatusOK, append([]map[string]any{}, h.got...))
	case http.MethodPost:
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<16))
		if err != nil || len(body) == 0 {
			http.Error(w, "no_text", http.StatusBadRequest)
			return
		}
		h.got = append(h.got, map[string]any{"at": time.Now().UTC(), "type": r.Header.Get("Content-Type"), "body": string(body)})
		if over := len(h.got) - keptMails; over > 0 {
			h.got = h.got[over:]
		}
		_, _ = io.WriteString(w, "ok") // a client that left is nobody's error
	default:
		http.Error(w, "method", http.StatusMethodNotAllowed)
	}
}
