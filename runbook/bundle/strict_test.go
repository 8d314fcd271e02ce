package bundle_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"runbook/runbook"
	"runbook/runbook/journal"
)

// TestScriptAgreesOnTheFormOfAStart: what a lenient reader makes no role of is
// no start.
func TestScriptAgreesOnTheFormOfAStart(t *testing.T) {
	t.Parallel()
	box := toolbox(t)
	role := func(key string, distinct any) any {
		return []any{map[string]any{key: "qa", "scope": "run", "distinct": distinct}}
	}
	for _, c := range []struct {
		name, key string
		value     any
		exit      int
	}{
		{"roles are false", "signoffs", false, 1},
		{"roles are a table", "signoffs", map[string]any{}, 1},
		{"distinct is a word", "signoffs", role("role", "true"), 1},
		{"a key of a role in other letters", "signoffs", role("Role", true), 1},
		{"roles in other letters", "Signoffs", role("role", true), 1},
		{"what ran is a word", "ran", "migrate", 1},
		{"the mode has a line end", "mode", "deploy\n", 4},
		{"the mode has a NUL", "mode", "deploy\x00", 4},
		{"the hash has a line end", "book_sha256", sum("book") + "\n", 1},
	} {
		o := open(t)
		o.start[c.key] = c.value
		o.add("run.start", o.start)
		o.add("run.end", nil)
		o.attest(o.dev, "dev", journal.DecisionApprove)
		o.attest(o.qa, "qa", journal.DecisionApprove)
		o.agree(c.name, c.exit, box)
	}
}

// TestScriptReadsSignersAsWeDo: the last line without its end, a name with a space.
func TestScriptReadsSignersAsWeDo(t *testing.T) {
	t.Parallel()
	box := toolbox(t)
	o := finish(t)
	put(t, o.signers, `"dev one" `+o.dev.public+"eve@example.com "+o.qa.public[:len(o.qa.public)-1])
	o.agree("signers", 0, box)
}

// TestScriptAgreesOnFieldsOfAnotherType: they are what was signed, and what
// the others name is still held against the file.
func TestScriptAgreesOnFieldsOfAnotherType(t *testing.T) {
	t.Parallel()
	box := toolbox(t)
	o := open(t)
	delete(o.start, "signoffs")
	o.add("run.start", o.start)
	o.add("run.intent", map[string]any{"step": 1, "attempt": "one"})
	o.add("run.result", map[string]any{"step": []string{"x"}, "out_sha256": 5})
	o.add("run.result", map[string]any{"step": "migrate", "attempt": 1, "exit": "none", "out_sha256": sum("output")})
	o.add("rollback.start", map[string]any{"plan": true})
	o.add("run.end", nil)
	o.agree("of another type", 0, box)
	out := filepath.Join(o.dir, "steps", "migrate.1", "out.red")
	must(t, os.MkdirAll(filepath.Dir(out), 0o700))
	put(t, out, "another")
	if r := runbook.Verify(o.dir, journal.Policy{}); r.Integrity.Word != journal.Tampered || !strings.Contains(r.Integrity.Text, "out.red is not what entry 5 recorded") {
		t.Errorf("another output: %q", r.Lines())
	}
}
