package tickr

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/crypto/bcrypt"

	"runbook/runbook/practice/web"
)

type credentials struct {
	Email     string `json:"email"`
	Password  string `json:"password"`
	FirstName string `json:"firstName"`
	LastName  string `json:"lastName"`
}

func readCredentials(w http.ResponseWriter, r *http.Request) (credentials, bool) {
	var c credentials
	ok := web.Read(w, r, &c)
	c.Email = strings.ToLower(c.Email)
	return c, ok
}

func (s *Service) register(w http.ResponseWriter, r *http.Request) {
	c, ok := readCredentials(w, r)
	if !ok {
		return
	}
	wrong := web.CheckPassword(c.Password)
	if !web.CheckEmail(c.Email) {
		wrong = append([]string{"email must be an email"}, wrong...)
	}
	if len(wrong) > 0 {
		web.Refuse(w, http.StatusBadRequest, wrong)
		return
	}
	hash, err := bcrypt.GenerateFromPassword([]byte(c.Password), s.cfg.BcryptRounds)
	if err != nil {
		s.Failed(w, "hash password", err)
		return
	}
	var id string
	err = s.pool.QueryRow(r.Context(), `INSERT INTO users.users (email, password_hash, first_name, last_name)
		VALUES ($1, $2, $3, $4) RETURNING id::text`, c.Email, string(hash), c.FirstName, c.LastName).Scan(&id)
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "23505" {
		web.Refuse(w, http.StatusConflict, "Email already registered")
		return
	}
	if err != nil {
		s.Failed(w, "register", err)
		return
	}
	s.audit(r.Context(), "user.registered", id)
	web.Answer(w, http.StatusCreated, map[string]any{"user": map[string]string{"id": id, "email": c.Email}})
}

func (s *Service) me(w http.ResponseWriter, r *http.Request, id string) {
	var email, first, last string
	err := s.pool.QueryRow(r.Context(), `SELECT email, coalesce(first_name, ''), coalesce(last_name, '')
		FROM users.users WHERE id = $1`, id).Scan(&email, &first, &last)
	if errors.Is(err, pgx.ErrNoRows) {
		web.Refuse(w, http.StatusUnauthorized, "Unauthorized")
		return
	}
	if err != nil {
		s.Failed(w, "read user", err)
		return
	}
	web.Answer(w, http.StatusOK, map[string]string{"id": id, "email": email, "firstName": first, "lastName": last})
}

func (s *Service) removeMe(w http.ResponseWriter, r *http.Request, id string) {
	if _, err := s.pool.Exec(r.Context(), `DELETE FROM users.users WHERE id = $1`, id); err != nil {
		s.Failed(w, "remove user", err)
		return
	}
	s.audit(r.Context(), "user.removed", id)
	w.WriteHeader(http.StatusNoContent)
}

// audit logs a security event, and keeps it where the release has a table for it.
func (s *Service) audit(ctx context.Context, event, user string) {
	s.Log.Line("info", event, map[string]any{"audit": true, "userId": user})
	_, err := s.pool.Exec(ctx, `INSERT INTO users.audit_events (event, user_id) VALUES ($1, $2)`, event, user)
	var pg *pgconn.PgError
	if err != nil && (!errors.As(err, &pg) || pg.Code != "42P01") {
		s.Log.Line("error", "audit event not kept", map[string]any{"error": err.Error()})
	}
}
