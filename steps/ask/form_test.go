package ask_test

import (
	"strings"
	"testing"

	"runbook/steps/ask"
)

func form() *ask.Form {
	return &ask.Form{Fields: []ask.Field{
		{Name: "impact", Title: "who is affected"},
		{Name: "etr", Match: `^\d\d:\d\d$`, Example: "15:30"},
	}}
}

func TestFormSplit(t *testing.T) {
	t.Parallel()
	for line, wanted := range map[string]string{
		"impact=logins fail; etr=16:00":               "impact=logins fail; etr=16:00",
		" etr = 16:00 ;impact= logins; all of them; ": "impact=logins; all of them; etr=16:00",
		"impact=a=b; x=y; etr=16:00":                  "impact=a=b; x=y; etr=16:00",
		"impact=logins fail":                          "!etr wants an answer",
		"impact=; etr=16:00":                          "!impact wants an answer",
		"impact=x; etr=soon":                          "!etr is to match ^\\d\\d:\\d\\d$, such as 15:30",
		"impact=x; etr=16:00; impact=y":               "!impact is answered twice",
		"logins fail":                                 "!want impact=…; etr=…",
		"":                                            "!wants an answer",
	} {
		answers, err := form().Split(line)
		got := form().Join(answers)
		if problem, bad := strings.CutPrefix(wanted, "!"); bad {
			if err == nil || !strings.Contains(err.Error(), problem) {
				t.Errorf("%q: %v, want %q", line, err, problem)
			}
			continue
		}
		if err != nil || got != wanted {
			t.Errorf("%q: %q, %v; want %q", line, got, err, wanted)
		}
		if again, err := form().Split(got); err != nil || form().Join(again) != got {
			t.Errorf("%q is read as %q, %v", got, again, err)
		}
	}
	if _, err := form().Split(form().Rehearsed()); err != nil {
		t.Errorf("what a rehearsal answers: %v", err)
	}
}

func TestFormValidate(t *testing.T) {
	t.Parallel()
	if err := form().Validate(); err != nil {
		t.Error(err)
	}
	for name, fields := range map[string][]ask.Field{
		"want 1 to 12":        nil,
		"is no name":          {{Name: "Im pact"}},
		"two are called":      {{Name: "a"}, {Name: "a"}},
		"wants an answer":     {{Name: "a", Match: "x"}},
		"is to match x":       {{Name: "a", Match: "x", Example: "y"}},
		"missing closing ]: ": {{Name: "a", Match: "[", Example: "y"}},
	} {
		if err := (&ask.Form{Fields: fields}).Validate(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v: %v, want %q", fields, err, name)
		}
	}
}
