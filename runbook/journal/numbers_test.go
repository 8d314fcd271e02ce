package journal

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// jqs are all that PATH leads to: versions differ in what they make of a number.
func jqs(t *testing.T) []string {
	t.Helper()
	var all, real []string
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		path, err := exec.LookPath(filepath.Join(dir, "jq"))
		if err != nil {
			continue
		}
		if file, err := filepath.EvalSymlinks(path); err == nil && !slices.Contains(real, file) {
			all, real = append(all, path), append(real, file)
		}
	}
	if len(all) == 0 {
		t.Skip("no jq on this machine")
	}
	return all
}

// TestNumbersHaveOneForm signs lines whose numbers are written in some form or
// other, and asks both readers. A jq that loses digits can't tell, and says so.
func TestNumbersHaveOneForm(t *testing.T) {
	t.Parallel()
	d := aDesk(t, "ann")
	add(t, d.log, "note", nil)
	n, head := d.log.Head()
	e := d.log.entry("note", n+1, head)
	e.Mono, e.Body = 7, []byte(`{"a":8}`)
	for _, c := range []struct {
		from, to string
		want     Word
		lost     bool // to a jq that loses digits
	}{
		{`"a":8`, `"a":-8`, OK, false},
		{`"a":8`, `"a":1.0`, Tampered, false},
		{`"a":8`, `"a":1E+2`, Tampered, false},
		{`"a":8`, `"a":-0`, Tampered, false},
		{`"a":8`, `"a":99999999999999999999`, Tampered, true},
		{`"a":8`, `"a":9223372036854775808`, Tampered, true},
		{`"a":8`, `"a":[9223372036854775807,-9223372036854775808]`, OK, true},
		{`"mono":7`, `"mono":7.0`, Tampered, false},
		{`"mono":7`, `"mono":7E+2`, Tampered, false},
		{`"mono":7`, `"mono":9223372036854775807`, OK, true},
		{`{"v":1`, `{"v":1.0`, Tampered, false},
	} {
		dir := t.TempDir()
		text := []byte(strings.Replace(string(e.signed()), c.from, c.to, 1))
		sig := base64.StdEncoding.EncodeToString(ed25519.Sign(d.log.key, signedData(EntryNamespace(Real), text)))
		put(t, segmentPath(dir, 1), slices.Concat(segmentsOf(t, d.dir)[0], text, []byte(sigHead+sig+sigTail)))
		put(t, filepath.Join(dir, "VERIFY.sh"), get(t, "../bundle/VERIFY.sh"))
		if r := Verify(dir, d.policy(t)); r.Integrity.Word != c.want {
			t.Errorf("%s: want %s: %q", c.to, c.want, r.Lines())
		}
		for _, jq := range jqs(t) {
			said, _ := try(t, append(os.Environ(), "PATH="+filepath.Dir(jq)+":"+os.Getenv("PATH")), nil, "sh", filepath.Join(dir, "VERIFY.sh"), d.file)
			loses := c.lost && strings.HasPrefix(said, "integrity unreadable  this jq")
			if !loses && !strings.HasPrefix(said, fmt.Sprintf("integrity %s  ", c.want)) {
				t.Errorf("%s: want %s: with %s it says\n%s", c.to, c.want, jq, said)
			}
		}
	}
}
