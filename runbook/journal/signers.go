package journal

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// Signers says whose keys count, as a file allowed_signers of OpenSSH does. The
// zero Signers is none given.
type Signers struct {
	given   bool
	lines   []signerLine
	revoked Revoked
	unread  error // why it is not known which keys are revoked
}

// ErrRevoked says that a key signs nothing any more, also not what it signed
// before: only its signer says when that was.
var ErrRevoked = errors.New("revoked")

// signerLine is one line of allowed_signers.
type signerLine struct {
	principals    string // patterns, comma separated
	key           ssh.PublicKey
	namespaces    string // patterns, comma separated; empty is any
	after, before time.Time
}

// Given reports whether a file was read, also an empty one.
func (s Signers) Given() bool { return s.given }

// Without is s less the keys that were revoked. With an error, why that is not
// known, no key counts.
func (s Signers) Without(r Revoked, unread error) Signers {
	s.revoked, s.unread = r, unread
	return s
}

// Revokes reports whether any key may be revoked.
func (s Signers) Revokes() bool {
	return s.unread != nil || len(s.revoked.keys) > 0 || len(s.revoked.sums) > 0
}

// Revoked says that key was revoked, ErrRevoked, and whose it is where the file
// says that; or why nobody knows. Where no signers are given it says so too.
func (s Signers) Revoked(key ssh.PublicKey) error {
	switch {
	case s.unread != nil:
		return s.unread
	case !s.revoked.Has(key):
		return nil
	}
	who := ssh.FingerprintSHA256(key)
	for _, l := range s.lines {
		if bytes.Equal(l.key.Marshal(), key.Marshal()) {
			who = l.principals + " " + who
			break
		}
	}
	return fmt.Errorf("%s is %w", who, ErrRevoked)
}

// Principal returns who the file says owns key, if it may sign in namespace at
// that time: the principals of the first line that fits. The error says why
// none does.
func (s Signers) Principal(key ssh.PublicKey, namespace string, at time.Time) (string, error) {
	if err := s.Revoked(key); err != nil {
		return "", err
	}
	err := errors.New("not in allowed_signers")
	for _, l := range s.lines {
		switch {
		case !bytes.Equal(l.key.Marshal(), key.Marshal()):
		case l.namespaces != "" && !matchList(namespace, l.namespaces):
			err = fmt.Errorf("allowed_signers does not list it for %s", namespace)
		case !l.after.IsZero() && at.Before(l.after):
			err = fmt.Errorf("not valid before %s", l.after.UTC().Format(time.RFC3339))
		case !l.before.IsZero() && at.After(l.before):
			err = fmt.Errorf("not valid after %s", l.before.UTC().Format(time.RFC3339))
		default:
			return l.principals, nil
		}
	}
	return "", err
}

// Principals are those that may sign in namespace at that time, as the lines of
// their keys name them.
func (s Signers) Principals(namespace string, at time.Time) []string {
	var all []string
	for _, l := range s.lines {
		who, err := s.Principal(l.key, namespace, at)
		if err == nil && !slices.Contains(all, who) {
			all = append(all, who)
		}
	}
	return all
}

// ReadSigners reads an allowed_signers file: principals, options (namespaces,
// valid-after, valid-before), key. Lines of certificate authorities are passed
// over; an option it does not know is an error, since it may be a limit.
func ReadSigners(file string) (Signers, error) {
	b, err := readKeyList(file)
	if err != nil {
		return Signers{}, err
	}
	s := Signers{given: true}
	for i, line := range strings.Split(string(b), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		l, skip, err := parseSigner(line)
		if err != nil {
			return Signers{}, fmt.Errorf("%s:%d: %w", file, i+1, err)
		}
		if !skip {
			s.lines = append(s.lines, l)
		}
	}
	return s, nil
}

func parseSigner(line string) (l signerLine, skip bool, err error) {
	principals, rest, ok := cutPrincipals(line)
	if !ok {
		return l, false, errors.New("want: principals [options] key")
	}
	key, _, options, tail, err := ssh.ParseAuthorizedKey([]byte(rest))
	if err != nil || len(tail) > 0 {
		return l, false, errors.New("no key that can be read")
	}
	// ParseAuthorizedKey passes over what is between the options, and stops at a
	// carriage return.
	if before, _, _ := strings.Cut(rest, key.Type()); strings.TrimSpace(before) != strings.Join(options, ",") || strings.Contains(rest, "\r") {
		return l, false, errors.New(`want options as name="…",name="…"`)
	}
	l = signerLine{principals: principals, key: key}
	said := map[string]bool{}
	for _, option := range options {
		name, value, err := cutOption(option)
		if said[name] && err == nil {
			err = fmt.Errorf("option %s stands there twice", name)
		}
		if said[name] = true; err != nil {
			return l, false, err
		}
		switch name {
		case "cert-authority":
			skip = true
		case "namespaces":
			if value == "" {
				err = errors.New("namespaces is empty")
			}
			l.namespaces = value
		case "valid-after":
			l.after, err = parseStamp(value)
		case "valid-before":
			l.before, err = parseStamp(value)
		default:
			err = fmt.Errorf("option %s is not known here", name)
		}
		if err != nil {
			return l, false, err
		}
	}
	return l, skip, nil
}

// cutOption parts an option, name or name="value", as strictly as ssh-keygen.
func cutOption(option string) (name, value string, err error) {
	name, quoted, valued := strings.Cut(option, "=")
	value = strings.TrimSuffix(strings.TrimPrefix(quoted, `"`), `"`)
	if valued && quoted != `"`+value+`"` || strings.Contains(value, `"`) {
		return "", "", fmt.Errorf(`option %s: want %s="…"`, name, name)
	}
	return strings.ToLower(name), value, nil
}

// cutPrincipals parts the names from what follows. One with a ! before it says
// who it is not, which is no name to show.
func cutPrincipals(line string) (principals, rest string, ok bool) {
	if quoted, found := strings.CutPrefix(line, `"`); found {
		principals, rest, ok = strings.Cut(quoted, `"`)
	} else if i := strings.IndexAny(line, " \t"); i > 0 {
		principals, rest, ok = line[:i], line[i:], true
	}
	return principals, strings.TrimSpace(rest), ok && principals != "" && !strings.Contains(principals, "!")
}

// parseStamp reads YYYYMMDD[HHMM[SS]][Z]; without Z it is local time, as in
// OpenSSH.
func parseStamp(s string) (time.Time, error) {
	zone := time.Local //nolint:gosmopolitan // so does ssh-keygen
	digits, utc := strings.CutSuffix(s, "Z")
	if utc {
		zone = time.UTC
	}
	for _, layout := range []string{"20060102", "200601021504", "20060102150405"} {
		if len(layout) == len(digits) {
			return time.ParseInLocation(layout, digits, zone)
		}
	}
	return time.Time{}, fmt.Errorf("time %q: want YYYYMMDD[HHMM[SS]][Z]", s)
}

// matchList matches a name against comma separated patterns with * and ?. A
// pattern behind ! that matches refuses the name.
func matchList(name, patterns string) bool {
	found := false
	for _, pattern := range strings.Split(patterns, ",") {
		pattern, not := strings.CutPrefix(pattern, "!")
		ok, err := path.Match(strings.NewReplacer(`\`, `\\`, `[`, `\[`).Replace(pattern), name)
		if err != nil || !ok {
			continue
		}
		if not {
			return false
		}
		found = true
	}
	return found
}
