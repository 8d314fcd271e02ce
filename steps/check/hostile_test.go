package check_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"runbook/steps"
	"runbook/steps/check"
	"runbook/steps/safetext/hostile"
)

// harmless answers all that a result says, none of which acts on a terminal.
func harmless(t *testing.T, p hostile.Payload, r steps.Result) string {
	t.Helper()
	all := []string{r.Reason, r.Where}
	for _, e := range r.Evidence {
		all = append(all, e.Label, e.Value, e.Limit, e.Unit)
	}
	for _, text := range all {
		if bad := hostile.Foreign(text, nil); bad != "" || strings.ContainsAny(text, "\x1b\n\r") {
			t.Errorf("%s: %s came through in %q", p.Name, bad, text)
		}
	}
	return strings.Join(all, " ")
}

// arrives holds a result against a payload that was put into its way: its text
// stands in the reason, and nothing else of it.
func arrives(t *testing.T, p hostile.Payload, r steps.Result) {
	t.Helper()
	harmless(t, p, r)
	if before, _, cut := strings.Cut(p.Text, "\n"); cut && !strings.Contains(before, p.Kept) {
		return // only the first line is told
	}
	if !strings.Contains(r.Reason, p.Kept) {
		t.Errorf("%s did not arrive: %s %q %q", p.Name, r.Verdict, r.Reason, r.Evidence)
	}
}

func TestHostileCommand(t *testing.T) {
	t.Parallel()
	w := world(t, nil)
	for i, p := range hostile.Payloads() {
		name := fmt.Sprint("p", i)
		if err := os.WriteFile(filepath.Join(w.Dir, name), []byte(p.Text), 0o600); err != nil {
			t.Fatal(err)
		}
		arrives(t, p, do(t, &check.Command{Sh: "cat " + name + "; exit 1"}, w))
		arrives(t, p, do(t, &check.Command{Sh: "cat " + name + " >&2; exit 1"}, w))
	}
}

func TestHostileAnswers(t *testing.T) {
	t.Parallel()
	all := hostile.Payloads()
	base := serve(t, func(w http.ResponseWriter, q *http.Request) {
		var i int
		if _, err := fmt.Sscanf(q.URL.Path, "/%d", &i); err != nil {
			panic(err)
		}
		w.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(w, "x"+all[i].Text)
	})
	w := world(t, nil)
	for i, p := range all {
		q := get(fmt.Sprintf("%s/%d", base, i))
		q.Contains = "something else"
		arrives(t, p, do(t, &check.HTTP{Request: q}, w))
	}
}

// A server repeats the names it does not know, in its own words.
func TestHostileDatabase(t *testing.T) {
	t.Parallel()
	c := postgres(t)
	for _, p := range hostile.Payloads() {
		if strings.ContainsAny(p.Text, "\x00") || len(p.Text) > 63 {
			continue // no name holds them
		}
		r := do(t, &check.Postgres{DSN: "db", Query: "connect"}, c.asks(t, "admin", url.PathEscape(p.Text), "verify-full"))
		arrives(t, p, r)
	}
}

// What somebody else's session executes is evidence.
func TestHostileSession(t *testing.T) {
	t.Parallel()
	c := postgres(t)
	conn := c.database(t, "hostile")
	exe(t, conn, "BEGIN")
	for _, p := range hostile.Payloads() {
		if strings.Contains(p.Text, "\x00") || !utf8.ValidString(p.Text) || len(p.Text) > 100 {
			continue // no statement holds them, or only its beginning is asked for
		}
		exe(t, conn, "/* "+p.Text+" */ SELECT 1")
		r := do(t, &check.Postgres{DSN: "db", Query: "long_transactions", Max: short(time.Millisecond)}, c.asks(t, "hostile_sees", "hostile", "verify-full"))
		if said := harmless(t, p, r); !strings.Contains(said, p.Kept) {
			t.Errorf("%s did not arrive: %s", p.Name, said)
		}
	}
}
