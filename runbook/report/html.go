package report

import (
	_ "embed" // for pageText
	"html/template"
	"io"
	"strings"
	"sync"

	"runbook/steps"
)

// pageText is the HTML of a report: no script, no link, nothing to fetch.
//
//go:embed page.html
var pageText string

// pageHTML escapes all that it is given; an account holds no link. It is made when
// it is first used: every start of the program would pay for it.
var pageHTML = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("report").Funcs(pageWords).Parse(pageText))
})

var pageWords = template.FuncMap{
	"heading": (*Account).heading, "facts": (*Account).facts, "headline": (*Account).headLine, "how": (*Account).how,
	"stood": (*Account).stood, "groups": (*Account).groups,
	"short":  func(a *Account) string { return a.Run[:min(8, len(a.Run))] },
	"corner": (*Account).corner,
	"drove":  Session.drove, "signedby": Session.key, "verdicts": (*Verified).lines, "said": Finding.line,
	"wanted": Signoff.wanted, "decision": Decision.line, "goal": Objective.line, "who": Memo.who, "of": OutputTail.of,
	"line": Phase.line, "ids": Phase.ids, "word": Step.word, "times": Step.times, "by": Step.by, "tells": Step.tells,
	"sign": func(s Step) string { return s.mark }, "slots": (*Slots).line, "slot": Slot.line, "act": Act.line,
	"shown":      func(c *Command) []string { return c.shown },
	"signedtone": Signoff.tone, "signedword": Signoff.word, "evidence": Step.shown, "loud": Step.tone,
	"nothing": func() string { return nothing },
	"value":   value, "stamp": stamp, "upper": strings.ToUpper, "tone": tone,
}

func writeHTML(w io.Writer, a *Account) error { return pageHTML().Execute(w, a) }

// corner stands on every page of paper.
func (a *Account) corner() string {
	words := []string{}
	for _, mark := range a.Marks {
		word, _, _ := strings.Cut(mark, ":")
		words = append(words, word)
	}
	return strings.Join(words, ", ")
}

// tone is how loud a state is; the word says it too.
func tone(state string) string {
	switch state {
	case "failed", "unknown", "declined", "running", "rejected", "reported against", "missing", unverified, doubled:
		return "bad"
	case "passed", "confirmed", "signed":
		return "good"
	case "pending", "not applicable", "not asked":
		return "soft"
	}
	return "care"
}

// tone of a step that nobody answered is not that of one that somebody did.
func (s Step) tone() string {
	if loud := tone(s.State); loud != "good" || !s.Rehearsed && s.Verdict != "warn" {
		return loud
	}
	return "care"
}

func value(e steps.Evidence) string {
	if e.Unit != "" {
		return e.Value + " " + e.Unit
	}
	return e.Value
}
