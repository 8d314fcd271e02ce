package tui

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"runbook/runbook"
)

var sgr = regexp.MustCompile(`\x1b\[[0-9;:]*m`)

// onlySGR fails on a line that holds anything a terminal acts on but colours.
func onlySGR(t *testing.T, line string) {
	t.Helper()
	for _, r := range sgr.ReplaceAllString(line, "") {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			t.Fatalf("%U in the line %q", r, line)
		}
	}
}

// TestHostileText puts escapes into whatever comes from outside.
func TestHostileText(t *testing.T) {
	t.Parallel()
	const evil = "a\x1b]52;c;aGk=\x07b\x1b[2J\u202ec\r\n\x9b31md"
	b := begin(t, small, 80, 24)
	b.ready()
	b.book.Hints[0].Issue, b.book.Contacts[0].Name = evil, evil
	for _, s := range b.book.Phases[0].Steps {
		s.Title, s.Note, s.Covers = evil, evil, []string{evil}
	}
	b.book.Phases[0].Title, b.book.Plans[0].Title, b.book.Plans[0].Loses = evil, evil, evil
	st := b.snap.run.Steps["jwt"]
	st.Result.Reason, st.Result.Where = "jwt "+evil, evil
	st.Result.Saw(evil, evil, evil, evil)
	b.snap.run.Target, b.snap.run.Operator, b.snap.run.Vars["image_tag"] = evil, evil, evil
	b.missing = explain(errors.New(evil))
	check := func() {
		t.Helper()
		for line := range strings.SplitSeq(b.View().Content, "\n") {
			onlySGR(t, line)
		}
	}
	for _, l := range b.layers {
		l.screen.(*phaseScreen).refresh(b.model)
	}
	check()
	b.shows("U+202E")
	s := b.book.Step("jwt")
	i, _ := b.intent(runbook.Accept, "jwt")
	screens := []screen{
		newEvidence(b.model, s), newPause(b.model, i), newEnding(b.model, i), newEnded(b.model),
		newPlans(b.model, b.book.Plans), newCancel(s, false), &eitherScreen{step: s},
		&reasonScreen{step: s, intent: i, field: newField(evil)}, newApproval(b.model, s, i), newOutput(s),
	}
	for _, x := range screens {
		b.push(x)
		check()
		b.home()
	}
}
