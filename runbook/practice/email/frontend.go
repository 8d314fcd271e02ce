package email

import (
	"fmt"
	"io"
	"net/http"
	"time"

	"runbook/runbook/practice/web"
)

// page is the frontend, as far as a deployment sees it.
const page = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Encrypted mail</title></head>
<body><h1>Encrypted mail</h1><p>Release %s</p></body>
</html>
`

// Frontend serves the page and its own health.
func Frontend(version string, faults *web.Faults, log io.Writer) http.Handler {
	app := &web.App{Metrics: web.NewMetrics(), Log: web.NewLogger(log), Faults: faults}
	started := time.Now()
	app.Route("GET /health", http.StatusOK, func(w http.ResponseWriter, _ *http.Request) {
		web.Answer(w, http.StatusOK, map[string]any{"status": "ok", "version": version, "uptime": int(time.Since(started).Seconds())})
	})
	app.Route("GET /{$}", http.StatusOK, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = fmt.Fprintf(w, page, version) // a client that left is nobody's error
	})
	return app.Handler()
}
