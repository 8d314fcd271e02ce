package neighbours

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// Names is a name server that knows localhost, and its mail.
type Names struct {
	Addr string // of both, UDP and TCP
	udp  net.PacketConn
	tcp  net.Listener
}

// typeCAA is who may issue certificates, which dnsmessage does not know.
const typeCAA = dnsmessage.Type(257)

// ttl is how long an answer may be kept, in seconds.
const ttl = 60

// OpenNames listens on a free port of 127.0.0.1, over UDP and TCP.
func OpenNames(ctx context.Context) (*Names, error) {
	var err error
	for range 20 { // a port that is free for one may not be for the other
		n := &Names{}
		if n.udp, err = (&net.ListenConfig{}).ListenPacket(ctx, "udp", "127.0.0.1:0"); err != nil {
			break
		}
		n.Addr = n.udp.LocalAddr().String()
		if n.tcp, err = (&net.ListenConfig{}).Listen(ctx, "tcp", n.Addr); err == nil {
			go n.datagrams()
			go n.streams()
			return n, nil
		}
		err = errors.Join(err, n.udp.Close())
	}
	return nil, fmt.Errorf("start the name server: %w", err)
}

// Close ends both.
func (n *Names) Close() {
	_ = n.udp.Close()
	_ = n.tcp.Close()
}

func (n *Names) datagrams() {
	packet := make([]byte, 512)
	for {
		size, from, err := n.udp.ReadFrom(packet)
		if err != nil {
			return // closed
		}
		if text := resolve(packet[:size]); text != nil {
			_, _ = n.udp.WriteTo(text, from) // who left asks again
		}
	}
}

func (n *Names) streams() {
	for {
		conn, err := n.tcp.Accept()
		if err != nil {
			return // closed
		}
		go func() {
			defer conn.Close() //nolint:errcheck // the answer was written
			_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
			var size uint16
			if binary.Read(conn, binary.BigEndian, &size) != nil {
				return
			}
			packet := make([]byte, size)
			if _, err := io.ReadFull(conn, packet); err != nil {
				return
			}
			if text := resolve(packet); text != nil && len(text) < 1<<16 {
				_, _ = conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(text))), text...)) // #nosec G115 -- looked at
			}
		}()
	}
}

// records are what the server knows of a name.
func records(name string) []dnsmessage.ResourceBody {
	own := dnsmessage.MustNewName("localhost.")
	caa := append([]byte{0, 5}, "issueletsencrypt.org"...)
	switch name {
	case "localhost.":
		return []dnsmessage.ResourceBody{
			&dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}}, &dnsmessage.MXResource{Pref: 10, MX: own}, &dnsmessage.NSResource{NS: own},
			&dnsmessage.TXTResource{TXT: []string{"v=spf1 ip4:127.0.0.1 -all"}}, &dnsmessage.UnknownResource{Type: typeCAA, Data: caa},
		}
	case "www.localhost.":
		return []dnsmessage.ResourceBody{&dnsmessage.CNAMEResource{CNAME: own}}
	case "_dmarc.localhost.":
		return []dnsmessage.ResourceBody{&dnsmessage.TXTResource{TXT: []string{"v=DMARC1; p=reject; rua=mailto:postmaster@localhost"}}}
	case "mail._domainkey.localhost.":
		return []dnsmessage.ResourceBody{&dnsmessage.TXTResource{TXT: []string{"v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="}}}
	}
	return nil
}

func typeOf(body dnsmessage.ResourceBody) dnsmessage.Type {
	switch b := body.(type) {
	case *dnsmessage.AResource:
		return dnsmessage.TypeA
	case *dnsmessage.MXResource:
		return dnsmessage.TypeMX
	case *dnsmessage.NSResource:
		return dnsmessage.TypeNS
	case *dnsmessage.TXTResource:
		return dnsmessage.TypeTXT
	case *dnsmessage.CNAMEResource:
		return dnsmessage.TypeCNAME
	case *dnsmessage.UnknownResource:
		return b.Type
	}
	return 0
}

// resolve answers one question; what is none gets no answer.
func resolve(packet []byte) []byte {
	var p dnsmessage.Parser
	header, err := p.Start(packet)
	if err != nil || header.Response {
		return nil
	}
	q, err := p.Question()
	if err != nil {
		return nil
	}
	name := strings.ToLower(q.Name.String())
	known := records(name)
	m := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: header.ID, Response: true, Authoritative: true, RecursionDesired: header.RecursionDesired},
		Questions: []dnsmessage.Question{q},
	}
	if known == nil {
		m.RCode = dnsmessage.RCodeNameError
	}
	wanted := slices.DeleteFunc(known, func(b dnsmessage.ResourceBody) bool { return typeOf(b) != q.Type })
	for _, body := range wanted {
		m.Answers = append(m.Answers, dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: dnsmessage.ClassINET, TTL: ttl}, Body: body})
	}
	text, err := m.Pack()
	if err != nil {
		return nil
	}
	return text
}
