package practice

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/crypto/bcrypt"

	"runbook/runbook/practice/tickr"
	"runbook/runbook/practice/typeorm"
	"runbook/runbook/practice/web"
)

// unit is one test of a suite.
type unit struct {
	name string
	test func() error
}

// runSuite prints each test as jest does; the code is 1 if a test failed.
func runSuite(sh shell, suite string, units []unit) (int, error) {
	began, failed := time.Now(), 0
	var lines strings.Builder
	for _, u := range units {
		at := time.Now()
		if err := u.test(); err != nil {
			failed++
			_, _ = fmt.Fprintf(&lines, "  ✕ %s (%d ms)\n    %v\n", u.name, time.Since(at).Milliseconds(), err)
			continue
		}
		_, _ = fmt.Fprintf(&lines, "  ✓ %s (%d ms)\n", u.name, time.Since(at).Milliseconds())
	}
	word := map[bool]string{true: "PASS", false: "FAIL"}[failed == 0]
	sh.say("%s %s\n%s\nTests:       %d failed, %d passed, %d total\nTime:        %.3f s\n",
		word, suite, lines.String(), failed, len(units)-failed, len(units), time.Since(began).Seconds())
	return min(failed, 1), nil
}

// expect is the one assertion the suites need.
func expect(ok bool, format string, args ...any) error {
	if ok {
		return nil
	}
	return fmt.Errorf(format, args...)
}

// unitTests exercise the service's own code.
func unitTests(_ context.Context, sh shell, _ []string) (int, error) {
	tokens := web.Tokens{Secret: []byte("unit-test"), Access: time.Minute, Refresh: time.Hour}
	return runSuite(sh, "the service's own code", []unit{
		{"accepts a good password", func() error {
			return expect(len(web.CheckPassword("Test123!")) == 0, "refused: %v", web.CheckPassword("Test123!"))
		}},
		{"refuses weak passwords", func() error {
			for _, weak := range []string{"", "Ab1!", "alllower1!", "NODIGITS!a", "NoSpecial11"} {
				if len(web.CheckPassword(weak)) == 0 {
					return fmt.Errorf("accepted %q", weak)
				}
			}
			return nil
		}},
		{"refuses what is no email", func() error {
			return expect(!web.CheckEmail("a@b") && web.CheckEmail("a@b.example"), "wrong answer")
		}},
		{"hashes with bcrypt", func() error {
			hash, err := bcrypt.GenerateFromPassword([]byte("Test123!"), bcrypt.MinCost)
			return errors.Join(err, bcrypt.CompareHashAndPassword(hash, []byte("Test123!")), expect(bcrypt.CompareHashAndPassword(hash, []byte("test123!")) != nil, "another password matched"))
		}},
		{"reads its own access token", func() error {
			access, _, err := tokens.Issue("u1", time.Now())
			if err != nil {
				return err
			}
			user, err := tokens.User(access)
			return errors.Join(err, expect(user == "u1", "read user %q", user))
		}},
		{"refuses refresh, expired and foreign tokens", func() error {
			_, refresh, err := tokens.Issue("u1", time.Now())
			expired, _, err2 := tokens.Issue("u1", time.Now().Add(-time.Hour))
			foreign, _, err3 := web.Tokens{Secret: []byte("other"), Access: time.Minute}.Issue("u1", time.Now())
			for _, token := range []string{refresh, expired, foreign} {
				if _, readErr := tokens.User(token); readErr == nil {
					return errors.New("accepted one")
				}
			}
			return errors.Join(err, err2, err3)
		}},
	})
}

// architectureTests hold the migration files against their conventions.
func architectureTests(_ context.Context, sh shell, _ []string) (int, error) {
	return runSuite(sh, "migration files", []unit{
		{"every migration is named after its file, and can be undone", func() error {
			wrong, err := typeorm.Lint(filepath.Join(sh.dir, "src", "migrations"))
			return errors.Join(err, expect(len(wrong) == 0, "%s", strings.Join(wrong, "\n    ")))
		}},
		{"there are migrations", func() error {
			all, err := typeorm.Read(filepath.Join(sh.dir, "src", "migrations"))
			return errors.Join(err, expect(len(all) > 0, "none found"))
		}},
	})
}

// endToEndTests start the service on a scratch port and a scratch database
// with every migration, and take one user through it.
func endToEndTests(ctx context.Context, sh shell, _ []string) (int, error) {
	env, err := readDotenv(filepath.Join(sh.dir, ".env.test"))
	if err != nil {
		return 1, err
	}
	if err := scratchDatabase(ctx, sh, env["DATABASE_URL"]); err != nil {
		sh.warn("FAIL one user, end to end\n  scratch database: %v\n", err)
		return 1, nil
	}
	cfg, err := tickr.ParseConfig(env, "test")
	if err != nil {
		return 1, err
	}
	addr, stop, err := serveTickr(ctx, sh, cfg, "0", io.Discard)
	if err != nil {
		return 1, err
	}
	defer stop()
	c := apiClient{base: "http://" + addr}
	user := map[string]string{"email": "e2e@example.com", "password": "Test123!", "firstName": "E2E"}
	var token string
	status := func(method, path string, body any, want int) func() error {
		return func() error {
			code, answer, err := c.send(ctx, method, path, token, body)
			if text, ok := answer["accessToken"].(string); ok {
				token = text
			}
			return errors.Join(err, expect(code == want, "%s %s: got %d, want %d", method, path, code, want))
		}
	}
	return runSuite(sh, "one user, end to end", []unit{
		{"is healthy", status("GET", "/api/health", nil, 200)},
		{"registers a user", status("POST", "/api/auth/register", user, 201)},
		{"refuses the same user twice", status("POST", "/api/auth/register", user, 409)},
		{"logs the user in", status("POST", "/api/auth/login", user, 200)},
		{"knows the user", status("GET", "/api/users/me", nil, 200)},
		{"removes the user", status("DELETE", "/api/users/me", nil, 204)},
	})
}

// scratchDatabase empties the test database and runs every migration in it.
func scratchDatabase(ctx context.Context, sh shell, dsn string) error {
	conn, err := sh.connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // everything was committed
	if _, err := conn.Exec(ctx, "DROP SCHEMA IF EXISTS users CASCADE; DROP TABLE IF EXISTS public.migrations"); err != nil {
		return err
	}
	all, err := typeorm.Read(filepath.Join(sh.dir, "src", "migrations"))
	if err != nil {
		return err
	}
	_, err = typeorm.Session{Conn: conn}.Run(ctx, all)
	return err
}

type apiClient struct{ base string }

func (c apiClient) send(ctx context.Context, method, path, token string, body any) (int, map[string]any, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return 0, nil, err
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(text))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	var answer map[string]any
	if resp.StatusCode != http.StatusNoContent {
		err = json.NewDecoder(resp.Body).Decode(&answer)
	}
	return resp.StatusCode, answer, err
}
