package check_test

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"runbook/steps"
	"runbook/steps/check"
)

// zone is what a name server knows: a type and a name, and their records.
type zone map[string][]dnsmessage.ResourceBody

var records = zone{
	"TypeA app.example.com.":     {&dnsmessage.AResource{A: [4]byte{192, 0, 2, 7}}},
	"TypeA two.example.com.":     {&dnsmessage.AResource{A: [4]byte{192, 0, 2, 8}}, &dnsmessage.AResource{A: [4]byte{192, 0, 2, 7}}},
	"TypeA www.example.com.":     {&dnsmessage.CNAMEResource{CNAME: dnsmessage.MustNewName("App.example.com.")}, &dnsmessage.AResource{A: [4]byte{192, 0, 2, 7}}},
	"TypeCNAME www.example.com.": {&dnsmessage.CNAMEResource{CNAME: dnsmessage.MustNewName("App.example.com.")}},
	"TypeAAAA app.example.com.":  {&dnsmessage.AAAAResource{AAAA: [16]byte{0x20, 0x01, 0x0d, 0xb8, 15: 7}}},
	"TypeMX example.com.":        {&dnsmessage.MXResource{Pref: 10, MX: dnsmessage.MustNewName("Mail.example.com.")}, &dnsmessage.MXResource{Pref: 20, MX: dnsmessage.MustNewName("mail2.example.com.")}},
	"TypeNS example.com.":        {&dnsmessage.NSResource{NS: dnsmessage.MustNewName("ns1.example.com.")}},
	"TypeTXT example.com.":       {&dnsmessage.TXTResource{TXT: []string{"v=spf1 include:_spf.", "example.com -all"}}, &dnsmessage.TXTResource{TXT: []string{"other"}}},
	"TypeTXT evil.example.com.":  {&dnsmessage.TXTResource{TXT: []string{"\x1b]0;owned\x07\u202e"}}},
	"257 example.com.":           {&dnsmessage.UnknownResource{Type: 257, Data: []byte("\x00\x05issueletsencrypt.org")}},
	"257 short.example.com.":     {&dnsmessage.UnknownResource{Type: 257, Data: []byte("\x00\xffissue")}},
	"TypeTXT long.example.com.":  {&dnsmessage.TXTResource{TXT: []string{strings.Repeat("a", 255), strings.Repeat("b", 255), strings.Repeat("c", 255)}}},
}

// nameServer answers over UDP and TCP, at one port. change edits each answer;
// nil of it is silence.
func nameServer(t *testing.T, z zone, change func(*dnsmessage.Message) *dnsmessage.Message) string {
	t.Helper()
	stream, packets := bothPorts(t)
	answer := func(asked []byte, most int) []byte {
		var q dnsmessage.Message
		if err := q.Unpack(asked); err != nil || len(q.Questions) != 1 {
			return nil
		}
		reply := z.answer(q)
		if change != nil {
			if reply = change(reply); reply == nil {
				return nil
			}
		}
		packed, err := reply.Pack()
		if err != nil {
			t.Error(err)
		}
		if len(packed) > most {
			reply.Truncated, reply.Answers = true, nil
			packed, err = reply.Pack()
			if err != nil {
				t.Error(err)
			}
		}
		return packed
	}
	go func() {
		message := make([]byte, 512)
		for {
			n, from, err := packets.ReadFrom(message)
			if err != nil {
				return
			}
			if reply := answer(message[:n], 512); reply != nil {
				_, _ = packets.WriteTo(reply, from) // who does not hear it asks again
			}
		}
	}()
	go func() {
		for {
			conn, err := stream.Accept()
			if err != nil {
				return
			}
			var length [2]byte
			if _, err := io.ReadFull(conn, length[:]); err == nil {
				message := make([]byte, binary.BigEndian.Uint16(length[:]))
				if _, err := io.ReadFull(conn, message); err == nil {
					reply := answer(message, 64<<10)
					_, _ = conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(reply))), reply...))
				}
			}
			_ = conn.Close()
		}
	}()
	return stream.Addr().String()
}

// bothPorts are the same one for TCP and for UDP.
func bothPorts(t *testing.T) (net.Listener, net.PacketConn) {
	t.Helper()
	for range 20 {
		stream := listen(t)
		packets, err := new(net.ListenConfig).ListenPacket(t.Context(), "udp", stream.Addr().String())
		if err == nil {
			t.Cleanup(func() { _ = packets.Close() })
			return stream, packets
		}
	}
	t.Fatal("no port is free for both TCP and UDP")
	return nil, nil
}

