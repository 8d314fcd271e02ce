package journal

import (
	"bytes"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // a KRL may name keys so
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/crypto/ssh"
)

// krlMagic begins a KRL, the binary form of a list of keys (PROTOCOL.krl of
// OpenSSH).
const krlMagic = "SSHKRL\n\x00"

// The sections of a KRL, and those of what it says of certificates.
const (
	krlCertificates, krlKeys, krlSHA1, krlSHA256         = 1, 2, 3, 5
	krlSerials, krlSerialRange, krlSerialBits, krlKeyIDs = 0x20, 0x21, 0x22, 0x23
)

var errKRL = errors.New("a KRL that is damaged, or of another version")

// readKRL takes up the keys that a KRL holds, whole or as hashes. What it says
// of certificates has a form too, and is else passed over: none signs here. A
// section that is not known, such as a signature, may be a limit: it is an error.
func (r *Revoked) readKRL(b []byte) error {
	var head struct {
		Format               uint32
		Version, Date, Flags uint64
		Reserved, Comment    []byte
		Sections             []byte `ssh:"rest"`
	}
	if ssh.Unmarshal(b[len(krlMagic):], &head) != nil || head.Format != 1 || bytes.IndexByte(head.Comment, 0) >= 0 {
		return errKRL
	}
	return eachSection(head.Sections, func(kind uint8, data []byte) error {
		switch kind {
		case krlKeys:
			return eachString(data, func(key []byte) bool { r.keys[string(key)] = true; return true })
		case krlSHA1:
			return eachString(data, func(sum []byte) bool { r.sums[string(sum)] = true; return len(sum) == sha1.Size })
		case krlSHA256:
			return eachString(data, func(sum []byte) bool { r.sums[string(sum)] = true; return len(sum) == sha256.Size })
		case krlCertificates:
			return passCertificates(data)
		}
		return fmt.Errorf("a KRL with a section %d, which is not read here", kind)
	})
}

// hashed reports whether a KRL names the key by a hash.
func (r Revoked) hashed(key []byte) bool {
	long, short := sha256.Sum256(key), sha1.Sum(key) //nolint:gosec // as above
	return r.sums[string(long[:])] || r.sums[string(short[:])]
}

func eachSection(b []byte, take func(kind uint8, data []byte) error) error {
	for len(b) > 0 {
		var s struct {
			Kind uint8
			Data []byte
			Rest []byte `ssh:"rest"`
		}
		if ssh.Unmarshal(b, &s) != nil {
			return errKRL
		}
		if err := take(s.Kind, s.Data); err != nil {
			return err
		}
		b = s.Rest
	}
	return nil
}

func eachString(b []byte, take func([]byte) bool) error {
	for len(b) > 0 {
		var s struct {
			Data []byte
			Rest []byte `ssh:"rest"`
		}
		if ssh.Unmarshal(b, &s) != nil || !take(s.Data) {
			return errKRL
		}
		b = s.Rest
	}
	return nil
}

// passCertificates holds a section about certificates, of one authority or of
// any, against its form: ssh-keygen takes no key for good by a KRL it can't read.
func passCertificates(b []byte) error {
	var s struct {
		CA, Reserved []byte
		Sections     []byte `ssh:"rest"`
	}
	if ssh.Unmarshal(b, &s) != nil {
		return errKRL
	}
	if len(s.CA) > 0 && !authority(s.CA) {
		return errKRL
	}
	return eachSection(s.Sections, func(kind uint8, data []byte) error {
		ok := false
		switch kind {
		case krlSerials:
			for len(data) >= 8 && binary.BigEndian.Uint64(data) > 0 {
				data = data[8:]
			}
			ok = len(data) == 0
		case krlSerialRange:
			var s struct{ Low, High uint64 }
			ok = ssh.Unmarshal(data, &s) == nil && 0 < s.Low && s.Low <= s.High
		case krlSerialBits:
			var s struct {
				From uint64
				Bits []byte
			}
			ok = ssh.Unmarshal(data, &s) == nil && 0 < s.From && s.From < 1<<63 && bitmap(s.Bits)
		case krlKeyIDs:
			return eachString(data, func(id []byte) bool { return bytes.IndexByte(id, 0) < 0 })
		}
		if !ok {
			return errKRL
		}
		return nil
	})
}

// bitmap reports whether b is a number that OpenSSH reads: not negative, of 2048
// bytes behind at most one 0.
func bitmap(b []byte) bool {
	return len(b) == 0 || b[0] < 0x80 && (len(b) <= 2048 || len(b) == 2049 && b[0] == 0)
}

// authority reports whether blob is a key that OpenSSH reads: of RSA it takes none
// under 1024 bits. A certificate, whose signature it checks, is no authority.
func authority(blob []byte) bool {
	key, err := ssh.ParsePublicKey(blob)
	if err != nil {
		return false
	}
	if _, ok := key.(*ssh.Certificate); ok {
		return false
	}
	if held, ok := key.(ssh.CryptoPublicKey); ok {
		if number, ok := held.CryptoPublicKey().(*rsa.PublicKey); ok {
			return number.N.Sign() > 0 && number.N.BitLen() >= 1024
		}
	}
	return true
}
