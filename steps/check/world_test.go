package check_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"runbook/steps"
	"runbook/steps/check"
)

// world is a real one that reaches loopback and the given environments.
func world(t *testing.T, sources map[string]map[string]string) *steps.World {
	t.Helper()
	return &steps.World{
		Name: "test", Clock: steps.SystemClock{}, Env: []string{"PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8"}, Dir: t.TempDir(),
		Dial: new(net.Dialer).DialContext,
		Vars: func(_ context.Context, source string) (map[string]string, error) {
			vars, ok := sources[source]
			if !ok {
				return nil, fmt.Errorf("%s: no such file", source)
			}
			return vars, nil
		},
		Secret: func(_ context.Context, name string) (steps.Secret, error) {
			value, ok := sources["secrets"][name]
			if !ok {
				return steps.Secret{}, fmt.Errorf("%s: %w", name, steps.ErrSecret)
			}
			return steps.NewSecret(value), nil
		},
	}
}

func do(t *testing.T, c check.Check, w *steps.World) steps.Result {
	t.Helper()
	began := time.Now()
	r := c.Do(t.Context(), w)
	if r.Where == "" || r.Began.Before(began) || r.Took <= 0 {
		t.Errorf("result without where, began or took: %+v", r)
	}
	if r.Verdict != steps.Pass && (r.Reason == "" || strings.ContainsAny(r.Reason, "\n\x1b")) {
		t.Errorf("%s needs a reason in one line, got %q", r.Verdict, r.Reason)
	}
	return r
}

func want(t *testing.T, r steps.Result, verdict steps.Verdict, inReason string) {
	t.Helper()
	if r.Verdict != verdict || !strings.Contains(r.Reason, inReason) {
		t.Errorf("got %s, %q; want %s, …%q…\nevidence %q", r.Verdict, r.Reason, verdict, inReason, r.Evidence)
	}
}

// never fails if any of the words stands anywhere in the result.
func never(t *testing.T, r steps.Result, words ...string) {
	t.Helper()
	all := fmt.Sprintf("%+v", r)
	for _, word := range words {
		if strings.Contains(all, word) {
			t.Errorf("%q leaked into %s", word, all)
		}
	}
}

func evidence(t *testing.T, r steps.Result, label string) steps.Evidence {
	t.Helper()
	for _, e := range r.Evidence {
		if e.Label == label {
			return e
		}
	}
	t.Errorf("no evidence %q in %+v", label, r.Evidence)
	return steps.Evidence{}
}

func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

// closedPort is an address where nobody listens: it is bound as long as the test
// runs, so that nobody else gets it.
func closedPort(t *testing.T) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	bound, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	at, ok := bound.(*syscall.SockaddrInet4)
	if !ok {
		t.Fatalf("bound to %T", bound)
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(at.Port))
}

// silent is a server that accepts and never answers.
func silent(t *testing.T) string {
	t.Helper()
	return listen(t).Addr().String()
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() }) // closedPort closed it before
	return l
}

func short(d time.Duration) steps.Duration { return steps.Duration(d) }

func TestEveryKindIsUnknownInAnEmptyWorld(t *testing.T) {
	t.Parallel()
	for name, empty := range check.Kinds {
		r := empty().Do(t.Context(), &steps.World{})
		if r.Verdict != steps.Unknown || r.Reason == "" {
			t.Errorf("%s without fields in an empty world: %s %q, want unknown with a reason", name, r.Verdict, r.Reason)
		}
	}
}

type dialFunc = func(context.Context, string, string) (net.Conn, error)

// dialInstead leads one address to another.
func dialInstead(dial dialFunc, from, to string) dialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if address == from {
			address = to
		}
		return dial(ctx, network, address)
	}
}

// holding is a world in whose directory these files of testdata lie, with texts
// replaced in pairs.
func holding(t *testing.T, replace []string, names ...string) *steps.World {
	t.Helper()
	w := world(t, nil)
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(w.Dir, name), []byte(strings.NewReplacer(replace...).Replace(string(text))), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return w
}
