package book

import (
	"fmt"
	"strings"
	"time"
)

// Waiver lets a check that fails pass as accepted, from the day From to the
// end of the day Until: somebody knows of it, and a ticket says what becomes
// of it. It lets nothing else pass: what could not be measured is not known,
// and a critical step wants a person.
type Waiver struct {
	Step   string `mapstructure:"step"`   // id of the check
	From   Date   `mapstructure:"from"`   // the first day; at once if empty
	Until  Date   `mapstructure:"until"`  // the last day
	Ticket string `mapstructure:"ticket"` // where it is dealt with
	By     string `mapstructure:"by"`     // who answers for it
}

// Date is a day of UTC, "2026-12-31". Later days are greater.
type Date string

// dateOf reads a day: a date of TOML, or the same in quotes.
func dateOf(value any) (Date, error) {
	switch v := value.(type) {
	case time.Time:
		if v.Location().String() == "date-local" { // so the library marks a date without a time
			return Date(v.Format(time.DateOnly)), nil
		}
	case string:
		if _, err := time.Parse(time.DateOnly, v); err == nil {
			return Date(v), nil
		}
	}
	return "", fmt.Errorf("wants a day, such as 2026-12-31")
}

// Waives reports whether the waiver stands at a time. If it does not, why says
// so: it has ended, or is still to begin.
func (w *Waiver) Waives(now time.Time) (why string, stands bool) {
	switch today := Date(now.UTC().Format(time.DateOnly)); {
	case today > w.Until:
		return "ended " + string(w.Until), false
	case today < w.From:
		return "begins " + string(w.From), false
	}
	return "", true
}

// String is the waiver in one line, without its step.
func (w *Waiver) String() string {
	from := ""
	if w.From != "" {
		from = "from " + string(w.From) + " "
	}
	return fmt.Sprintf("waived by %s, %s, %suntil %s", w.By, w.Ticket, from, w.Until)
}

// Waiver is the target's waiver of a step, nil if it has none.
func (t *Target) Waiver(step string) *Waiver {
	for i := range t.Waivers {
		if t.Waivers[i].Step == step {
			return &t.Waivers[i]
		}
	}
	return nil
}

func (r *reader) waivers(t *Target) {
	seen := map[string]bool{}
	for i, w := range t.Waivers {
		path := element("waiver", i)
		r.id(join(path, "step"), w.Step)
		r.said(join(path, "by"), w.By, "who answers for it")
		r.said(join(path, "ticket"), w.Ticket, "where it is dealt with")
		switch {
		case w.Until == "":
			r.at(join(path, "until"), "until is missing: the last day on which it counts")
		case w.From > w.Until:
			r.at(join(path, "from"), "the waiver ends %s, before it begins", w.Until)
		}
		if seen[w.Step] && w.Step != "" {
			r.at(path, "%s is waived twice", w.Step)
		}
		seen[w.Step] = true
	}
}

// said wants a line of text.
func (r *reader) said(path, text, what string) {
	switch {
	case strings.TrimSpace(text) == "":
		r.at(path, "%s is missing: %s", short(path), what)
	case strings.ContainsAny(text, "\x00\n\r"):
		r.at(path, "%s is one line", short(path))
	}
}
