// Package tickr is the service that the practice world deploys: registration
// and login over HTTP, on PostgreSQL, with the bcrypt, tokens, rate limit,
// headers, metrics and logs that a checklist looks for. It is real; only its
// users are invented.
package tickr

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

// Config is what the service reads from its environment at start.
type Config struct {
	Version      string // of the release; not from the environment
	Environment  string // NODE_ENV
	Port         string // PORT
	JWTSecret    []byte
	AccessTTL    time.Duration
	RefreshTTL   time.Duration
	BcryptRounds int
	DSN          string
	Origins      []string // CORS_ORIGINS, comma separated
	LoginLimit   int      // logins of one client in LoginWindow
	LoginWindow  time.Duration
	Faults       *web.Faults // not from the environment
}

// ParseConfig reads the environment of the service. The error lists
// everything that is missing or wrong, as the service logs it before it exits.
func ParseConfig(env map[string]string, version string) (Config, error) {
	var wrong []error
	c := Config{
		Version: version, Environment: fallback(env["NODE_ENV"], "development"), Port: fallback(env["PORT"], "3000"),
		JWTSecret: []byte(env["JWT_SECRET"]), DSN: dsn(env), LoginWindow: time.Minute,
	}
	number := func(name, standard string, low, high int) int {
		n, err := strconv.Atoi(fallback(env[name], standard))
		if err != nil || n < low || n > high {
			wrong = append(wrong, fmt.Errorf("%s must be a number from %d to %d", name, low, high))
		}
		return n
	}
	period := func(name, standard string) time.Duration {
		d, err := parsePeriod(fallback(env[name], standard))
		if err != nil {
			wrong = append(wrong, fmt.Errorf("%s must be a duration such as 15m or 7d", name))
		}
		return d
	}
	if len(c.JWTSecret) == 0 {
		wrong = append(wrong, errors.New("JWT_SECRET is required"))
	}
	if c.DSN == "" {
		wrong = append(wrong, errors.New("DATABASE_URL, or DB_HOST with DB_USERNAME and DB_NAME, is required"))
	}
	c.AccessTTL = period("JWT_ACCESS_EXPIRATION", "15m")
	c.RefreshTTL = period("JWT_REFRESH_EXPIRATION", "7d")
	c.BcryptRounds = number("BCRYPT_ROUNDS", "10", bcrypt.MinCost, bcrypt.MaxCost)
	c.LoginLimit = number("THROTTLE_LIMIT", "100", 1, 1_000_000)
	number("PORT", "3000", 1, 65535)
	c.Origins = web.Origins(env["CORS_ORIGINS"])
	return c, errors.Join(wrong...)
}

// dsn prefers DATABASE_URL; without it the address is put together from DB_*.
func dsn(env map[string]string) string {
	if env["DATABASE_URL"] != "" {
		return env["DATABASE_URL"]
	}
	if env["DB_HOST"] == "" || env["DB_USERNAME"] == "" || env["DB_NAME"] == "" {
		return ""
	}
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(env["DB_USERNAME"], env["DB_PASSWORD"]),
		Host: net.JoinHostPort(env["DB_HOST"], fallback(env["DB_PORT"], "5432")), Path: env["DB_NAME"],
	}
	if env["DB_SSL_CA"] != "" {
		u.RawQuery = url.Values{"sslmode": {"verify-full"}, "sslrootcert": {env["DB_SSL_CA"]}}.Encode()
	}
	return u.String()
}

// parsePeriod reads what jsonwebtoken reads of it: Go's durations and days.
func parsePeriod(s string) (time.Duration, error) {
	if days, isDays := strings.CutSuffix(s, "d"); isDays {
		n, err := strconv.Atoi(days)
		return time.Duration(n) * 24 * time.Hour, err
	}
	return time.ParseDuration(s)
}

func fallback(value, standard string) string {
	if value == "" {
		return standard
	}
	return value
}
