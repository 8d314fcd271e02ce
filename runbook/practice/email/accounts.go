package email

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/crypto/bcrypt"

	"runbook/runbook/practice/web"
)

type credentials struct {
	Email    string `json:"email"`
	Password string `json:"password"`
	Name     string `json:"name"`
}

func (c *credentials) wrong() []string {
	lacks := web.CheckPassword(c.Password)
	if !web.CheckEmail(c.Email) {
		lacks = append([]string{"email must be an email"}, lacks...)
	}
	if len(c.Name) > 100 || strings.ContainsAny(c.Name, "<>") {
		lacks = append(lacks, "name must be text of at most 100 characters, without < and >")
	}
	return lacks
}

func (s *Service) register(w http.ResponseWriter, r *http.Request) {
	var c credentials
	if !web.Read(w, r, &c) {
		return
	}
	c.Email = strings.ToLower(c.Email)
	if wrong := c.wrong(); len(wrong) > 0 {
		web.Refuse(w, http.StatusBadRequest, wrong)
		return
	}
	hash, err := bcrypt.GenerateFromPassword([]byte(c.Password), s.cfg.BcryptRounds)
	if err != nil {
		s.Failed(w, "hash password", err)
		return
	}
	var id string
	err = s.pool.QueryRow(r.Context(), `INSERT INTO users.users (email, password_hash, first_name) VALUES ($1, $2, $3) RETURNING id::text`,
		c.Email, string(hash), c.Name).Scan(&id)
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "23505" {
		web.Refuse(w, http.StatusConflict, "Email already registered")
		return
	}
	if err != nil {
		s.Failed(w, "register", err)
		return
	}
	s.audit("user.registered", id, r)
	web.Answer(w, http.StatusCreated, map[string]any{"user": map[string]string{"id": id, "email": c.Email}})
}

// login is limited for each client and account, so that one account's flood
// locks nobody else out.
func (s *Service) login(w http.ResponseWriter, r *http.Request) {
	var c credentials
	if !web.Read(w, r, &c) {
		return
	}
	c.Email = strings.ToLower(c.Email)
	if wait := s.limit.Take(web.Client(r) + " " + c.Email); wait > 0 && !s.Unthrottled() {
		s.Throttle(w, wait)
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
		s.audit("login.failed", "", r)
		web.Refuse(w, http.StatusUnauthorized, "Invalid credentials")
		return
	}
	access, _, err := s.tokens.Issue(id, time.Now())
	if err != nil {
		s.Failed(w, "login", err)
		return
	}
	s.Metrics.Count("auth_login_total", `result="success"`)
	s.audit("user.login", id, r)
	http.SetCookie(w, &http.Cookie{
		Name: "session", Value: access, Path: "/", MaxAge: int(AccessTTL.Seconds()), Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
	web.Answer(w, http.StatusOK, map[string]any{"accessToken": access, "expiresIn": int(AccessTTL.Seconds())})
}

// bearer is the token of a request, from its header or its cookie.
func bearer(r *http.Request) string {
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		return token
	}
	if c, err := r.Cookie("session"); err == nil {
		return c.Value
	}
	return ""
}

// revoked is the key of a token that was logged out: its digest.
func revoked(token string) string {
	sum := sha256.Sum256([]byte(token))
	return "revoked:" + hex.EncodeToString(sum[:])
}

// authorized passes the user's id on; 401 without a token that is good and was
// not logged out. Where Redis can't say the latter, nobody gets in.
func (s *Service) authorized(next func(http.ResponseWriter, *http.Request, string)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		token := bearer(r)
		id, err := s.tokens.User(token)
		if err != nil {
			web.Refuse(w, http.StatusUnauthorized, "Unauthorized")
			return
		}
		switch err := s.remember(r.Context(), "GET", revoked(token)); {
		case err == nil:
			web.Refuse(w, http.StatusUnauthorized, "Unauthorized")
		case errors.Is(err, errAbsent):
			next(w, r, id)
		default:
			s.Failed(w, "look up the session", err)
		}
	}
}

func (s *Service) logout(w http.ResponseWriter, r *http.Request, id string) {
	if err := s.remember(r.Context(), "SET", revoked(bearer(r)), "1", "EX", "900"); err != nil {
		s.Failed(w, "log out", err)
		return
	}
	s.audit("user.logout", id, r)
	http.SetCookie(w, &http.Cookie{Name: "session", Path: "/", MaxAge: -1, Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode})
	w.WriteHeader(http.StatusNoContent)
}

func (s *Service) me(w http.ResponseWriter, r *http.Request, id string) {
	var email, name string
	err := s.pool.QueryRow(r.Context(), `SELECT email, coalesce(first_name, '') FROM users.users WHERE id = $1`, id).Scan(&email, &name)
	if errors.Is(err, pgx.ErrNoRows) {
		web.Refuse(w, http.StatusUnauthorized, "Unauthorized")
		return
	}
	if err != nil {
		s.Failed(w, "read user", err)
		return
	}
	web.Answer(w, http.StatusOK, map[string]string{"id": id, "email": email, "name": name})
}

// user shows nobody but oneself.
func (s *Service) user(w http.ResponseWriter, r *http.Request, id string) {
	if r.PathValue("id") != id {
		s.audit("access.denied", id, r)
		web.Refuse(w, http.StatusForbidden, "Forbidden resource")
		return
	}
	s.me(w, r, id)
}

// admin is for a role that nobody gets over this API.
func (s *Service) admin(w http.ResponseWriter, r *http.Request, id string) {
	s.audit("access.denied", id, r)
	web.Refuse(w, http.StatusForbidden, "Forbidden resource")
}

func (s *Service) removeMe(w http.ResponseWriter, r *http.Request, id string) {
	if _, err := s.pool.Exec(r.Context(), `DELETE FROM users.users WHERE id = $1`, id); err != nil {
		s.Failed(w, "remove user", err)
		return
	}
	s.audit("user.removed", id, r)
	w.WriteHeader(http.StatusNoContent)
}
