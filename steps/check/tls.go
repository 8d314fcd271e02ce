package check

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"runbook/steps"
	"runbook/steps/reach"
)

// TLS is check.tls: what a server shows of itself to those who connect: its
// certificate, the chain it sends, and which versions of TLS it speaks.
//
//	check.tls = { address = "${domain}:443", days = "14", min_version = "1.2" }
//
//	address      "host:port"
//	name         the name that is asked for (SNI), and that the certificate must
//	             be for; default the host of address
//	starttls     "smtp": TLS begins after a mail server's greeting
//	days         the certificate must hold at least this long; default "14"
//	warn_days    shorter than this warns; default "30"
//	min_version  "1.2" (default) or "1.3": at least this is spoken
//	refuse       versions that must be refused, each is tried; default all below
//	             min_version
//	timeout      for each connection; default "10s"
//
// The chain is verified as a client without any intermediate certificates of
// its own does it: one that the server does not send is missing. What certificate
// of the chain ends first is the end. Revocation is not asked for.
//
// pass: the chain leads to a root that is trusted here, the name and the times
// are right, the versions are as wanted. warn: fewer than warn_days are left,
// or a cipher is accepted that is known to be weak. fail: one is not as wanted,
// or the server refuses, is silent or speaks no TLS. unknown: a version could
// not be tried, or the check was interrupted.
type TLS struct {
	Address    string         `mapstructure:"address"`
	Name       string         `mapstructure:"name"`
	StartTLS   string         `mapstructure:"starttls"`
	Days       string         `mapstructure:"days"`
	WarnDays   string         `mapstructure:"warn_days"`
	MinVersion string         `mapstructure:"min_version"`
	Refuse     []string       `mapstructure:"refuse"`
	Timeout    steps.Duration `mapstructure:"timeout"`
}

