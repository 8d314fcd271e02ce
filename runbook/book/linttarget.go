package book

import (
	"fmt"
	"strings"
	"time"
)

// longWaiver is for how many days from now a waiver may stand without a warning.
const longWaiver = 90

// LintTarget returns what a careful author of a target would not write:
// warnings, in the order of the file. Books are those it is used for; a waiver
// of a step that none of them has is a mistake.
func LintTarget(t *Target, books []*Book, now time.Time) []Problem {
	var list []Problem
	warn := func(path, format string, args ...any) {
		list = append(list, placed(t.layers, Problem{Text: fmt.Sprintf(format, args...), Warning: true, path: path}))
	}
	if !t.Guard && t.Vars["environment"] == "production" {
		warn("vars.environment", "environment is production, and nothing guards it: guard = true asks for an approval before anything is changed")
	}
	for i, w := range t.Waivers {
		path := join(element("waiver", i), "step")
		if why, stands := w.Waives(now); !stands {
			warn(path, "the waiver of %s %s: it counts for nothing", w.Step, why)
		}
		if last := Date(now.UTC().AddDate(0, 0, longWaiver).Format(time.DateOnly)); w.Until > last {
			warn(join(element("waiver", i), "until"), "the waiver of %s stands until %s, over %d days from now: nobody will look at it again", w.Step, w.Until, longWaiver)
		}
		if text := idle(w.Step, books); text != "" {
			warn(path, "%s", text)
		}
	}
	sortProblems(list)
	return list
}

// idle says why a waiver of that step never counts: no book has it, or none
// lets it be waived.
func idle(id string, books []*Book) string {
	text := ""
	var names, ids []string
	for _, b := range books {
		names, ids = append(names, b.Name), append(ids, b.ids(isCheck)...)
		switch s := b.Step(id); {
		case s == nil:
		case !isCheck(s):
			text = fmt.Sprintf("%s is no check: nothing else is waived", id)
		case s.Critical:
			text = fmt.Sprintf("%s is critical in %s: no waiver lets it pass, a person decides", id, b.Name)
		default:
			return ""
		}
	}
	if text == "" && len(books) > 0 {
		text = fmt.Sprintf("no step is called %s in %s%s", id, strings.Join(names, ", "), nearest(id, ids))
	}
	return text
}