func (z zone) answer(q dnsmessage.Message) *dnsmessage.Message {
	asked := q.Questions[0]
	reply := &dnsmessage.Message{Header: dnsmessage.Header{ID: q.ID, Response: true}, Questions: q.Questions}
	found, there := z[asked.Type.String()+" "+asked.Name.String()]
	if !there {
		reply.RCode = dnsmessage.RCodeNameError
	}
	for _, body := range found {
		reply.Answers = append(reply.Answers, dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: asked.Name, Class: dnsmessage.ClassINET, TTL: 300}, Body: body})
	}
	return reply
}

func TestDNS(t *testing.T) {
	t.Parallel()
	z := zone{"TypeA none.example.com.": {}}
	for name, found := range records {
		z[name] = found
	}
	server := nameServer(t, z, nil)
	expect := func(kind, name string, values ...string) check.DNS {
		return check.DNS{Type: kind, Name: name, Expect: values}
	}
	matching := func(kind, name, pattern string) check.DNS {
		return check.DNS{Type: kind, Name: name, Match: pattern}
	}
	with := func(c check.DNS, change func(*check.DNS)) check.DNS { change(&c); return c }
	for name, c := range map[string]struct {
		check   check.DNS
		verdict steps.Verdict
		reason  string
	}{
		"A":              {expect("A", "app.example.com", "192.0.2.7"), steps.Pass, ""},
		"absolute":       {expect("A", "app.example.com.", "192.0.2.7"), steps.Pass, ""},
		"another":        {expect("A", "app.example.com", "192.0.2.9"), steps.Fail, "says 192.0.2.7, wanted 192.0.2.9"},
		"one is missing": {expect("A", "app.example.com", "192.0.2.7", "192.0.2.8"), steps.Fail, "wanted 192.0.2.8"},
		"an old one":     {expect("A", "two.example.com", "192.0.2.7"), steps.Fail, "says 192.0.2.7, 192.0.2.8, wanted only 192.0.2.7"},
		"both":           {expect("A", "two.example.com", "192.0.2.7", "192.0.2.8"), steps.Pass, ""},
		"by an alias":    {expect("A", "www.example.com", "192.0.2.7"), steps.Pass, ""},
		"AAAA":           {expect("AAAA", "app.example.com", "2001:DB8:0::7"), steps.Pass, ""},
		"CNAME":          {expect("CNAME", "www.example.com", "app.example.com."), steps.Pass, ""},
		"MX":             {expect("MX", "example.com", "10 mail.example.com"), steps.Pass, ""},
		"MX, another":    {expect("MX", "example.com", "5 mail.example.com"), steps.Fail, "wanted 5 mail.example.com"},
		"NS":             {expect("NS", "example.com", "ns1.example.com"), steps.Pass, ""},
		"TXT":            {expect("TXT", "example.com", "v=spf1 include:_spf.example.com -all"), steps.Pass, ""},
		"TXT matches":    {matching("TXT", "example.com", `^v=spf1 .*-all$`), steps.Pass, ""},
		"TXT does not":   {matching("TXT", "example.com", `^v=DMARC1`), steps.Fail, "nothing matches ^v=DMARC1"},
		"hostile":        {matching("TXT", "evil.example.com", `^v=spf1`), steps.Fail, "nothing matches"},
		"CAA":            {expect("CAA", "example.com", `0 issue "letsencrypt.org"`), steps.Pass, ""},
		"CAA, cut":       {expect("CAA", "short.example.com", `0 issue "letsencrypt.org"`), steps.Unknown, "answers nonsense"},
		"over TCP":       {matching("TXT", "long.example.com", `^a+b+c{255}$`), steps.Pass, ""},
		"no such name":   {expect("A", "nowhere.example.com", "192.0.2.7"), steps.Fail, "the name does not exist"},
		"no such record": {expect("A", "none.example.com", "192.0.2.7"), steps.Fail, "the name has no A record"},
		"kept":           {with(expect("A", "app.example.com", "192.0.2.7"), func(c *check.DNS) { c.MaxTTL = short(5 * time.Minute) }), steps.Pass, ""},
		"kept too long":  {with(expect("A", "app.example.com", "192.0.2.7"), func(c *check.DNS) { c.MaxTTL = short(time.Minute) }), steps.Fail, "keeps it for 5m, wanted at most 1m"},
		"no type":        {expect("SRV", "app.example.com", "x"), steps.Unknown, "is none of"},
		"no name":        {expect("A", strings.Repeat("a", 300), "x"), steps.Unknown, "is no name"},
		"nothing":        {expect("A", "app.example.com"), steps.Unknown, "want at least one of them"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.check.Resolvers = []string{server}
			r := do(t, &c.check, world(t, nil))
			want(t, r, c.verdict, c.reason)
			never(t, r, "\x1b", "\x07", "\u202e")
		})
	}
}

