package tickr

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/jackc/pgx/v5"
	"golang.org/x/crypto/bcrypt"
)

// Tokens signs and reads the service's tokens (HS256).
type Tokens struct {
	Secret          []byte
	Access, Refresh time.Duration
}

// Issue returns an access and a refresh token for a user.
func (t Tokens) Issue(user string, now time.Time) (access, refresh string, err error) {
	if access, err = t.sign(user, "access", now.Add(t.Access), now); err != nil {
		return "", "", err
	}
	refresh, err = t.sign(user, "refresh", now.Add(t.Refresh), now)
	return access, refresh, err
}

func (t Tokens) sign(user, use string, expires, now time.Time) (string, error) {
	claims := jwt.MapClaims{"sub": user, "use": use, "iat": now.Unix(), "exp": expires.Unix()}
	signed, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString(t.Secret)
	if err != nil {
		return "", fmt.Errorf("sign %s token: %w", use, err)
	}
	return signed, nil
}

// User reads an access token: the user's id, or why it is not good.
func (t Tokens) User(token string) (string, error) {
	claims := jwt.MapClaims{}
	key := func(*jwt.Token) (any, error) { return t.Secret, nil }
	if _, err := jwt.ParseWithClaims(token, claims, key, jwt.WithValidMethods([]string{"HS256"}), jwt.WithExpirationRequired()); err != nil {
		return "", fmt.Errorf("read access token: %w", err)
	}
	if claims["use"] != "access" {
		return "", errors.New("read access token: it is a refresh token")
	}
	return claims.GetSubject()
}

func (s *Service) login(w http.ResponseWriter, r *http.Request) {
	if wait := s.limit.take(client(r)); wait > 0 {
		s.metrics.throttled()
		w.Header().Set("Retry-After", fmt.Sprint(int(wait.Seconds())+1))
		refuse(w, http.StatusTooManyRequests, "ThrottlerException: Too Many Requests")
		return
	}
	c, ok := readCredentials(w, r)
	if !ok {
		return
	}
	var id, hash string
	err := s.pool.QueryRow(r.Context(), `SELECT id::text, password_hash FROM users.users WHERE email = $1`, c.Email).Scan(&id, &hash)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		s.metrics.login("error")
		s.broken(w, "login", err)
		return
	}
	if err != nil || bcrypt.CompareHashAndPassword([]byte(hash), []byte(c.Password)) != nil {
		s.metrics.login("failure")
		s.log.line("warn", "login.failed", map[string]any{"audit": true, "client": client(r)})
		refuse(w, http.StatusUnauthorized, "Invalid credentials")
		return
	}
	access, refresh, err := s.tokens.Issue(id, time.Now())
	if err != nil {
		s.metrics.login("error")
		s.broken(w, "login", err)
		return
	}
	s.metrics.login("success")
	s.audit(r.Context(), "user.login", id)
	answer(w, http.StatusOK, map[string]any{
		"accessToken": access, "refreshToken": refresh, "expiresIn": int(s.cfg.AccessTTL.Seconds()),
	})
}

// authorized passes the user's id on, or answers 401.
func (s *Service) authorized(next func(http.ResponseWriter, *http.Request, string)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		token, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		id, err := s.tokens.User(token)
		if !bearer || err != nil {
			refuse(w, http.StatusUnauthorized, "Unauthorized")
			return
		}
		next(w, r, id)
	}
}
