package journal

import (
	"bytes"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // a KRL may name keys so
	"crypto/sha256"
	"encoding/binary"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

// revokers are files that say, or seem to say, that the key KEY is revoked. What
// ssh-keygen refuses a signature of KEY for, ours refuses too: as revoked, or as
// a list that can't be read. stricter says why ours also refuses what ssh-keygen
// takes.
var revokers = []struct {
	name, text string
	ours       string // "revoked", "unreadable", or "" where the key stays good
	stricter   string
}{
	{name: "nothing"},
	{name: "comments and blank lines", text: "# KEY\n\n \t\n  # KEY\n"},
	{name: "the key", text: "KEY\n", ours: "revoked"},
	{name: "without an end", text: "KEY", ours: "revoked"},
	{name: "a comment behind it", text: "KEY ana@example.com lost it\n", ours: "revoked"},
	{name: "spaces before it", text: " \t KEY\n", ours: "revoked"},
	{name: "a tab within", text: "TYPE\tBLOB\tana\n", ours: "revoked"},
	{name: "from Windows", text: "# lost\r\nKEY ana\r\n", ours: "revoked"},
	{name: "from Windows, no comment", text: "KEY\r\n", ours: "revoked"},
	{name: "another key", text: "OTHER\n"},
	{name: "another kind of key", text: "ECDSA\n"},
	{name: "behind another", text: "OTHER\nECDSA\nKEY\n", ours: "revoked"},
	{name: "a certificate of the key", text: "CERT\n", ours: "revoked"},
	{name: "a certificate of another key", text: "FOREIGN\n"},
	{name: "a blank line from Windows", text: "OTHER\n\r\n", ours: "unreadable"},
	{name: "a carriage return for a line end", text: "OTHER\rKEY\n", ours: "unreadable", stricter: "the second key would be a comment"},
	{name: "garbage", text: "OTHER\nnonsense\n", ours: "unreadable"},
	{name: "garbage before it", text: "nonsense\nKEY\n", ours: "unreadable"},
	{name: "garbage behind it", text: "KEY\nnonsense\n", ours: "unreadable"},
	{name: "options", text: "no-pty OTHER\n", ours: "unreadable"},
	{name: "options of allowed_signers", text: `ana namespaces="x" OTHER` + "\n", ours: "unreadable"},
	{name: "another type before it", text: "ssh-rsa BLOB\n", ours: "unreadable"},
	{name: "no type", text: "BLOB\n", ours: "unreadable"},
	{name: "a byte order mark", text: "\ufeffOTHER\n", ours: "unreadable"},
	{name: "another space before it", text: "\v OTHER\n", ours: "unreadable"},
	{name: "half a key", text: "TYPE AAAAC3NzaC1lZDI1\n", ours: "unreadable"},
	{name: "a fingerprint", text: "HASH\n", ours: "unreadable"},
	{name: "a specification of a key", text: "key: KEY\n", ours: "unreadable"},
	{name: "a specification of a hash", text: "hash: HASH\n", ours: "unreadable"},
	{name: "a specification of SHA-256", text: "sha256: KEY\n", ours: "unreadable"},
	{name: "a specification of a serial number", text: "serial: 1-100\n", ours: "unreadable"},
	{name: "a key file as RFC 4716 has it", text: "---- BEGIN SSH2 PUBLIC KEY ----\nBLOB\n---- END SSH2 PUBLIC KEY ----\n", ours: "unreadable"},
	{name: "a short type", text: "ED25519 BLOB\n", ours: "unreadable"},
	{name: "a NUL for a line", text: "\x00\n", ours: "unreadable", stricter: "no text has it"},
	{name: "a NUL behind a type", text: "OTHER\nTYPE\x00 BLOB\n", ours: "unreadable"},
}

// krls are made by ssh-keygen of specifications, with the authority CA.
var krls = []struct{ name, spec, ours string }{
	{"a KRL of nothing", "", ""},
	{"a KRL of the key", "key: KEY\n", "revoked"},
	{"a KRL of a plain line", "KEY\n", "revoked"},
	{"a KRL of its SHA-256", "sha256: KEY\n", "revoked"},
	{"a KRL of its SHA-1", "sha1: KEY\n", "revoked"},
	{"a KRL of its fingerprint", "hash: HASH\n", "revoked"},
	{"a KRL of others", "key: OTHER\nsha256: ECDSA\nsha1: OTHER\n", ""},
	{"a KRL of certificates", "serial: 1\nserial: 5-9\nserial: 100-163\nserial: 1000\nserial: 1003\nserial: 1005\nid: ana\n", ""},
	{"a KRL of both", "id: ana\nserial: 7\nsha256: OTHER\nkey: KEY\n", "revoked"},
}

func TestRevokedAsSSHKeygenHasIt(t *testing.T) {
	t.Parallel()
	r := newRevoking(t)
	for _, c := range revokers {
		r.agrees(c.name, []byte(r.words.Replace(c.text)), c.ours, c.stricter)
	}
	for _, c := range krls {
		r.agrees(c.name, r.krl(c.spec), c.ours, "")
	}
	if _, err := ReadRevoked(r.list + "x"); !os.IsNotExist(err) {
		t.Error(err)
	}
}

// TestDamagedKRL: where ssh-keygen stops at a KRL and takes no key for good, so
// do we.
func TestDamagedKRL(t *testing.T) {
	t.Parallel()
	r := newRevoking(t)
	whole := r.krl("serial: 5-9\nserial: 1000\nserial: 1003\nid: ana\nsha256: OTHER\nsha1: ECDSA\nkey: ECDSA\n")
	r.agrees("whole", whole, "", "")
	for n := len(krlMagic); n < len(whole); n += 3 {
		r.atLeast("cut", whole[:n])
	}
	for at := len(krlMagic); at < len(whole); at++ {
		damaged := slices.Clone(whole)
		damaged[at] ^= 1 << (at % 8)
		r.atLeast("flipped", damaged)
	}
}

// TestKRLWithFaults: sections that have no such form, which ssh-keygen refuses too.
func TestKRLWithFaults(t *testing.T) {
	t.Parallel()
	r := newRevoking(t)
	number := func(all ...uint64) (b []byte) {
		for _, n := range all {
			b = binary.BigEndian.AppendUint64(b, n)
		}
		return b
	}
	of := func(kind uint8, data []byte) []byte {
		return krlOf(1, "", section(1, slices.Concat(text(""), text(""), section(kind, data))))
	}
	by := func(ca []byte) []byte { return krlOf(1, "", section(1, slices.Concat(text(string(ca)), text("")))) }
	byRSA := func(bits uint, sign int64) []byte {
		modulus := new(big.Int).Add(new(big.Int).Lsh(big.NewInt(1), bits-1), big.NewInt(1))
		key, err := ssh.NewPublicKey(&rsa.PublicKey{N: modulus.Mul(modulus, big.NewInt(sign)), E: 65537})
		if err != nil {
			t.Fatal(err)
		}
		return by(key.Marshal())
	}
	forged, _, _, _, err := ssh.ParseAuthorizedKey([]byte(r.words.Replace("CERT"))) //nolint:dogsled // the key
	if err != nil {
		t.Fatal(err)
	}
	forged.(*ssh.Certificate).Serial++
	long := strings.Repeat("x", 2048)
	r.agrees("one without faults", of(krlSerials, number(7)), "", "")
	r.agrees("as many bits as there may be", of(krlSerialBits, slices.Concat(number(9), text("\x00"+long))), "", "")
	r.agrees("of RSA with 1024 bits", byRSA(1024, 1), "", "")
	for name, data := range map[string][]byte{
		"another version": krlOf(2, "", nil), "a comment with a NUL": krlOf(1, "a\x00b", nil),
		"a signature": krlOf(1, "", section(4, nil)), "a section of another kind": krlOf(1, "", section(9, nil)),
		"short SHA-1": krlOf(1, "", section(krlSHA1, text("short"))), "short SHA-256": krlOf(1, "", section(krlSHA256, text("short"))),
		"half a string": krlOf(1, "", section(krlKeys, []byte{0, 0, 0, 9, 1})), "half a section": krlOf(1, "", []byte{1, 0, 0, 0, 9, 1}),
		"certificates of no authority": krlOf(1, "", section(1, nil)), "of an authority without a key": krlOf(1, "", section(1, slices.Concat(text("x"), text("")))),
		"serial number 0": of(krlSerials, number(7, 0)), "half a serial number": of(krlSerials, []byte{1, 2, 3}),
		"from 0": of(krlSerialRange, number(0, 5)), "from above to below": of(krlSerialRange, number(9, 5)), "to nowhere": of(krlSerialRange, number(9)),
		"bits of nothing": of(krlSerialBits, number(9)), "negative bits": of(krlSerialBits, slices.Concat(number(9), text("\xff"))),
		"bits from 0": of(krlSerialBits, slices.Concat(number(0), text("\x01"))), "too many bits": of(krlSerialBits, slices.Concat(number(9), text("\x00x"+long))),
		"one byte of bits too many": of(krlSerialBits, slices.Concat(number(9), text("\x01"+long))),
		"of RSA with 512 bits":      byRSA(512, 1), "of RSA with 1023 bits": byRSA(1023, 1), "of RSA below 0": byRSA(2048, -1), "of a certificate that nobody signed": by(forged.Marshal()),
		"bits beyond all numbers": of(krlSerialBits, slices.Concat(number(1<<64-1), text("\x07"))),
		"an id with a NUL":        of(krlKeyIDs, text("a\x00b")), "certificates in another way": of(0x29, nil),
	} {
		r.agrees(name, data, "unreadable", "")
	}
}

// krlOf puts a KRL together.
func krlOf(format uint32, comment string, sections []byte) []byte {
	return append([]byte(krlMagic), ssh.Marshal(struct {
		Format               uint32
		Version, Date, Flags uint64
		Reserved, Comment    string
		Sections             []byte `ssh:"rest"`
	}{format, 1, 2, 0, "", comment, sections})...)
}

func section(kind uint8, data []byte) []byte {
	return ssh.Marshal(struct {
		Kind uint8
		Data []byte
	}{kind, data})
}

func text(s string) []byte { return ssh.Marshal(struct{ S string }{s}) }

// FuzzKRL: what is read of a KRL is in it, and nothing in it is more than refused.
func FuzzKRL(f *testing.F) {
	key := someKey(f)
	blob := key.Marshal()
	long, short := sha256.Sum256(blob), sha1.Sum(blob)
	for _, sections := range [][]byte{
		nil, section(krlKeys, text(string(blob))), section(krlSHA1, text(string(short[:]))), section(krlSHA256, text(string(long[:]))),
		section(1, slices.Concat(text(string(blob)), text(""), section(krlSerialRange, make([]byte, 16)), section(krlKeyIDs, text("ana")))),
	} {
		f.Add(krlOf(1, "made by nobody", sections))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		data = append([]byte(krlMagic), bytes.TrimPrefix(data, []byte(krlMagic))...)
		r := Revoked{keys: map[string]bool{}, sums: map[string]bool{}}
		if r.readKRL(data) != nil {
			return
		}
		named := bytes.Contains(data, blob) || bytes.Contains(data, long[:]) || bytes.Contains(data, short[:])
		if r.Has(key) && !named {
			t.Errorf("revoked by %x", data)
		}
	})
}

