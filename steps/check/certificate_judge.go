package check

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"runbook/steps"
)

// Without other words, a certificate must hold two weeks, and a month without
// a warning: most are renewed a month before their end.
const (
	leastDays     = "14"
	leastDaysWarn = "30"
)

// validDays reports limits that are no numbers.
func validDays(days, warn string) error {
	for field, limit := range map[string]string{"days": days, "warn_days": warn} {
		if _, err := number(limit, "0"); err != nil && !unfilled(limit) {
			return fmt.Errorf("%s: %w", field, err)
		}
	}
	return nil
}

// judgeDays holds the time that is left until a certificate's end.
func judgeDays(r *steps.Result, ending *x509.Certificate, days, warn string) {
	least, err := number(days, leastDays)
	leastWarn, errWarn := number(warn, leastDaysWarn)
	if err := errors.Join(err, errWarn); err != nil {
		r.Worsen(steps.Unknown, "%v", err)
		return
	}
	now := time.Now()
	left := ending.NotAfter.Sub(now)
	r.Saw("days left", fmt.Sprintf("%.0f", float64(left/(24*time.Hour))), fmt.Sprintf(">= %g", least), "d")
	ends := ending.NotAfter.UTC().Format(time.DateOnly)
	switch {
	case now.Before(ending.NotBefore):
		r.Worsen(steps.Fail, "the certificate of %s is not valid before %s", subject(ending), ending.NotBefore.UTC().Format(time.DateTime))
	case left < 0:
		r.Worsen(steps.Fail, "the certificate of %s ended on %s", subject(ending), ends)
	case left < time.Duration(least*24)*time.Hour:
		r.Worsen(steps.Fail, "the certificate of %s ends on %s, wanted at least %g days left", subject(ending), ends, least)
	case left < time.Duration(leastWarn*24)*time.Hour:
		r.Worsen(steps.Warn, "the certificate of %s ends on %s, fewer than %g days are left", subject(ending), ends, leastWarn)
	}
}

// judgeNames holds a certificate against every name it must be for.
func judgeNames(r *steps.Result, leaf *x509.Certificate, names []string) {
	holds := append([]string{}, leaf.DNSNames...)
	for _, ip := range leaf.IPAddresses {
		holds = append(holds, ip.String())
	}
	shown := outside(strings.Join(holds, ", "))
	r.Saw("names", shown, outside(strings.Join(names, ", ")), "")
	for _, name := range names {
		if leaf.VerifyHostname(name) != nil {
			r.Worsen(steps.Fail, "the certificate is for %s, not for %s", shown, outside(name))
		}
	}
}

// showCertificate is what a person compares.
func showCertificate(r *steps.Result, leaf *x509.Certificate) {
	sum := sha256.Sum256(leaf.Raw)
	r.Saw("subject", subject(leaf), "", "")
	r.Saw("issuer", outside(leaf.Issuer.String()), "", "")
	r.Saw("ends", leaf.NotAfter.UTC().Format(time.DateTime), "", "UTC")
	r.Saw("sha256", hex.EncodeToString(sum[:]), "", "")
}

// subject names a certificate.
func subject(c *x509.Certificate) string {
	if text := outside(c.Subject.String()); text != "" {
		return text
	}
	return outside(strings.Join(c.DNSNames, ", "))
}

// soonest is what ends first in the chain that holds longest; leaf if none was
// verified. A root is not renewed by the server, and what is in our store holds.
func soonest(chains [][]*x509.Certificate, leaf *x509.Certificate) *x509.Certificate {
	var best *x509.Certificate
	for _, chain := range chains {
		first := chain[0]
		for _, link := range chain[:max(1, len(chain)-1)] {
			if link.NotAfter.Before(first.NotAfter) {
				first = link
			}
		}
		if best == nil || first.NotAfter.After(best.NotAfter) {
			best = first
		}
	}
	if best == nil {
		return leaf
	}
	return best
}
