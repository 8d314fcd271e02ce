package tickr

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"runbook/runbook/practice/web"
)

// Service is one running instance. It starts without its database, as health
// then says, and finds it again by itself.
type Service struct {
	web.App
	cfg     Config
	pool    *pgxpool.Pool
	tokens  web.Tokens
	limit   *web.Limiter
	started time.Time
}

// New prepares an instance; Close ends it. The error is a DSN that can't be
// read, without its password.
func New(ctx context.Context, cfg Config, dial web.Dialer, log io.Writer) (*Service, error) {
	pool, err := web.OpenPool(ctx, cfg.DSN, "tickr-backend", 10, dial)
	if err != nil {
		return nil, err
	}
	s := &Service{
		App: web.App{Metrics: web.NewMetrics(), Log: web.NewLogger(log), Origins: cfg.Origins, Faults: cfg.Faults},
		cfg: cfg, pool: pool, started: time.Now(), limit: web.NewLimiter(cfg.LoginLimit, cfg.LoginWindow),
		tokens: web.Tokens{Secret: cfg.JWTSecret, Access: cfg.AccessTTL, Refresh: cfg.RefreshTTL},
	}
	s.Metrics.Counter("auth_login_total", "Logins by result.", `result="success"`, `result="failure"`, `result="error"`)
	s.routes()
	return s, nil
}

// Close gives the connections back.
func (s *Service) Close() { s.pool.Close() }

func (s *Service) routes() {
	s.Route("GET /api/health", http.StatusOK, s.health)
	s.Route("POST /api/auth/register", http.StatusCreated, s.register)
	s.Route("POST /api/auth/login", http.StatusOK, s.login)
	s.Route("GET /api/users/me", http.StatusOK, s.authorized(s.me))
	s.Route("DELETE /api/users/me", http.StatusNoContent, s.authorized(s.removeMe))
	s.Route("GET /metrics", http.StatusOK, s.Metrics.Serve)
}

func (s *Service) health(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 3*time.Second)
	defer cancel()
	body := map[string]any{
		"status": "ok", "version": s.cfg.Version, "environment": s.cfg.Environment, "database": "up",
		"uptime": int(time.Since(s.started).Seconds()),
	}
	code := http.StatusOK
	if err := s.pool.Ping(ctx); err != nil {
		body["status"], body["database"], code = "error", "down", http.StatusServiceUnavailable
		s.Log.Line("error", "database unreachable", map[string]any{"error": err.Error()})
	}
	web.Answer(w, code, body)
}
