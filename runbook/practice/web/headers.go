package web

import (
	"net"
	"net/http"
	"slices"
	"sync/atomic"
	"time"
)

// Faults are what a practice world breaks in its services on purpose.
type Faults struct {
	Headers atomic.Bool // security headers are not sent
	Limit   atomic.Bool // limits are not in force
}

// secure sets the security headers, and answers CORS for the configured
// origins alone.
func (a *App) secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		if a.Faults == nil || !a.Faults.Headers.Load() {
			h.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
			h.Set("X-Content-Type-Options", "nosniff")
			h.Set("X-Frame-Options", "DENY")
			h.Set("Referrer-Policy", "no-referrer")
			h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
			h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
			h.Set("Cross-Origin-Opener-Policy", "same-origin")
			h.Set("Cross-Origin-Embedder-Policy", "require-corp")
			h.Set("Cross-Origin-Resource-Policy", "same-origin")
			h.Set("X-Permitted-Cross-Domain-Policies", "none")
			h.Set("Cache-Control", "no-store")
		}
		h.Add("Vary", "Origin")
		if origin := r.Header.Get("Origin"); slices.Contains(a.Origins, origin) {
			h.Set("Access-Control-Allow-Origin", origin)
			h.Set("Access-Control-Allow-Credentials", "true")
			if r.Method == http.MethodOptions {
				h.Set("Access-Control-Allow-Methods", "GET,POST,DELETE")
				h.Set("Access-Control-Allow-Headers", "Authorization,Content-Type")
			}
		}
		if r.Method == http.MethodOptions {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// observe counts, times and logs one route.
func (a *App) observe(route string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		seen := &statusWriter{ResponseWriter: w, code: http.StatusOK}
		next.ServeHTTP(seen, r)
		took := time.Since(began)
		a.Metrics.request(r.Method, route, seen.code, took)
		a.Log.Line("info", "request", map[string]any{
			"method": r.Method, "path": r.URL.Path, "status": seen.code, "durationMs": took.Milliseconds(), "client": Client(r),
		})
	})
}

type statusWriter struct {
	http.ResponseWriter
	code int
}

func (w *statusWriter) WriteHeader(code int) {
	w.code = code
	w.ResponseWriter.WriteHeader(code)
}

// Unthrottled says that limits are broken on purpose.
func (a *App) Unthrottled() bool { return a.Faults != nil && a.Faults.Limit.Load() }

// Client is whom a limit counts: the address of the connection. What stands in
// front of the services forwards no address that they would have to believe.
func Client(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
