package bundle_test

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"runbook/runbook/journal"
)

// TestScriptAgreesOnHeads posts heads as others do, and as nobody did.
func TestScriptAgreesOnHeads(t *testing.T) {
	t.Parallel()
	box := toolbox(t)
	o := finish(t)
	entries, err := journal.Read(o.dir)
	must(t, err)
	line := func(n int) string { return journal.HeadLine(o.log.Run(), uint64(n), entries[n-1].Head) }
	last := len(entries)
	forged := journal.HeadLine(o.log.Run(), 3, strings.Repeat("ab", 32))
	later := journal.HeadLine(o.log.Run(), uint64(last)+1, strings.Repeat("ab", 32))
	others := "run ffffffff head " + journal.HeadCode(2, strings.Repeat("ab", 32))
	o.heads = filepath.Join(t.TempDir(), "mail")
	for _, c := range []struct {
		text, word string
		exit       int
	}{
		{line(last), "ok", 0},
		{"x\r\n> *" + line(1) + "*, é" + line(2) + "\xff\n" + others + "\n" + journal.HeadCode(3, entries[2].Head) + ".", "ok", 0},
		{line(last) + " " + forged, "forked", 1},
		{line(1) + "\n" + later, "rolled back", 1},
		{forged + "\n" + later, "forked", 1},
		{later + "\n" + forged, "rolled back", 1},
		{line(1) + "\nrun ABCD head " + journal.HeadCode(2, strings.Repeat("ab", 32)), "forked", 1},
		{line(1) + "\n" + forged + "X\nx" + later[len("run 12345678 head "):], "ok", 0},
	} {
		put(t, o.heads, c.text)
		_, theirs := o.agree(fmt.Sprintf("%q", c.text), c.exit, box)
		if !strings.Contains(theirs, "\nanchoring "+c.word+"  ") || !strings.HasSuffix(theirs, "\n"+line(last)+"\n") {
			t.Errorf("%q: want %s and the head %s:\n%s", c.text, c.word, line(last), theirs)
		}
	}
	for _, text := range []string{"", others, "run 12 head"} {
		put(t, o.heads, text)
		cmd := exec.CommandContext(t.Context(), "/bin/sh", filepath.Join(o.dir, "VERIFY.sh"), o.signers, "/dev/null", o.heads)
		if out, _ := cmd.CombinedOutput(); cmd.ProcessState.ExitCode() != 2 || !strings.Contains(string(out), "no head code") {
			t.Errorf("%q: %s", text, out)
		}
		if _, err := journal.ReadAnchors(o.heads, o.log.Run()); err == nil {
			t.Errorf("%q: taken", text)
		}
	}
}
