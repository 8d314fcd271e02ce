package check

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"runbook/steps"
)

// DNS is check.dns: what name servers say of a name, each of them.
//
//	check.dns = { name = "app.example.com", type = "A", expect = ["192.0.2.7"], resolvers = ["1.1.1.1:53", "8.8.8.8:53", "ns1.example.com:53"] }
//	check.dns = { name = "example.com", type = "TXT", match = '^v=spf1 .*-all$' }
//
//	name       a whole name; no search domains are added
//	type       A, AAAA, CNAME, MX, TXT, NS or CAA
//	expect     values that must be there; of A, AAAA and CNAME, no others
//	match      a regular expression that one value must match
//	resolvers  "host:port" of those to ask: resolvers, or the zone's own servers;
//	           default those of this machine
//	max_ttl    the longest time that a record may be kept: "5m"
//	timeout    for each resolver; default "5s"
//
// Values are written as "192.0.2.7", "www.example.com", of MX as
// "10 mail.example.com", of CAA as "0 issue letsencrypt.org", a TXT in one
// piece. An answer that is too long for UDP is asked for over TCP.
//
// pass: each resolver has what is expected. warn: all match, but do not agree
// with each other. fail: one does not, the name does not exist or has no such
// record, or it is kept for longer than max_ttl. unknown: a resolver is silent,
// refuses or fails, or there is none to ask.
type DNS struct {
	Name      string         `mapstructure:"name"`
	Type      string         `mapstructure:"type"`
	Expect    []string       `mapstructure:"expect"`
	Match     string         `mapstructure:"match"`
	Resolvers []string       `mapstructure:"resolvers"`
	MaxTTL    steps.Duration `mapstructure:"max_ttl"`
	Timeout   steps.Duration `mapstructure:"timeout"`
}

// typeCAA is who may issue certificates, which dnsmessage does not know.
const typeCAA = dnsmessage.Type(257)

var recordTypes = map[string]dnsmessage.Type{
	"A": dnsmessage.TypeA, "AAAA": dnsmessage.TypeAAAA, "CNAME": dnsmessage.TypeCNAME, "MX": dnsmessage.TypeMX,
	"TXT": dnsmessage.TypeTXT, "NS": dnsmessage.TypeNS, "CAA": typeCAA,
}

// Touches is false: it asks.
func (c *DNS) Touches() bool { return false }

// Validate reports what is no name, no type, no address of a resolver, and
// nothing to hold the answer against.
func (c *DNS) Validate() error {
	if _, err := dnsmessage.NewName(absolute(c.Name)); !unfilled(c.Name) && (err != nil || c.Name == "") {
		return fmt.Errorf("name: %q is no name", outside(c.Name))
	}
	if recordTypes[c.Type] == 0 && !unfilled(c.Type) {
		return fmt.Errorf("type: %q is none of %s", outside(c.Type), strings.Join(sortedKeys(recordTypes), ", "))
	}
	if len(c.Expect) == 0 && c.Match == "" {
		return errors.New("expect or match: want at least one of them")
	}
	if len(c.Resolvers) > maxAddresses {
		return fmt.Errorf("resolvers: want at most %d, got %d", maxAddresses, len(c.Resolvers))
	}
	for _, address := range c.Resolvers {
		if _, port, err := net.SplitHostPort(address); !unfilled(address) && (err != nil || port == "") {
			return fmt.Errorf("resolvers: %q is not host:port", address)
		}
	}
	return validPattern("match", c.Match)
}

func (c *DNS) limit() time.Duration {
	if c.Timeout == 0 {
		return 5 * time.Second
	}
	return c.Timeout.D()
}

func absolute(name string) string { return strings.TrimSuffix(name, ".") + "." }

