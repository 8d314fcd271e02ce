// Package web is what both services of the practice world answer with: the
// security headers, limits, tokens, metrics and logs that a checklist looks
// for.
package web

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// App is what the routes of one service share.
type App struct {
	Metrics *Metrics
	Log     *Logger
	Origins []string // that CORS lets in
	Faults  *Faults  // what is broken on purpose; nil is nothing
	mux     http.ServeMux
}

// Route serves a pattern of http.ServeMux; success is the code that its
// counter is declared with.
func (a *App) Route(pattern string, success int, h http.HandlerFunc) {
	a.Metrics.expect(pattern, success)
	a.mux.Handle(pattern, a.observe(pattern, h))
}

// Handler serves the routes, and says 404 for all else.
func (a *App) Handler() http.Handler {
	a.mux.Handle("/", a.observe("other", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		Refuse(w, http.StatusNotFound, fmt.Sprintf("Cannot %s %s", r.Method, r.URL.Path))
	})))
	return a.secure(&a.mux)
}

// Throttle refuses a request that came too early, and counts it.
func (a *App) Throttle(w http.ResponseWriter, wait time.Duration) {
	a.Metrics.Count("throttle_hits_total", "")
	w.Header().Set("Retry-After", fmt.Sprint(int(wait.Seconds())+1))
	Refuse(w, http.StatusTooManyRequests, "ThrottlerException: Too Many Requests")
}

// Answer writes JSON. A client that went away is nobody's error.
func Answer(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body)
}

// Refuse writes an error in the services' one shape; message is a string or a
// list of them.
func Refuse(w http.ResponseWriter, code int, message any) {
	Answer(w, code, map[string]any{"statusCode": code, "message": message, "error": http.StatusText(code)})
}

// Logger writes one JSON object a line.
type Logger struct {
	mu  sync.Mutex
	out io.Writer
}

// NewLogger writes to out.
func NewLogger(out io.Writer) *Logger { return &Logger{out: out} }

// Line writes one entry.
func (l *Logger) Line(level, message string, fields map[string]any) {
	entry := map[string]any{"time": time.Now().UTC().Format(time.RFC3339Nano), "level": level, "msg": message}
	for k, v := range fields {
		entry[k] = v
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	_ = json.NewEncoder(l.out).Encode(entry) // a full log must not stop the service
}