// revoking is a signature, and files that may revoke its key.
type revoking struct {
	t                   *testing.T
	key                 ssh.PublicKey
	ca, list            string // files
	message, sig, allow string
	words               *strings.Replacer
}

func newRevoking(t *testing.T) *revoking {
	t.Helper()
	dir, mine, other, ecdsa, ca := t.TempDir(), keygen(t, "ed25519", ""), keygen(t, "ed25519", ""), keygen(t, "ecdsa", ""), keygen(t, "ed25519", "")
	r := &revoking{t: t, ca: ca + ".pub", list: filepath.Join(dir, "revoked"), message: filepath.Join(dir, "message"), allow: filepath.Join(dir, "allowed_signers")}
	r.sig = r.message + ".sig"
	put(t, r.message, []byte("x"))
	line := strings.Join(strings.Fields(publicKey(t, mine))[:2], " ")
	put(t, r.allow, []byte("ana "+line+"\n"))
	command(t, nil, nil, "ssh-keygen", "-q", "-Y", "sign", "-n", "file", "-f", mine, r.message)
	command(t, nil, nil, "ssh-keygen", "-q", "-s", ca, "-I", "ana", "-n", "ana", "-z", "7", mine+".pub", other+".pub")
	kind, blob, _ := strings.Cut(line, " ")
	otherLine := strings.TrimSpace(publicKey(t, other))
	var err error
	if r.key, _, _, _, err = ssh.ParseAuthorizedKey([]byte(line)); err != nil {
		t.Fatal(err)
	}
	r.words = strings.NewReplacer("OTHERBLOB", strings.Fields(otherLine)[1], "KEY", line, "TYPE", kind, "BLOB", blob, "HASH", ssh.FingerprintSHA256(r.key),
		"OTHER", otherLine, "ECDSA", strings.TrimSpace(publicKey(t, ecdsa)), "CERT", string(get(t, mine+"-cert.pub")), "FOREIGN", string(get(t, other+"-cert.pub")))
	return r
}

