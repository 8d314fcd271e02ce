package tickr

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/mail"
	"strings"
	"unicode"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/crypto/bcrypt"
)

// CheckPassword says what a password lacks, one line each; none if it is good.
func CheckPassword(password string) []string {
	var upper, lower, digit, special bool
	for _, r := range password {
		switch {
		case unicode.IsUpper(r):
			upper = true
		case unicode.IsLower(r):
			lower = true
		case unicode.IsDigit(r):
			digit = true
		default:
			special = true
		}
	}
	var lacks []string
	if len([]rune(password)) < 8 {
		lacks = append(lacks, "password must be longer than or equal to 8 characters")
	}
	if len(password) > 72 {
		lacks = append(lacks, "password must be shorter than or equal to 72 bytes")
	}
	if !upper || !lower || !digit || !special {
		lacks = append(lacks, "password must contain an upper case letter, a lower case letter, a digit and a special character")
	}
	return lacks
}

// CheckEmail says whether an address is one, bare and with a domain.
func CheckEmail(email string) bool {
	a, err := mail.ParseAddress(email)
	return err == nil && a.Address == email && strings.Contains(email[strings.LastIndex(email, "@"):], ".")
}

type credentials struct {
	Email     string `json:"email"`
	Password  string `json:"password"`
	FirstName string `json:"firstName"`
	LastName  string `json:"lastName"`
}

func readCredentials(w http.ResponseWriter, r *http.Request) (credentials, bool) {
	var c credentials
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16)).Decode(&c); err != nil {
		refuse(w, http.StatusBadRequest, []string{"body must be a JSON object"})
		return c, false
	}
	c.Email = strings.ToLower(c.Email)
	return c, true
}

func (s *Service) register(w http.ResponseWriter, r *http.Request) {
	c, ok := readCredentials(w, r)
	if !ok {
		return
	}
	wrong := CheckPassword(c.Password)
	if !CheckEmail(c.Email) {
		wrong = append([]string{"email must be an email"}, wrong...)
	}
	if len(wrong) > 0 {
		refuse(w, http.StatusBadRequest, wrong)
		return
	}
	hash, err := bcrypt.GenerateFromPassword([]byte(c.Password), s.cfg.BcryptRounds)
	if err != nil {
		s.broken(w, "hash password", err)
		return
	}
	var id string
	err = s.pool.QueryRow(r.Context(), `INSERT INTO users.users (email, password_hash, first_name, last_name)
		VALUES ($1, $2, $3, $4) RETURNING id::text`, c.Email, string(hash), c.FirstName, c.LastName).Scan(&id)
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "23505" {
		refuse(w, http.StatusConflict, "Email already registered")
		return
	}
	if err != nil {
		s.broken(w, "register", err)
		return
	}
	s.audit(r.Context(), "user.registered", id)
	answer(w, http.StatusCreated, map[string]any{"user": map[string]string{"id": id, "email": c.Email}})
}

func (s *Service) me(w http.ResponseWriter, r *http.Request, id string) {
	var email, first, last string
	err := s.pool.QueryRow(r.Context(), `SELECT email, coalesce(first_name, ''), coalesce(last_name, '')
		FROM users.users WHERE id = $1`, id).Scan(&email, &first, &last)
	if errors.Is(err, pgx.ErrNoRows) {
		refuse(w, http.StatusUnauthorized, "Unauthorized")
		return
	}
	if err != nil {
		s.broken(w, "read user", err)
		return
	}
	answer(w, http.StatusOK, map[string]string{"id": id, "email": email, "firstName": first, "lastName": last})
}

func (s *Service) removeMe(w http.ResponseWriter, r *http.Request, id string) {
	if _, err := s.pool.Exec(r.Context(), `DELETE FROM users.users WHERE id = $1`, id); err != nil {
		s.broken(w, "remove user", err)
		return
	}
	s.audit(r.Context(), "user.removed", id)
	w.WriteHeader(http.StatusNoContent)
}

// audit logs a security event, and keeps it where the release has a table for it.
func (s *Service) audit(ctx context.Context, event, user string) {
	s.log.line("info", event, map[string]any{"audit": true, "userId": user})
	_, err := s.pool.Exec(ctx, `INSERT INTO users.audit_events (event, user_id) VALUES ($1, $2)`, event, user)
	var pg *pgconn.PgError
	if err != nil && (!errors.As(err, &pg) || pg.Code != "42P01") {
		s.log.line("error", "audit event not kept", map[string]any{"error": err.Error()})
	}
}

// broken answers for a database that is away (503) or an error of ours (500).
func (s *Service) broken(w http.ResponseWriter, doing string, err error) {
	s.log.line("error", doing, map[string]any{"error": err.Error()})
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		refuse(w, http.StatusInternalServerError, "Internal server error")
		return
	}
	refuse(w, http.StatusServiceUnavailable, "Service Unavailable")
}