func TestDNSResolversAgree(t *testing.T) {
	t.Parallel()
	old := zone{"TypeA app.example.com.": {&dnsmessage.AResource{A: [4]byte{192, 0, 2, 1}}}}
	a, b, stale := nameServer(t, records, nil), nameServer(t, records, nil), nameServer(t, old, nil)
	c := check.DNS{Type: "A", Name: "app.example.com", Expect: []string{"192.0.2.7"}, Resolvers: []string{a, b}}
	want(t, do(t, &c, world(t, nil)), steps.Pass, "")
	c.Resolvers = []string{a, b, stale}
	want(t, do(t, &c, world(t, nil)), steps.Fail, stale+" says 192.0.2.1, wanted 192.0.2.7")
	c.Expect, c.Match = nil, `^192\.0\.2\.`
	want(t, do(t, &c, world(t, nil)), steps.Warn, "do not agree")
}

func TestDNSNotMeasured(t *testing.T) {
	t.Parallel()
	code := func(code dnsmessage.RCode) func(*dnsmessage.Message) *dnsmessage.Message {
		return func(m *dnsmessage.Message) *dnsmessage.Message { m.RCode, m.Answers = code, nil; return m }
	}
	silence := func(*dnsmessage.Message) *dnsmessage.Message { return nil }
	forged := func(m *dnsmessage.Message) *dnsmessage.Message { m.ID++; return m }
	elsewhere := func(m *dnsmessage.Message) *dnsmessage.Message {
		m.Questions[0].Name = dnsmessage.MustNewName("other.example.com.")
		return m
	}
	for name, c := range map[string]struct {
		server string
		reason string
	}{
		"fails":            {nameServer(t, records, code(dnsmessage.RCodeServerFailure)), "the resolver fails on it"},
		"refuses":          {nameServer(t, records, code(dnsmessage.RCodeRefused)), "the resolver refuses (code"},
		"silent":           {nameServer(t, records, silence), "no answer within 2s"},
		"another's":        {nameServer(t, records, forged), "no answer within 2s"},
		"another question": {nameServer(t, records, elsewhere), "no answer within 2s"},
		"nobody":           {closedPort(t), "connection refused"},
		"metadata":         {"169.254.169.254:53", "metadata"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reason := c.reason
			c := check.DNS{Type: "A", Name: "app.example.com", Expect: []string{"192.0.2.7"}, Resolvers: []string{c.server}, Timeout: short(2 * time.Second)}
			want(t, do(t, &c, world(t, nil)), steps.Unknown, reason)
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c := check.DNS{Type: "A", Name: "app.example.com", Expect: []string{"192.0.2.7"}, Resolvers: []string{nameServer(t, records, nil)}}
	want(t, c.Do(ctx, world(t, nil)), steps.Unknown, "interrupted")
}

// A datagram may be lost.
func TestDNSAsksAgain(t *testing.T) {
	t.Parallel()
	lost := false
	server := nameServer(t, records, func(m *dnsmessage.Message) *dnsmessage.Message {
		if !lost {
			lost = true
			return nil
		}
		return m
	})
	c := check.DNS{Type: "A", Name: "app.example.com", Expect: []string{"192.0.2.7"}, Resolvers: []string{server}, Timeout: short(2 * time.Second)}
	want(t, do(t, &c, world(t, nil)), steps.Pass, "")
}

func TestDNSOfThisMachine(t *testing.T) {
	t.Parallel()
	server := nameServer(t, records, nil)
	w := world(t, nil)
	direct := w.Dial
	w.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) { return direct(ctx, network, server) }
	r := do(t, &check.DNS{Type: "A", Name: "app.example.com", Expect: []string{"192.0.2.7"}}, w)
	if data, err := os.ReadFile("/etc/resolv.conf"); err != nil || !strings.Contains(string(data), "nameserver") {
		want(t, r, steps.Unknown, "names no resolver")
		return
	}
	want(t, r, steps.Pass, "")
}

func TestDNSFields(t *testing.T) {
	t.Parallel()
	c := decode[*check.DNS](t, "dns", map[string]any{"name": "${domain}", "type": "A", "expect": []string{"${address}"}, "resolvers": []string{"${resolver}"}, "max_ttl": "5m", "timeout": "5s"})
	if c.Touches() {
		t.Error("dns touches")
	}
	decode[*check.DNS](t, "dns", map[string]any{"name": "x.example", "type": "TXT", "match": "^v=spf1 "})
}