// krl has ssh-keygen make a KRL.
func (r *revoking) krl(spec string) []byte {
	r.t.Helper()
	put(r.t, r.list+".spec", []byte(r.words.Replace(spec)))
	command(r.t, nil, nil, "ssh-keygen", "-q", "-k", "-f", r.list+".krl", "-s", r.ca, "-z", "3", r.list+".spec")
	return get(r.t, r.list+".krl")
}

// held is what our list says of the key, and whether ssh-keygen refuses its
// signature.
func (r *revoking) held(data []byte) (ours string, theirs bool) {
	r.t.Helper()
	put(r.t, r.list, data)
	_, err := try(r.t, nil, []byte("x"), "ssh-keygen", "-Y", "verify", "-f", r.allow, "-I", "ana", "-n", "file", "-s", r.sig, "-r", r.list)
	list, unreadable := ReadRevoked(r.list)
	switch {
	case unreadable != nil:
		ours = "unreadable"
	case list.Has(r.key):
		ours = "revoked"
	}
	return ours, err != nil
}

func (r *revoking) agrees(name string, data []byte, want, stricter string) {
	r.t.Helper()
	ours, theirs := r.held(data)
	if ours != want {
		r.t.Errorf("%s: ours is %q, want %q", name, ours, want)
	}
	if theirs != (ours != "" && stricter == "") {
		r.t.Errorf("%s: ours is %q, ssh-keygen refuses: %v", name, ours, theirs)
	}
}

func (r *revoking) atLeast(name string, data []byte) {
	r.t.Helper()
	if ours, theirs := r.held(data); theirs && ours == "" {
		r.t.Errorf("%s: the key stays good, and ssh-keygen refuses it: %x", name, data)
	}
}
