// Package email is the second service that the practice world deploys: accounts,
// sessions, encrypted files and payments over HTTP, on PostgreSQL and Redis. It
// is real; only its users and its bank are invented.
package email

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/bcrypt"

	"runbook/runbook/practice/web"
)

// Config is what the backend reads from its environment at start.
type Config struct {
	Version, Commit string // of the release; not from the environment
	Environment     string // NODE_ENV
	Port            string // PORT
	JWTSecret       []byte
	EncryptionKey   []byte // exactly 32 bytes
	DSN             string
	Redis           string // HOST:PORT
	RedisPassword   string
	PaymentURL      string // PAYMENT_API_URL
	PaymentKey      string // STRIPE_SECRET_KEY
	Origins         []string
	BcryptRounds    int
	LoginLimit      int         // logins of one client into one account in a minute
	Faults          *web.Faults // not from the environment
}

// AccessTTL is how long a session lasts.
const AccessTTL = 15 * time.Minute

// ParseConfig reads the environment of the backend. The error lists everything
// that is missing or wrong.
func ParseConfig(env map[string]string, version, commit string) (Config, error) {
	var wrong []error
	need := func(name string) string {
		if env[name] == "" {
			wrong = append(wrong, fmt.Errorf("%s is required", name))
		}
		return env[name]
	}
	number := func(name, standard string, low, high int) int {
		value := env[name]
		if value == "" {
			value = standard
		}
		n, err := strconv.Atoi(value)
		if err != nil || n < low || n > high {
			wrong = append(wrong, fmt.Errorf("%s must be a number from %d to %d", name, low, high))
		}
		return n
	}
	c := Config{
		Version: version, Commit: commit, Environment: need("NODE_ENV"), Port: strconv.Itoa(number("PORT", "3000", 1, 65535)),
		JWTSecret: []byte(need("JWT_SECRET")), EncryptionKey: []byte(need("ENCRYPTION_KEY")), DSN: need("DATABASE_URL"),
		Redis: net.JoinHostPort(need("REDIS_HOST"), need("REDIS_PORT")), RedisPassword: need("REDIS_PASSWORD"),
		PaymentURL: strings.TrimSuffix(need("PAYMENT_API_URL"), "/"), PaymentKey: need("STRIPE_SECRET_KEY"),
		BcryptRounds: number("BCRYPT_ROUNDS", "10", bcrypt.MinCost, bcrypt.MaxCost), LoginLimit: number("THROTTLE_LIMIT", "10", 1, 1_000_000),
	}
	if len(c.EncryptionKey) != 32 {
		wrong = append(wrong, errors.New("ENCRYPTION_KEY must have exactly 32 characters"))
	}
	if u, err := url.Parse(c.PaymentURL); err != nil || u.Host == "" {
		wrong = append(wrong, errors.New("PAYMENT_API_URL is no URL"))
	}
	c.Origins = web.Origins(env["CORS_ORIGINS"])
	return c, errors.Join(wrong...)
}
