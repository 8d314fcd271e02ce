package tickr

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Dialer opens the connections to the database; the world gives one that
// reaches nothing but its own.
type Dialer func(ctx context.Context, network, addr string) (net.Conn, error)

// Service is one running instance. It starts without its database, as health
// then says, and finds it again by itself.
type Service struct {
	cfg     Config
	pool    *pgxpool.Pool
	tokens  Tokens
	limit   *limiter
	metrics *metrics
	log     *logger
	started time.Time
}

// New prepares an instance; Close ends it. The error is a DSN that can't be
// read, without its password.
func New(ctx context.Context, cfg Config, dial Dialer, log io.Writer) (*Service, error) {
	pc, err := pgxpool.ParseConfig(cfg.DSN)
	if err != nil {
		return nil, fmt.Errorf("read the database address: %w", err)
	}
	pc.MaxConns, pc.MinConns = 10, 0
	pc.ConnConfig.ConnectTimeout = 3 * time.Second
	pc.ConnConfig.RuntimeParams["application_name"] = "tickr-backend"
	if dial != nil {
		pc.ConnConfig.DialFunc = pgconn.DialFunc(dial)
	}
	pool, err := pgxpool.NewWithConfig(ctx, pc)
	if err != nil {
		return nil, fmt.Errorf("open the connection pool: %w", err)
	}
	return &Service{
		cfg: cfg, pool: pool, log: &logger{out: log}, started: time.Now(), metrics: newMetrics(),
		tokens: Tokens{Secret: cfg.JWTSecret, Access: cfg.AccessTTL, Refresh: cfg.RefreshTTL},
		limit:  newLimiter(cfg.LoginLimit, cfg.LoginWindow),
	}, nil
}

// Close gives the connections back.
func (s *Service) Close() { s.pool.Close() }

// Handler serves every route of the service.
func (s *Service) Handler() http.Handler {
	mux := http.NewServeMux()
	route := func(pattern string, success int, h http.HandlerFunc) {
		s.metrics.expect(pattern, success)
		mux.Handle(pattern, s.observe(pattern, h))
	}
	route("GET /api/health", http.StatusOK, s.health)
	route("POST /api/auth/register", http.StatusCreated, s.register)
	route("POST /api/auth/login", http.StatusOK, s.login)
	route("GET /api/users/me", http.StatusOK, s.authorized(s.me))
	route("DELETE /api/users/me", http.StatusNoContent, s.authorized(s.removeMe))
	route("GET /metrics", http.StatusOK, s.metrics.serve)
	mux.Handle("/", s.observe("other", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		refuse(w, http.StatusNotFound, fmt.Sprintf("Cannot %s %s", r.Method, r.URL.Path))
	})))
	return s.secure(mux)
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
		s.log.line("error", "database unreachable", map[string]any{"error": err.Error()})
	}
	answer(w, code, body)
}

// answer writes JSON. A client that went away is nobody's error.
func answer(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body)
}

// refuse writes an error in the service's one shape; message is a string or a
// list of them.
func refuse(w http.ResponseWriter, code int, message any) {
	answer(w, code, map[string]any{"statusCode": code, "message": message, "error": http.StatusText(code)})
}

// logger writes one JSON object a line.
type logger struct {
	mu  sync.Mutex
	out io.Writer
}

func (l *logger) line(level, message string, fields map[string]any) {
	entry := map[string]any{"time": time.Now().UTC().Format(time.RFC3339Nano), "level": level, "msg": message}
	for k, v := range fields {
		entry[k] = v
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	_ = json.NewEncoder(l.out).Encode(entry) // a full log must not stop the service
}
