package tickr

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/crypto/bcrypt"

	"runbook/runbook/practice/web"
)

// login is limited for each client and account, so that a flood with one
// account locks nobody else out.
func (s *Service) login(w http.ResponseWriter, r *http.Request) {
	c, ok := readCredentials(w, r)
	if !ok {
		return
	}
	if wait := s.limit.Take(web.Client(r) + " " + c.Email); wait > 0 && !s.Unthrottled() {
		s.Throttle(w, wait)
		return
	}
	if c.Email == "" || c.Password == "" {
		web.Refuse(w, http.StatusBadRequest, "email and password are wanted")
		return
	}
	var id, hash string
	err := s.pool.QueryRow(r.Context(), `SELECT id::text, password_hash FROM users.users WHERE email = $1`, c.Email).Scan(&id, &hash)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		s.Metrics.Count("auth_login_total", `result="error"`)
		s.Failed(w, "login", err)
		return
	}
	if err != nil || bcrypt.CompareHashAndPassword([]byte(hash), []byte(c.Password)) != nil {
		s.Metrics.Count("auth_login_total", `result="failure"`)
		s.Log.Line("warn", "login.failed", map[string]any{"audit": true, "client": web.Client(r)})
		web.Refuse(w, http.StatusUnauthorized, "Invalid credentials")
		return
	}
	access, refresh, err := s.tokens.Issue(id, time.Now())
	if err != nil {
		s.Metrics.Count("auth_login_total", `result="error"`)
		s.Failed(w, "login", err)
		return
	}
	s.Metrics.Count("auth_login_total", `result="success"`)
	s.audit(r.Context(), "user.login", id)
	web.Answer(w, http.StatusOK, map[string]any{
		"accessToken": access, "refreshToken": refresh, "expiresIn": int(s.cfg.AccessTTL.Seconds()),
	})
}

// authorized passes the user's id on, or answers 401.
func (s *Service) authorized(next func(http.ResponseWriter, *http.Request, string)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		token, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		id, err := s.tokens.User(token)
		if !bearer || err != nil {
			web.Refuse(w, http.StatusUnauthorized, "Unauthorized")
			return
		}
		next(w, r, id)
	}
}
