package journal

import (
	"strings"
	"testing"
	"time"
)

func aSignoff() Signoff {
	sum := strings.Repeat("ab", 32)
	return Signoff{
		World: Real, Run: strings.Repeat("7f", 16), Role: "qa-lead", Scope: ScopeRun, Decision: DecisionApprove,
		Book: "users-module", BookSHA: sum, Target: "prod", TargetSHA: sum, Mode: "deploy",
		Commitment: Commitment{N: 87, Head: sum, Bytes: 41230, SHA256: sum},
		ReportSHA:  sum, Note: `said "yes" at the desk`, Time: time.Date(2026, 11, 22, 7, 1, 2, 0, time.UTC),
	}
}

func TestSignoffIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	want := aSignoff()
	got, err := ParseSignoff(want.Text())
	if err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
}

func TestSignoffNotWrittenAsOneIs(t *testing.T) {
	t.Parallel()
	text := aSignoff().Text()
	for old, replaced := range map[string]string{
		"sign-off\n": "session\n", "role qa-lead": "role QA", "decision approve": "decision maybe", "scope run": "scope phase:",
		"entry 87": "entry 087", "entry 87\n": "entry 0\n", "bytes 41230": "bytes +41230", "world real": "world other", "note \"": "note  \"",
		"head abab": "head ABab", "time 2026-11-22T07:01:02Z": "time 2026-11-22T07:01:02+00:00", "mode deploy": "mode deploy\nmode deploy",
		"run 7f7f": "run 7f", "book users-module": "book users module", `yes\"`: `yes\n\"`, "target prod sha256": "target prod",
		"target prod": "target pr od", "mode deploy\n": "mode de ploy\n", "bytes 41230 ": "bytes 0 ", "head ab": "head ",
		"note \"said": "note \"" + strings.Repeat("x", 1000), "scope run\n": "scope phase:a b\n", "report sha256 ab": "report sha256 zz",
	} {
		if !strings.Contains(text, old) {
			t.Fatalf("%q is not in the statement", old)
		}
		if s, err := ParseSignoff(strings.Replace(text, old, replaced, 1)); err == nil {
			t.Errorf("%q for %q: taken as %+v", replaced, old, s)
		}
	}
	for _, more := range []string{text + "\n", text + "x", text[:len(text)-1], "", strings.Replace(text, "\n", "\r\n", 1)} {
		if _, err := ParseSignoff(more); err == nil {
			t.Errorf("taken: %q", more)
		}
	}
}
