package check

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"time"

	"runbook/steps"
	"runbook/steps/reach"
)

// TCP is check.tcp: ports that must accept a connection, and ports that must
// not, as seen from where runbook runs.
//
//	check.tcp = { open = ["${db_host}:5432"], closed = ["app.example.com:3000"] }
//
//	open     addresses "host:port" that must accept a connection
//	closed   addresses that must not: a refusal and silence are both closed
//	timeout  for each address; default "3s"
//
// pass: all are as wanted. fail: an open one refuses, is silent or does not
// resolve, or a closed one accepts. unknown: a closed one does not resolve or
// could not be tried, or the check was interrupted.
type TCP struct {
	Open    []string       `mapstructure:"open"`
	Closed  []string       `mapstructure:"closed"`
	Timeout steps.Duration `mapstructure:"timeout"`
}

// maxAddresses bounds one check: more would be a scan.
const maxAddresses = 32

// Touches is false: a connection is opened and closed.
func (c *TCP) Touches() bool { return false }

// Validate reports an empty list, too long a list, and what is no host:port.
func (c *TCP) Validate() error {
	all := append(append([]string{}, c.Open...), c.Closed...)
	if len(all) == 0 || len(all) > maxAddresses {
		return fmt.Errorf("open and closed: want 1 to %d addresses, got %d", maxAddresses, len(all))
	}
	for _, address := range all {
		if unfilled(address) {
			continue
		}
		if _, port, err := net.SplitHostPort(address); err != nil || port == "" {
			return fmt.Errorf("%q is not host:port", address)
		}
	}
	return nil
}

// Do tries all addresses at once.
func (c *TCP) Do(ctx context.Context, w *steps.World) steps.Result {
	wanted := append(append([]string{}, c.Open...), c.Closed...)
	return measure(strings.Join(wanted, ", "), func(r *steps.Result) {
		if err := c.Validate(); err != nil {
			r.Decide(steps.Unknown, "%v", err)
			return
		}
		found := make([]error, len(wanted))
		var all crew
		for i, address := range wanted {
			all.start(func() { found[i] = c.try(ctx, w, address) })
		}
		all.wait()
		r.Decide(steps.Pass, "")
		for i, address := range wanted {
			c.judge(ctx, r, address, found[i], i >= len(c.Open))
		}
	})
}

func (c *TCP) limit() time.Duration {
	if c.Timeout == 0 {
		return 3 * time.Second
	}
	return c.Timeout.D()
}

func (c *TCP) try(ctx context.Context, w *steps.World, address string) error {
	ctx, cancel := context.WithTimeout(ctx, c.limit())
	defer cancel()
	conn, err := reach.Dial(w)(ctx, "tcp", address)
	if err != nil {
		return err
	}
	// The connection was made; how it closes says nothing about the port.
	_ = conn.Close()
	return nil
}

func (c *TCP) judge(ctx context.Context, r *steps.Result, address string, err error, closed bool) {
	limit := "open"
	if closed {
		limit = "closed"
	}
	if err == nil {
		r.Saw(address, "open", limit, "")
		if closed {
			r.Worsen(steps.Fail, "%s accepts connections, wanted closed", address)
		}
		return
	}
	verdict, reason := reach.Fault(ctx, c.limit(), err)
	r.Saw(address, reason, limit, "")
	if closed && shut(ctx, err) {
		return
	}
	if closed {
		verdict = steps.Unknown
	}
	r.Worsen(verdict, "%s: %s, wanted %s", address, reason, limit)
}

// shut reports that a port is closed: it refused, or stayed silent within the
// limit. A name that does not resolve proves nothing about the port.
func shut(whole context.Context, err error) bool {
	var name *net.DNSError
	var timeout net.Error
	if whole.Err() != nil || errors.As(err, &name) || errors.Is(err, reach.ErrRefused) {
		return false
	}
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout()
}
