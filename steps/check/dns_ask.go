package check

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"runbook/steps"
	"runbook/steps/reach"
)

// said is what one resolver answered: its records, sorted, or why there are none.
type said struct {
	values  []string
	ttl     time.Duration // the longest
	verdict steps.Verdict // pass: there are records
	reason  string
}

// datagrams is how often a question is sent: one of them may get lost.
const datagrams = 2

// ask asks one resolver, over UDP and then, if that is too short, over TCP.
func (c *DNS) ask(whole context.Context, w *steps.World, resolver string) said {
	ctx, cancel := context.WithTimeout(whole, c.limit())
	defer cancel()
	var id [2]byte
	if _, err := rand.Read(id[:]); err != nil { // it never fails
		return said{reason: err.Error()}
	}
	question := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: binary.BigEndian.Uint16(id[:]), RecursionDesired: true},
		Questions: []dnsmessage.Question{{Name: dnsmessage.MustNewName(absolute(c.Name)), Type: recordTypes[c.Type], Class: dnsmessage.ClassINET}},
	}
	packed, err := question.Pack()
	if err != nil {
		return said{reason: "the name cannot be asked for: " + outside(err.Error())}
	}
	var s said
	for range datagrams {
		part, stop := context.WithTimeout(ctx, c.limit()/datagrams)
		s, err = c.over(part, w, "udp", resolver, question, packed)
		stop()
		if err == nil || errors.Is(err, errTruncated) || ctx.Err() != nil {
			break
		}
	}
	if errors.Is(err, errTruncated) {
		s, err = c.over(ctx, w, "tcp", resolver, question, packed)
	}
	if err != nil {
		_, reason := reach.Fault(whole, c.limit(), err)
		return said{reason: reason}
	}
	return s
}

var errTruncated = errors.New("the answer is too long")

// over asks over one kind of connection.
func (c *DNS) over(ctx context.Context, w *steps.World, network, resolver string, question dnsmessage.Message, packed []byte) (said, error) {
	conn, err := reach.Dial(w)(ctx, network, resolver)
	if err != nil {
		return said{}, err
	}
	defer func() { _ = conn.Close() }() // all was read by then
	hangUp := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Now()) })
	defer hangUp()
	framed := packed
	if network == "tcp" {
		framed = append(binary.BigEndian.AppendUint16(nil, uint16(len(packed))), packed...) //nolint:gosec // G115: a name holds 255 bytes
	}
	if _, err := conn.Write(framed); err != nil {
		return said{}, err
	}
	for { // until the answer to this question comes
		message, err := receive(conn, network)
		if err != nil {
			return said{}, cause(ctx, err)
		}
		s, ours, err := readAnswer(message, question, c.Type)
		if ours || network == "tcp" {
			return s, err
		}
	}
}

// receive reads one message.
func receive(conn net.Conn, network string) ([]byte, error) {
	message := make([]byte, 64<<10)
	if network == "udp" {
		n, err := conn.Read(message)
		return message[:n], err
	}
	var length [2]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return nil, err
	}
	message = message[:binary.BigEndian.Uint16(length[:])]
	_, err := io.ReadFull(conn, message)
	return message, err
}

// readAnswer reads the records of a message; ours is false for one that answers
// another question.
func readAnswer(message []byte, question dnsmessage.Message, kind string) (s said, ours bool, err error) {
	var p dnsmessage.Parser
	header, err := p.Start(message)
	if err != nil || !header.Response || header.ID != question.ID {
		return said{reason: "the resolver answers nonsense"}, false, nil
	}
	asked, err := p.AllQuestions()
	wanted := question.Questions[0]
	if err != nil || len(asked) != 1 || asked[0].Type != wanted.Type || !strings.EqualFold(asked[0].Name.String(), wanted.Name.String()) {
		return said{reason: "the resolver answers nonsense"}, false, nil
	}
	if header.Truncated {
		return said{}, true, errTruncated
	}
	switch header.RCode {
	case dnsmessage.RCodeSuccess:
	case dnsmessage.RCodeNameError:
		return said{verdict: steps.Fail, reason: "the name does not exist"}, true, nil
	case dnsmessage.RCodeServerFailure:
		return said{reason: "the resolver fails on it; a broken DNSSEC signature looks so too"}, true, nil
	default:
		return said{reason: fmt.Sprintf("the resolver refuses (code %d)", header.RCode)}, true, nil
	}
	if err := s.records(&p, wanted.Type, kind); err != nil {
		return said{reason: "the resolver answers nonsense"}, true, nil
	}
	if len(s.values) == 0 {
		return said{verdict: steps.Fail, reason: "the name has no " + kind + " record"}, true, nil
	}
	slices.Sort(s.values)
	s.verdict = steps.Pass
	return s, true, nil
}

// records reads those of one type; an alias on the way counts by its TTL only.
func (s *said) records(p *dnsmessage.Parser, wanted dnsmessage.Type, kind string) error {
	for {
		header, err := p.AnswerHeader()
		if errors.Is(err, dnsmessage.ErrSectionDone) {
			return nil
		}
		if err != nil {
			return err
		}
		s.ttl = max(s.ttl, time.Duration(header.TTL)*time.Second)
		if header.Type != wanted {
			if err := p.SkipAnswer(); err != nil {
				return err
			}
			continue
		}
		value, err := record(p, wanted)
		if err != nil {
			return err
		}
		s.values = append(s.values, canonical(kind, value))
	}
}

func record(p *dnsmessage.Parser, wanted dnsmessage.Type) (string, error) {
	switch wanted {
	case dnsmessage.TypeA:
		a, err := p.AResource()
		return netip.AddrFrom4(a.A).String(), err
	case dnsmessage.TypeAAAA:
		a, err := p.AAAAResource()
		return netip.AddrFrom16(a.AAAA).String(), err
	case dnsmessage.TypeCNAME:
		name, err := p.CNAMEResource()
		return name.CNAME.String(), err
	case dnsmessage.TypeNS:
		name, err := p.NSResource()
		return name.NS.String(), err
	case dnsmessage.TypeMX:
		mx, err := p.MXResource()
		return fmt.Sprintf("%d %s", mx.Pref, mx.MX), err
	case dnsmessage.TypeTXT:
		text, err := p.TXTResource()
		return strings.Join(text.TXT, ""), err
	default:
		raw, err := p.UnknownResource()
		if err != nil {
			return "", err
		}
		return certificateIssuer(raw.Data)
	}
}

// certificateIssuer reads a CAA record (RFC 8659): flags, a tag, its value.
func certificateIssuer(data []byte) (string, error) {
	short := errors.New("a CAA record that is too short")
	if len(data) < 2 {
		return "", short
	}
	flags, length, rest := data[0], int(data[1]), data[2:]
	if length > len(rest) {
		return "", short
	}
	return fmt.Sprintf("%d %s %s", flags, rest[:length], rest[length:]), nil
}
