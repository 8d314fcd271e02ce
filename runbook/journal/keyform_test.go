package journal

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"
)

// otherwise says the same key to a reader of base64 that passes over line ends
// or over what the last digit has too much of, or says too little.
func otherwise(key string) map[string]string {
	return map[string]string{
		"over two lines":          key[:20] + "\n" + key[20:],
		"with a carriage return":  key[:20] + "\r" + key[20:],
		"with one at its end":     key + "\r",
		"with another last digit": key[:42] + string(key[42]+1) + "=",
		"without padding":         key[:43],
		"a byte less":             base64.StdEncoding.EncodeToString(make([]byte, 31)),
		"empty":                   "",
	}
}

// TestKeyInAStatementHasOneForm: what is no key to VERIFY.sh is none to us. The
// session is as its holder would write it past all checks.
func TestKeyInAStatementHasOneForm(t *testing.T) {
	t.Parallel()
	d := aDesk(t, "ann")
	public, _ := d.log.key.Public().(ed25519.PublicKey)
	right := base64.StdEncoding.EncodeToString(public)
	if key, err := publicKeyOf(right); err != nil || !key.Equal(public) {
		t.Errorf("%x, %v", key, err)
	}
	sum := sha256.Sum256(nil)
	nothing := hex.EncodeToString(sum[:])
	begun := func(key string) Report {
		dir := t.TempDir()
		s := session{SessionKey: key, World: Real, Rest: nothing, Tool: "test"}
		e := d.log.entry(KindSession, 1, Zeros)
		s.Stmt = s.statement(&e, 0, nothing)
		d.log.delegate(&s)
		var err error
		if e.Body, err = encodeBody(s); err != nil {
			t.Fatal(err)
		}
		line, err := d.log.sign(&e)
		if err != nil {
			t.Fatal(err)
		}
		put(t, segmentPath(dir, 1), line)
		return Verify(dir, d.policy(t))
	}
	if r := begun(right); r.Integrity.Word != OK {
		t.Fatalf("%q", r.Lines())
	}
	for name, text := range otherwise(right) {
		if key, err := publicKeyOf(text); err == nil {
			t.Errorf("%s: taken as %x", name, key)
		}
		if r := begun(text); r.Integrity.Word != Tampered || !strings.Contains(r.Integrity.Text, "session_key is not 32 bytes") {
			t.Errorf("%s: %q", name, r.Lines())
		}
	}
}