// versionsOfTLS are those that can be tried: no client of today still speaks SSL.
var versionsOfTLS = map[string]uint16{"1.0": tls.VersionTLS10, "1.1": tls.VersionTLS11, "1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}

// Touches is false: connections are opened and closed, nothing is asked for.
func (c *TLS) Touches() bool { return false }

// Validate reports what is no host:port, no version and no number.
func (c *TLS) Validate() error {
	if c.Address == "" {
		return errors.New("address: missing")
	}
	if _, port, err := net.SplitHostPort(c.Address); !unfilled(c.Address) && (err != nil || port == "") {
		return fmt.Errorf("address: %q is not host:port", c.Address)
	}
	if c.StartTLS != "" && c.StartTLS != "smtp" && !unfilled(c.StartTLS) {
		return fmt.Errorf("starttls: %q is not smtp", c.StartTLS)
	}
	for _, version := range append(slices.Clone(c.Refuse), c.leastVersion()) {
		if versionsOfTLS[version] == 0 && !unfilled(version) {
			return fmt.Errorf("%q is no version of TLS: want 1.0, 1.1, 1.2 or 1.3", version)
		}
	}
	return validDays(c.Days, c.WarnDays)
}

func (c *TLS) leastVersion() string {
	if c.MinVersion == "" {
		return "1.2"
	}
	return c.MinVersion
}

// refused are the versions to try.
func (c *TLS) refused() []string {
	if c.Refuse != nil {
		return c.Refuse
	}
	return slices.DeleteFunc(sortedKeys(versionsOfTLS), func(v string) bool { return v >= c.leastVersion() })
}

func (c *TLS) limit() time.Duration {
	if c.Timeout == 0 {
		return 10 * time.Second
	}
	return c.Timeout.D()
}

// name is what the certificate must be for.
func (c *TLS) name() string {
	if c.Name != "" {
		return c.Name
	}
	host, _, err := net.SplitHostPort(c.Address)
	if err != nil {
		return c.Address
	}
	return host
}

// Do connects once to see, and once for each version, and for weak ciphers.
func (c *TLS) Do(ctx context.Context, w *steps.World) steps.Result {
	where := outside(c.Address)
	if c.Name != "" {
		where += " as " + outside(c.Name)
	}
	return measure(where, func(r *steps.Result) {
		if err := c.Validate(); err != nil {
			r.Decide(steps.Unknown, "%v", err)
			return
		}
		r.Decide(steps.Pass, "")
		first := c.shake(ctx, w, tls.VersionTLS10, tls.VersionTLS13, everyCipher())
		if len(first.chain) == 0 {
			verdict, reason := reach.Fault(ctx, c.limit(), first.err)
			if errors.Is(first.err, errMail) {
				verdict, reason = steps.Fail, first.err.Error()
			}
			r.Decide(verdict, "%s", reason)
			return
		}
		c.judgeCertificate(r, first)
		c.judgeVersions(ctx, w, r, first)
		c.judgeCiphers(ctx, w, r, first)
	})
}

// judgeCertificate holds what the server sent against name, times and roots.
func (c *TLS) judgeCertificate(r *steps.Result, first handshake) {
	leaf := first.chain[0]
	judgeDays(r, soonest(first.verified, leaf), c.Days, c.WarnDays)
	judgeNames(r, leaf, []string{c.name()})
	trusted := len(first.verified) > 0 // a server that then wants ours may still refuse
	if !trusted {
		_, reason := reach.Fault(context.Background(), c.limit(), first.err)
		r.Worsen(steps.Fail, "%s%s", reason, whyUntrusted(first))
	}
	r.Saw("trusted", yesNo(trusted), "yes", "")
	r.Saw("chain", fmt.Sprint(len(first.chain)), "", "certificates")
	showCertificate(r, leaf)
}

// whyUntrusted says more of a chain that leads to no root.
func whyUntrusted(first handshake) string {
	leaf := first.chain[0]
	switch {
	case reach.BadCertificate(first.err) != reach.UnknownAuthority:
		return ""
	case string(leaf.RawIssuer) == string(leaf.RawSubject):
		return ": it is self signed"
	case len(first.chain) == 1:
		return "; the server sends no intermediate certificate"
	}
	return ": " + outside(first.chain[len(first.chain)-1].Issuer.String())
}

// judgeVersions holds the version that was agreed on, and those that must be
// refused.
func (c *TLS) judgeVersions(ctx context.Context, w *steps.World, r *steps.Result, first handshake) {
	least := c.leastVersion()
	if first.version != 0 {
		r.Saw("version", tls.VersionName(first.version), ">= TLS "+least, "")
		if first.version < versionsOfTLS[least] {
			r.Worsen(steps.Fail, "the server chooses %s, wanted at least TLS %s", tls.VersionName(first.version), least)
		}
	}
	for _, version := range c.refused() {
		_, accepted, err := c.accepts(ctx, w, versionsOfTLS[version], versionsOfTLS[version], everyCipher())
		if err != nil {
			r.Saw("TLS "+version, "not known", "refused", "")
			r.Worsen(steps.Unknown, "TLS %s could not be tried: %s", version, outside(err.Error()))
			continue
		}
		r.Saw("TLS "+version, map[bool]string{true: "accepted", false: "refused"}[accepted], "refused", "")
		if accepted {
			r.Worsen(steps.Fail, "TLS %s is accepted, wanted it refused", version)
		}
	}
}

// judgeCiphers offers nothing but what is known to be weak. TLS 1.3 has no such.
func (c *TLS) judgeCiphers(ctx context.Context, w *steps.World, r *steps.Result, first handshake) {
	if first.version != 0 {
		r.Saw("cipher", tls.CipherSuiteName(first.cipher), "", "")
	}
	weak, accepted, err := c.accepts(ctx, w, tls.VersionTLS12, tls.VersionTLS12, weakCiphers())
	switch {
	case err != nil:
		r.Worsen(steps.Unknown, "weak ciphers could not be tried: %s", outside(err.Error()))
	case accepted:
		name := strings.TrimSpace("one of them " + cipherName(weak.cipher))
		r.Saw("weak ciphers", name, "refused", "")
		r.Worsen(steps.Warn, "weak ciphers are accepted: %s", name)
	default:
		r.Saw("weak ciphers", "refused", "refused", "")
	}
}
