package check_test

import (
	"context"
	"net"
	"testing"
	"time"

	"runbook/steps"
	"runbook/steps/check"
)

func TestTCP(t *testing.T) {
	t.Parallel()
	heard, deaf := silent(t), closedPort(t)
	for name, c := range map[string]struct {
		check   check.TCP
		verdict steps.Verdict
		reason  string
	}{
		"both as wanted":        {check.TCP{Open: []string{heard}, Closed: []string{deaf}}, steps.Pass, ""},
		"refused":               {check.TCP{Open: []string{deaf}}, steps.Fail, "connection refused, wanted open"},
		"open to the world":     {check.TCP{Closed: []string{heard}}, steps.Fail, "wanted closed"},
		"metadata":              {check.TCP{Closed: []string{"169.254.169.254:80"}}, steps.Unknown, "metadata"},
		"metadata, written v6":  {check.TCP{Open: []string{"[::ffff:169.254.169.254]:80"}}, steps.Unknown, "metadata"},
		"a name without an end": {check.TCP{Closed: []string{"nowhere.invalid:80"}}, steps.Unknown, "nowhere.invalid"},
		"no port":               {check.TCP{Open: []string{"localhost"}}, steps.Unknown, "host:port"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want(t, do(t, &c.check, noNames(world(t, nil))), c.verdict, c.reason)
		})
	}
}

// noNames is a world where no name resolves, so that no name server is asked.
func noNames(w *steps.World) *steps.World {
	direct := w.Dial
	w.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		if host, _, err := net.SplitHostPort(address); err != nil || net.ParseIP(host) == nil {
			return nil, &net.OpError{Op: "dial", Net: network, Err: &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}}
		}
		return direct(ctx, network, address)
	}
	return w
}

func TestTCPSilence(t *testing.T) {
	t.Parallel()
	w := world(t, nil)
	w.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() }
	address := []string{"192.0.2.1:80"}
	want(t, do(t, &check.TCP{Open: address, Timeout: short(20 * time.Millisecond)}, w), steps.Fail, "no answer within 20ms")
	want(t, do(t, &check.TCP{Closed: address, Timeout: short(20 * time.Millisecond)}, w), steps.Pass, "")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	want(t, (&check.TCP{Closed: address}).Do(ctx, w), steps.Unknown, "interrupted")
}
