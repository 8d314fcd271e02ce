package email

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"runbook/runbook/practice/web"
)

// Service is one running backend. It starts without its neighbours, as health
// then says, and finds them again by itself.
type Service struct {
	web.App
	cfg     Config
	dial    web.Dialer
	pool    *pgxpool.Pool
	tokens  web.Tokens
	limit   *web.Limiter
	started time.Time
}

// New prepares a backend; Close ends it.
func New(ctx context.Context, cfg Config, dial web.Dialer, log io.Writer) (*Service, error) {
	pool, err := web.OpenPool(ctx, cfg.DSN, "encrypted-email-backend", 8, dial)
	if err != nil {
		return nil, err
	}
	s := &Service{
		App: web.App{Metrics: web.NewMetrics(), Log: web.NewLogger(log), Origins: cfg.Origins, Faults: cfg.Faults},
		cfg: cfg, dial: dial, pool: pool, started: time.Now(), limit: web.NewLimiter(cfg.LoginLimit, time.Minute),
		tokens: web.Tokens{Secret: cfg.JWTSecret, Access: AccessTTL, Refresh: 24 * time.Hour},
	}
	s.Metrics.Counter("auth_login_total", "Logins by result.", `result="success"`, `result="failure"`, `result="error"`)
	s.Metrics.Counter("files_stored_total", "Files that were uploaded.", "")
	s.Metrics.Counter("payments_total", "Payments by result.", `result="succeeded"`, `result="failed"`)
	s.Metrics.Gauge("db_pool_connections", "Connections of the pool.", func() float64 { return float64(pool.Stat().TotalConns()) })
	s.Metrics.Gauge("process_start_time_seconds", "Start of the service.", func() float64 { return float64(s.started.UnixMilli()) / 1000 })
	s.routes()
	return s, nil
}

// Close gives the connections back.
func (s *Service) Close() { s.pool.Close() }

func (s *Service) routes() {
	s.Route("GET /api/health", http.StatusOK, s.health)
	s.Route("GET /api/version", http.StatusOK, s.version)
	s.Route("POST /api/auth/register", http.StatusCreated, s.register)
	s.Route("POST /api/auth/login", http.StatusOK, s.login)
	s.Route("POST /api/auth/logout", http.StatusNoContent, s.authorized(s.logout))
	s.Route("GET /api/users/me", http.StatusOK, s.authorized(s.me))
	s.Route("DELETE /api/users/me", http.StatusNoContent, s.authorized(s.removeMe))
	s.Route("GET /api/users/{id}", http.StatusOK, s.authorized(s.user))
	s.Route("GET /api/admin/users", http.StatusForbidden, s.authorized(s.admin))
	s.Route("POST /api/files", http.StatusCreated, s.authorized(s.upload))
	s.Route("GET /api/files/{id}", http.StatusOK, s.authorized(s.download))
	s.Route("DELETE /api/files/{id}", http.StatusNoContent, s.authorized(s.removeFile))
	s.Route("POST /api/payments/intents", http.StatusCreated, s.authorized(s.pay))
	s.Route("GET /metrics", http.StatusOK, s.Metrics.Serve)
}

// health asks the neighbours, and names the one that is away.
func (s *Service) health(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 3*time.Second)
	defer cancel()
	body := map[string]any{"status": "ok", "db": "up", "redis": "up", "uptime": int(time.Since(s.started).Seconds())}
	code := http.StatusOK
	for name, err := range map[string]error{"db": s.pool.Ping(ctx), "redis": s.remember(ctx, "PING")} {
		if err != nil {
			body["status"], body[name], code = "error", "down", http.StatusServiceUnavailable
			s.Log.Line("error", name+" unreachable", map[string]any{"error": err.Error()})
		}
	}
	web.Answer(w, code, body)
}

func (s *Service) version(w http.ResponseWriter, _ *http.Request) {
	web.Answer(w, http.StatusOK, map[string]string{
		"version": s.cfg.Version, "commit": s.cfg.Commit, "environment": s.cfg.Environment, "deployedAt": s.started.UTC().Format(time.RFC3339),
	})
}

// audit logs a security event.
func (s *Service) audit(event, user string, r *http.Request) {
	s.Log.Line("info", event, map[string]any{"audit": true, "userId": user, "client": web.Client(r)})
}
