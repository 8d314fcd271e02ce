package journal

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// FuzzParseSignoff: what is accepted is exactly what we would write, and holds
// nothing that moves a cursor.
func FuzzParseSignoff(f *testing.F) {
	text := aSignoff().Text()
	for _, seed := range []string{text, text + "\n", strings.Replace(text, "yes", "\\x1b[2J", 1), strings.Replace(text, "2026", "12026", 1), strings.Replace(text, "Z\n", "+00:00\n", 1)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseSignoff(text)
		if err != nil {
			return
		}
		if s.Text() != text {
			t.Errorf("accepted %q, would write %q", text, s.Text())
		}
		for _, r := range text {
			if r < ' ' && r != '\n' || r == 0x7f {
				t.Errorf("accepted %q", text)
			}
		}
	})
}

// FuzzParseHandOver: what is accepted is exactly what we would write.
func FuzzParseHandOver(f *testing.F) {
	text := aHandOver().Text()
	for _, seed := range []string{text, text + "\n", strings.Replace(text, "entry 3", "entry 03", 1), strings.Replace(text, "Z\n", "+00:00\n", 1)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if h, err := parseHandOver(text); err == nil && h.Text() != text {
			t.Errorf("accepted %q, would write %q", text, h.Text())
		}
	})
}

// FuzzParseDelegation: so it is of what lets a key write slots.
func FuzzParseDelegation(f *testing.F) {
	at := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	text := delegation{
		World: Real, Run: strings.Repeat("7f", 16), Commitment: aSignoff().Commitment, Key: strings.Repeat("A", 43) + "=",
		From: at, Until: at.Add(time.Hour), Watches: []string{"alive", "errors"}, Time: at,
	}.text()
	for _, seed := range []string{
		text, text + "\n", strings.Replace(text, "alive errors", "alive  errors", 1), strings.Replace(text, "alive", "../x", 1),
		strings.Replace(text, "entry ", "entry +", 1), strings.Replace(text, "Z\n", "+00:00\n", 1), strings.Replace(text, "watch-key", "key", 1),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := parseDelegation(text)
		if err != nil {
			return
		}
		if d.text() != text {
			t.Errorf("accepted %q, would write %q", text, d.text())
		}
		for _, watch := range d.Watches {
			if !nameForm().MatchString(watch) {
				t.Errorf("accepted watch %q", watch)
			}
		}
	})
}

// FuzzVerifierFiles reads the files of a verifier, who may have them from
// anybody: nothing in them is more than a line that is refused.
func FuzzVerifierFiles(f *testing.F) {
	key := someKey(f)
	line := string(ssh.MarshalAuthorizedKey(key))
	head := HeadLine(strings.Repeat("7f", 16), 87, strings.Repeat("ab", 32))
	for _, seed := range []string{"ann " + line, `ann namespaces="signoff.*" ` + line, line, "SSHKRL\n\x00", head, "-----BEGIN SSH SIGNATURE-----\n"} {
		f.Add([]byte(seed))
	}
	run := strings.Repeat("7f", 16)
	f.Fuzz(func(t *testing.T, data []byte) {
		file := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if s, err := ReadSigners(file); err == nil {
			if who, err := s.Principal(key, SignoffNamespace(Real, "qa"), time.Unix(1e9, 0)); err == nil && who == "" {
				t.Errorf("nobody was taken for somebody by %q", data)
			}
		}
		if r, err := ReadRevoked(file); err == nil && r.Has(key) && !strings.Contains(string(data), "ssh-ed25519") && !strings.HasPrefix(string(data), krlMagic) {
			t.Errorf("revoked by %q", data)
		}
		if all, err := ReadAnchors(file, run); err == nil && len(all) == 0 {
			t.Errorf("no anchor and no error in %q", data)
		}
		if _, err := checkSigned(string(data), SignoffNamespace(Real, "qa"), "x"); err == nil {
			t.Errorf("signed: %q", data)
		}
	})
}

func someKey(f *testing.F) ssh.PublicKey {
	f.Helper()
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ6Y0x0x0x0x0x0x0x0x0x0x0x0x0x0x0x0x0x0x0x0x"))
	if err != nil {
		f.Fatal(err)
	}
	return key
}
