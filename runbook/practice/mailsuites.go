package practice

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"runbook/runbook/practice/email"
	"runbook/runbook/practice/web"
)

// mailScripts are the npm scripts of the second application.
func mailScripts() map[string]script {
	return map[string]script{
		"test": mailTests, "lint": lint, "type-check": typeCheck, "build": build, "test:performance": performanceTest, "typeorm": typeormTool,
		"migration:run": migrationScript("migration:run"), "migration:revert": migrationScript("migration:revert"),
	}
}

// mailTests exercise the second service's own code.
func mailTests(_ context.Context, sh shell, _ []string) (int, error) {
	key := bytes.Repeat([]byte("k"), 32)
	return runSuite(sh, "the service's own code", []unit{
		{"opens what it sealed", func() error {
			sealed, err := email.Seal(key, []byte("a letter"))
			if err != nil {
				return err
			}
			plain, err := email.Open(key, sealed)
			return errors.Join(err, expect(string(plain) == "a letter" && !bytes.Contains(sealed, plain), "got %q", plain))
		}},
		{"opens nothing with another key, or what was changed", func() error {
			sealed, err := email.Seal(key, []byte("a letter"))
			if err != nil {
				return err
			}
			_, other := email.Open(bytes.Repeat([]byte("x"), 32), sealed)
			sealed[len(sealed)-1] ^= 1
			_, changed := email.Open(key, sealed)
			return expect(other != nil && changed != nil, "accepted one")
		}},
		{"refuses an encryption key that is too short", func() error {
			_, err := email.ParseConfig(map[string]string{"ENCRYPTION_KEY": "short"}, "test", "")
			return expect(err != nil, "accepted it")
		}},
		{"issues a token for a quarter of an hour", func() error {
			tokens := web.Tokens{Secret: key, Access: email.AccessTTL}
			late, _, err := tokens.Issue("u1", time.Now().Add(-email.AccessTTL-time.Second))
			if err != nil {
				return err
			}
			_, err = tokens.User(late)
			return expect(err != nil, "accepted it a second too late")
		}},
	})
}

// performanceRequests go to staging, four at once.
const performanceRequests = 60

// performance is what the performance test writes to performance.json.
type performance struct {
	Requests  int     `json:"requests"`
	ErrorRate float64 `json:"errorRate"` // percent
	Mean      float64 `json:"mean"`      // milliseconds
	P95       float64 `json:"p95"`
	P99       float64 `json:"p99"`
}

// performanceTest loads staging for a moment and writes what it took.
func performanceTest(ctx context.Context, sh shell, _ []string) (int, error) {
	env, err := readDotenv(filepath.Join(sh.dir, ".env.staging"))
	if err != nil {
		return 1, err
	}
	world := sh.world.Steps()
	transport := &http.Transport{DialContext: world.Dial, TLSClientConfig: &tls.Config{RootCAs: world.Roots, MinVersion: tls.VersionTLS12}, MaxIdleConnsPerHost: 4}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: 10 * time.Second}
	took, failed := make([]float64, performanceRequests), make([]bool, performanceRequests)
	var group sync.WaitGroup
	for worker := range 4 {
		group.Go(func() {
			for i := worker; i < performanceRequests; i += 4 {
				began := time.Now()
				failed[i] = ask(ctx, client, env["APP_URL"]+"/api/version") != nil
				took[i] = float64(time.Since(began).Microseconds()) / 1000
			}
		})
	}
	group.Wait()
	result := measured(took, failed)
	text, err := json.MarshalIndent(result, "", "  ")
	if err != nil {
		return 1, err
	}
	sh.say("%s\n", text)
	if err := os.WriteFile(filepath.Join(sh.dir, "performance.json"), append(text, '\n'), 0o600); err != nil {
		return 1, err
	}
	if result.ErrorRate > 0 {
		return 1, nil
	}
	return 0, nil
}

func ask(ctx context.Context, client *http.Client, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req) // #nosec G704 -- the world's own staging
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // its code is all we want
	return expect(resp.StatusCode == http.StatusOK, "%s", resp.Status)
}

func measured(took []float64, failed []bool) performance {
	p := performance{Requests: len(took)}
	for i, ms := range took {
		p.Mean += ms / float64(len(took))
		if failed[i] {
			p.ErrorRate += 100 / float64(len(took))
		}
	}
	slices.Sort(took)
	p.P95, p.P99 = took[len(took)*95/100], took[len(took)*99/100]
	return p
}
