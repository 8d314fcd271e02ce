package web

import (
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Tokens signs and reads a service's tokens (HS256).
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
	claims := jwt.MapClaims{"jti": rand.Text(), "sub": user, "use": use, "iat": now.Unix(), "exp": expires.Unix()}
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
