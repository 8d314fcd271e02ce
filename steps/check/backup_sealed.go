package check

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Lines that messages in ASCII armor begin with.
const (
	pgpArmor = "-----BEGIN PGP MESSAGE-----"
	ageArmor = "-----BEGIN AGE ENCRYPTED FILE-----"
	ageIntro = "age-encryption.org/v1"
)

// sealed reports how a file is encrypted.
func (c *Backup) sealed(ctx context.Context, path string) (string, error) {
	file, closer, err := openBackup(ctx, path)
	if err != nil {
		return "", err
	}
	defer func() { _ = closer.Close() }() // only read from
	text := bufio.NewReader(file)
	head, err := text.Peek(len(ageArmor))
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	for _, armor := range []string{pgpArmor, ageArmor} {
		if bytes.HasPrefix(head, []byte(armor)) {
			text = bufio.NewReader(base64.NewDecoder(base64.StdEncoding, &armored{from: text}))
		}
	}
	if c.Encrypted == "age" {
		return ageMessage(ctx, text)
	}
	return c.pgpMessage(ctx, text)
}

// armored is the base64 in a message in ASCII armor: what stands between an
// empty line, or for age the first, and the sum or the end.
type armored struct {
	from *bufio.Reader
	line []byte
	body bool
	done bool
}

func (a *armored) Read(p []byte) (int, error) {
	for len(a.line) == 0 {
		if a.done {
			return 0, io.EOF
		}
		line, err := a.from.ReadSlice('\n')
		if err != nil && (!errors.Is(err, io.EOF) || len(line) == 0) {
			return 0, io.ErrUnexpectedEOF // no END line
		}
		line = bytes.TrimRight(line, "\r\n")
		switch {
		case bytes.HasPrefix(line, []byte("-----END")), a.body && bytes.HasPrefix(line, []byte("=")):
			a.done = true
		case bytes.HasPrefix(line, []byte(ageArmor)), len(line) == 0:
			a.body = true
		case a.body:
			a.line = append(a.line, line...)
		}
	}
	n := copy(p, a.line)
	a.line = a.line[n:]
	return n, nil
}

// ageMessage wants age's first line, somebody whom it is for, and a body behind
// the header's own sum.
func ageMessage(ctx context.Context, text *bufio.Reader) (string, error) {
	var kinds []string
	for n := 0; n < 1000; n++ {
		line, err := text.ReadString('\n')
		if err != nil {
			return "", cut(ctx, err, "message of age")
		}
		line = strings.TrimSuffix(line, "\n")
		switch {
		case n == 0 && line != ageIntro:
			return "", broken("it is not encrypted by age")
		case strings.HasPrefix(line, "-> "):
			kinds = append(kinds, strings.Fields(line + " ?")[1])
		case strings.HasPrefix(line, "--- ") && len(kinds) > 0:
			if _, err := text.Peek(16 + 16); err != nil { // a nonce, and the sum of the last piece
				return "", cut(ctx, err, "message of age")
			}
			return "age for " + outside(strings.Join(kinds, ", ")), nil
		}
	}
	return "", broken("it has no header of age")
}

// Kinds of OpenPGP packets (RFC 9580, 5).
const (
	forKey      = 1
	forPassword = 3
	withoutSum  = 9
	withSum     = 18
	withAEAD    = 20
)

// pgpMessage walks over the packets of a message: first the keys it is for, then
// what is encrypted, to the end of the file.
func (c *Backup) pgpMessage(ctx context.Context, text *bufio.Reader) (string, error) {
	var keys []string
	for n := 0; ; n++ {
		kind, body, err := packet(text)
		switch {
		case err != nil && n == 0 && !errors.Is(err, ctx.Err()):
			return "", broken("it is not encrypted by gpg")
		case err != nil:
			return "", cut(ctx, err, "message of gpg")
		}
		var head [9]byte
		read, err := io.ReadFull(body, head[:])
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			return "", cut(ctx, err, "message of gpg")
		}
		switch {
		case kind == forKey && read == len(head) && head[0] == 3:
			keys = append(keys, fmt.Sprintf("%016X", binary.BigEndian.Uint64(head[1:])))
		case kind == forKey:
			keys = append(keys, "a key it does not name")
		case kind == forPassword:
			keys = append(keys, "a password")
		case (kind == withSum || kind == withAEAD || kind == withoutSum) && len(keys) > 0:
			if err := body.drain(); err != nil {
				return "", cut(ctx, err, "message of gpg")
			}
			return c.recipients(keys)
		default:
			return "", broken("it is not encrypted by gpg")
		}
		if err := body.drain(); err != nil {
			return "", cut(ctx, err, "message of gpg")
		}
	}
}

func (c *Backup) recipients(keys []string) (string, error) {
	told := "gpg for " + strings.Join(keys, ", ")
	if c.Recipient == "" {
		return told, nil
	}
	id := strings.ToUpper(strings.TrimPrefix(strings.ReplaceAll(c.Recipient, " ", ""), "0x"))
	for _, key := range keys {
		if strings.HasSuffix(key, id) || strings.HasSuffix(id, key) {
			return told, nil
		}
	}
	return "", broken(told + ", wanted it for " + c.Recipient)
}

// packetBody is what stands in a packet, which may come in pieces.
type packetBody struct {
	from    *bufio.Reader
	left    int64
	partial bool // another piece follows
	endless bool // to the end of the file
}

func (b *packetBody) Read(p []byte) (int, error) {
	if b.endless {
		return b.from.Read(p)
	}
	for b.left == 0 {
		if !b.partial {
			return 0, io.EOF
		}
		if err := b.length(); err != nil {
			return 0, err
		}
	}
	n, err := b.from.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func (b *packetBody) drain() error {
	_, err := io.Copy(io.Discard, b)
	return err
}

// packet reads a packet's header.
func packet(from *bufio.Reader) (kind int, body *packetBody, err error) {
	first, err := from.ReadByte()
	if err != nil {
		return 0, nil, err
	}
	body = &packetBody{from: from}
	switch {
	case first&0x80 == 0:
		return 0, nil, errors.New("no packet")
	case first&0x40 != 0:
		return int(first & 0x3f), body, body.length()
	}
	size := 1 << (first & 3)
	if body.endless = size == 8; body.endless {
		return int(first>>2) & 0xf, body, nil
	}
	var length [8]byte
	_, err = io.ReadFull(from, length[8-size:])
	body.left = int64(binary.BigEndian.Uint32(length[4:]))
	return int(first>>2) & 0xf, body, err
}

// length reads one of the newer form.
func (b *packetBody) length() error {
	first, err := b.from.ReadByte()
	if err != nil {
		return io.ErrUnexpectedEOF
	}
	b.partial = first >= 224 && first < 255
	switch {
	case first < 192:
		b.left = int64(first)
	case b.partial:
		b.left = 1 << (first & 0x1f)
	case first < 255:
		second, err := b.from.ReadByte()
		b.left = (int64(first)-192)<<8 + int64(second) + 192
		return err
	default:
		var four [4]byte
		_, err := io.ReadFull(b.from, four[:])
		b.left = int64(binary.BigEndian.Uint32(four[:]))
		return err
	}
	return nil
}