// Do asks all resolvers at once.
func (c *DNS) Do(whole context.Context, w *steps.World) steps.Result {
	return measure(outside(c.Type+" of "+c.Name), func(r *steps.Result) {
		if err := c.Validate(); err != nil {
			r.Decide(steps.Unknown, "%v", err)
			return
		}
		resolvers := c.Resolvers
		if len(resolvers) == 0 {
			resolvers = ownResolvers()
		}
		if len(resolvers) == 0 {
			r.Decide(steps.Unknown, "this machine names no resolver in /etc/resolv.conf")
			return
		}
		heard := make([]said, len(resolvers))
		var all crew
		for i, resolver := range resolvers {
			all.start(func() { heard[i] = c.ask(whole, w, resolver) })
		}
		all.wait()
		r.Decide(steps.Pass, "")
		for i, resolver := range resolvers {
			c.judge(r, outside(resolver), heard[i])
		}
		c.compare(r, resolvers, heard)
	})
}

// ownResolvers are those of this machine.
func ownResolvers() []string {
	data, err := os.ReadFile("/etc/resolv.conf")
	if err != nil {
		return nil
	}
	var all []string
	for line := range strings.Lines(string(data)) {
		fields := strings.Fields(line)
		if len(fields) > 1 && fields[0] == "nameserver" && len(all) < maxAddresses {
			all = append(all, net.JoinHostPort(fields[1], "53"))
		}
	}
	return all
}

// judge holds what one resolver said against what is expected.
func (c *DNS) judge(r *steps.Result, resolver string, s said) {
	limit := outside(strings.Join(c.Expect, ", "))
	if limit == "" {
		limit = outside(c.Match)
	}
	shown := s.reason
	if len(s.values) > 0 {
		shown = outside(strings.Join(s.values, ", "))
	}
	r.Saw(resolver, shown, limit, "")
	if s.verdict != steps.Pass {
		r.Worsen(s.verdict, "%s: %s", resolver, s.reason)
		return
	}
	expected := make([]string, len(c.Expect))
	for i, value := range c.Expect {
		expected[i] = canonical(c.Type, value)
		if !slices.Contains(s.values, expected[i]) {
			r.Worsen(steps.Fail, "%s says %s, wanted %s", resolver, shown, outside(value))
		}
	}
	if c.only() && anyOf(s.values, func(value string) bool { return !slices.Contains(expected, value) }) {
		r.Worsen(steps.Fail, "%s says %s, wanted only %s", resolver, shown, limit)
	}
	if c.Match != "" {
		re, err := compile("match", c.Match)
		if err != nil {
			r.Worsen(steps.Unknown, "%v", err)
		} else if !anyOf(s.values, re.MatchString) {
			r.Worsen(steps.Fail, "%s says %s, of which nothing matches %s", resolver, shown, outside(c.Match))
		}
	}
	most := ""
	if c.MaxTTL > 0 {
		most = c.MaxTTL.String()
	}
	r.Saw(resolver+" TTL", steps.Duration(s.ttl).String(), most, "")
	if c.MaxTTL > 0 && s.ttl > c.MaxTTL.D() {
		r.Worsen(steps.Fail, "%s keeps it for %s, wanted at most %s", resolver, steps.Duration(s.ttl), most)
	}
}

// only reports that values that nobody expects are wrong: half of the users
// would be led there.
func (c *DNS) only() bool {
	return len(c.Expect) > 0 && slices.Contains([]string{"A", "AAAA", "CNAME"}, c.Type)
}

// compare holds the resolvers against each other.
func (c *DNS) compare(r *steps.Result, resolvers []string, heard []said) {
	for i, s := range heard {
		if s.verdict == steps.Pass && heard[0].verdict == steps.Pass && !slices.Equal(s.values, heard[0].values) {
			r.Worsen(steps.Warn, "%s and %s do not agree", outside(resolvers[0]), outside(resolvers[i]))
		}
	}
}

// canonical is a value as records are written here.
func canonical(kind, value string) string {
	value = strings.TrimSpace(value)
	switch kind {
	case "A", "AAAA":
		if ip, err := netip.ParseAddr(value); err == nil {
			return ip.String()
		}
	case "CNAME", "NS", "MX":
		return strings.ToLower(strings.TrimSuffix(strings.Join(strings.Fields(value), " "), "."))
	case "CAA":
		return strings.ReplaceAll(strings.Join(strings.Fields(value), " "), `"`, "")
	}
	return value
}
