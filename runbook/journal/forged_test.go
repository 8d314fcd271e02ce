package journal

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

// forgedSession is a session line with a key of its own, and a body that wrong
// has changed before it was signed.
func forgedSession(t *testing.T, dir string, wrong func(s *session), text ...string) []byte {
	t.Helper()
	c, err := scan(dir, func(Entry) {})
	if err != nil && !errors.Is(err, ErrTampered) && !errors.Is(err, ErrTorn) {
		c.head, c.sum = Zeros, sha256.New() // no log there yet
	}
	var before, cut []byte
	for k := range c.segs {
		before = append(before, cut...)
		cut = get(t, segmentPath(dir, uint64(k)+1))
	}
	valid := cut[:bytes.LastIndexByte(cut, '\n')+1]
	if i := bytes.Index(cut, []byte("garbage")); i >= 0 {
		valid = cut[:i]
	}
	rest := sha256.Sum256(cut[len(valid):])
	all := sha256.Sum256(slices.Concat(before, valid))
	public, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	e := Entry{V: 1, Run: strings.Repeat("7f", 16), Seg: uint64(len(c.segs)) + 1, N: c.n + 1, Prev: c.head, Time: time.Now(), Kind: KindSession}
	if c.run != "" {
		e.Run = c.run
	}
	s := session{
		SessionKey: base64.StdEncoding.EncodeToString(public), World: Real, PrevBytes: int64(len(valid)),
		Discarded: int64(len(cut) - len(valid)), Rest: hex.EncodeToString(rest[:]),
	}
	s.Stmt = s.statement(&e, int64(len(before)+len(valid)), hex.EncodeToString(all[:]))
	wrong(&s)
	if e.Body, err = encodeBody(s); err != nil {
		t.Fatal(err)
	}
	if len(text) == 2 {
		e.Body = bytes.Replace(e.Body, []byte(text[0]), []byte(text[1]), 1)
	}
	line, err := (&Log{key: key, o: Options{World: Real}}).sign(&e)
	if err != nil {
		t.Fatal(err)
	}
	return line
}

// TestForgedSession begins segments whose lines are signed and whose bodies are
// not what a session says.
func TestForgedSession(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		want  Word
		rest  string // behind the segment before; none: it is the first
		wrong func(s *session)
		text  []string // replaced in the body
	}{
		"nothing":              {OK, "torn", func(*session) {}, nil},
		"nothing, no rest":     {OK, "-", func(*session) {}, nil},
		"nothing, first":       {OK, "", func(*session) {}, nil},
		"cut earlier":          {Forked, "torn", func(s *session) { s.PrevBytes-- }, nil},
		"cut later":            {Tampered, "torn", func(s *session) { s.PrevBytes++ }, nil},
		"less discarded":       {Tampered, "torn", func(s *session) { s.Discarded-- }, nil},
		"other bytes":          {Tampered, "torn", func(s *session) { s.Rest = Zeros }, nil},
		"a line discarded":     {Tampered, "garbage\n", func(*session) {}, nil},
		"too much discarded":   {Tampered, "garbage" + strings.Repeat("x", MaxLine), func(*session) {}, nil},
		"statement":            {Tampered, "torn", func(s *session) { s.Stmt = strings.Replace(s.Stmt, "entry 2", "entry 3", 1) }, nil},
		"statement of less":    {Tampered, "torn", func(s *session) { s.Stmt = strings.Replace(s.Stmt, "bytes ", "bytes 1", 1) }, nil},
		"unknown key":          {Tampered, "torn", func(*session) {}, []string{`"world":"real"}`, `"world":"real","xtra":1}`}},
		"key missing":          {Tampered, "torn", func(*session) {}, []string{`"claims":null,`, ``}},
		"key in another case":  {Tampered, "torn", func(*session) {}, []string{`"claims":null,`, `"Claims":null,`}},
		"a third world":        {Tampered, "", func(s *session) { s.World = "other"; s.Stmt = strings.Replace(s.Stmt, "world real", "world other", 1) }, nil},
		"first, with a cut":    {Tampered, "", func(s *session) { s.PrevBytes = 5 }, nil},
		"first, with a rest":   {Tampered, "", func(s *session) { s.Discarded = 5 }, nil},
		"half a key":           {Tampered, "", func(s *session) { s.short() }, nil},
		"no signature":         {Tampered, "", func(s *session) { s.SSHSig = "no signature" }, nil},
		"half a key, no first": {Tampered, "torn", func(s *session) { s.short() }, nil},
	} {
		dir := t.TempDir()
		k := uint64(1)
		if c.rest != "" {
			closeLog(t, create(t, dir, Options{}))
			put(t, segmentPath(dir, 1), append(get(t, segmentPath(dir, 1)), strings.TrimPrefix(c.rest, "-")...))
			k = 2
		}
		put(t, segmentPath(dir, k), forgedSession(t, dir, c.wrong, c.text...))
		if r := Verify(dir, Policy{}); r.Integrity.Word != c.want {
			t.Errorf("%s: want %s: %q", name, c.want, r.Lines())
		}
	}
}

// short leaves 16 bytes of the session key, in the statement, too.
func (s *session) short() {
	half := base64.StdEncoding.EncodeToString(make([]byte, 16))
	s.Stmt = strings.Replace(s.Stmt, s.SessionKey, half, 1)
	s.SessionKey = half
}
