package report

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"runbook/runbook/journal"
)

// The words that every format of a report has in common. What they take from
// an Account is safe, and not yet escaped for the format.

// nothing stands where no step is a finding.
const nothing = "Every step that applied passed or was confirmed, at the first try and without a warning."

// heading is the report in one line: what became of what, where.
func (a *Account) heading() string {
	words := strings.ToUpper(a.Outcome)
	if lacks := a.unsigned(); len(lacks) > 0 {
		words = "FINISHED, NOT SIGNED OFF (" + strings.Join(lacks, ", ") + ")"
	}
	words += ": " + a.Book.Name
	if release := a.value(a.release); release != "" {
		words += " " + release
	}
	words += " on " + a.Target.Name
	for _, v := range a.Demanded {
		words += ", " + v.Value
	}
	return words
}

func (a *Account) value(name string) string {
	for _, v := range a.Vars {
		if v.Name == name {
			return v.Value
		}
	}
	return ""
}

// pair is a line with a name.
type pair struct{ Name, Value string }

// facts are the lines at the head.
func (a *Account) facts() []pair {
	what := a.Outcome
	if lacks := a.unsigned(); len(lacks) > 0 {
		what = "finished, not signed off: " + strings.Join(lacks, ", ")
	}
	switch {
	case a.Ended == nil:
		what += ", " + a.Standing
	case a.Reason != "":
		what += ": " + a.Reason
	}
	all := []pair{{"outcome", what}, {"steps", tallied(a.Counts)}}
	if words := a.signedOff(); words != "" {
		all = append(all, pair{"sign-offs", words})
	}
	for _, v := range a.Demanded {
		name := v.Title
		if name == "" {
			name = v.Name
		}
		all = append(all, pair{name, v.Value})
	}
	all = append(all, pair{"mode", a.Mode})
	if a.Of != "" {
		all = append(all, pair{"takes back run", a.Of})
	}
	all = append(all, pair{"started", stamp(a.Started)})
	if a.Ended != nil {
		all = append(all, pair{"ended", stamp(*a.Ended) + ", after " + took(a.Ended.Sub(a.Started))})
	} else {
		all = append(all, pair{"as of", stamp(a.AsOf) + ", " + took(a.AsOf.Sub(a.Started)) + " after its start"})
	}
	if a.Clock != nil {
		all = append(all, pair{"practice clock", "ran ahead, to " + stamp(*a.Clock)})
	}
	return append(all,
		pair{"book", a.Book.Name + ", sha256 " + a.Book.SHA256 + ", read from " + a.Book.File},
		pair{"target", a.Target.Name + ", sha256 " + a.Target.SHA256 + ", read from " + a.Target.File},
		pair{"log", fmt.Sprintf("%d entries, %s", a.Log.Entries, a.headLine())},
	)
}

// unsigned are the roles whose sign-off a deployment lacks that was walked to its end.
func (a *Account) unsigned() (lacks []string) {
	for _, s := range a.Signoffs {
		if a.Outcome == Deployed && s.Wanted && s.State != signed {
			lacks = append(lacks, s.Role+" "+s.State)
		}
	}
	return lacks
}

// signedOff says how many of the wanted sign-offs there are, and which are not.
func (a *Account) signedOff() string {
	wanted, have, rehearsed, lacks := 0, 0, 0, []string{}
	for _, s := range a.Signoffs {
		if !s.Wanted {
			continue
		}
		if wanted++; s.State == signed {
			if have++; s.rehearsed() {
				rehearsed++
			}
			continue
		}
		lacks = append(lacks, s.Role+" "+s.State)
	}
	if wanted == 0 {
		return ""
	}
	words := fmt.Sprintf("%d of %d signed", have, wanted)
	if rehearsed > 0 {
		words += fmt.Sprintf(", %d of them rehearsed", rehearsed)
	}
	if len(lacks) > 0 {
		words += ": " + strings.Join(lacks, ", ")
	}
	return words
}

func (a *Account) headLine() string { return journal.HeadLine(a.Run, a.Log.Entries, a.Log.Head) }

func tallied(all []Count) string {
	parts := make([]string, len(all))
	for i, c := range all {
		parts[i] = fmt.Sprintf("%d %s", c.Steps, c.State)
	}
	return strings.Join(parts, ", ")
}

// drove says of a session who drove, when, and who vouches for it.
func (s Session) drove() string {
	who := s.User
	if s.Host != "" {
		who += " at " + s.Host
	}
	if s.Terminal != "" {
		who += ", " + s.Terminal
	}
	if s.HandedTo != "" {
		return who + ", handed over to " + s.HandedTo
	}
	return who
}

// key says whose key signed the session.
func (s Session) key() string {
	switch {
	case s.Key == "" && s.Did != "":
		return "nobody drove: it only " + s.Did
	case s.Key == "":
		return "NOBODY SIGNED: " + s.Unsigned
	case s.Principal != "":
		return "signed by " + s.Principal + ", " + s.Key
	}
	return "signed by " + s.Key
}

// line is a finding behind its kind and its step.
func (f Finding) line() string {
	parts := []string{}
	if f.Critical {
		parts = append(parts, "CRITICAL")
	}
	if f.Reason != "" {
		parts = append(parts, f.Reason)
	}
	if f.By != "" && f.Kind != waived { // its reason says who
		parts = append(parts, "by "+f.By)
	}
	if f.At != nil {
		parts = append(parts, fmt.Sprintf("%s, entry %d", stamp(*f.At), f.Entry))
	}
	return strings.Join(parts, "; ")
}

// line is a decision in one line.
func (d Decision) line() string {
	who := d.Identity
	switch {
	case d.Rehearsed && d.How == signed:
		who = "REHEARSED, signed by a practice key: no person said so"
	case d.Rehearsed:
		who = "REHEARSED: no person said so"
	case d.How == reported:
		who = "reported by " + d.By + ", NO SIGNATURE"
	case who != "":
		who = "signed by " + who + ", " + d.Fingerprint
	case d.Principal != "":
		who = "signed by " + d.Fingerprint + ", said to be " + d.Principal
	default:
		who = "signed by " + d.Fingerprint
	}
	words := fmt.Sprintf("%s, %s, %s, entry %d", d.Decision, who, stamp(d.At), d.Entry)
	if d.How == signed {
		words += fmt.Sprintf(", over the log up to entry %d, report %s", d.Of, cmp.Or(d.Report, "sha256 "+d.ReportSHA))
	}
	if d.Note != "" {
		words += ": " + d.Note
	}
	if d.Fault != "" {
		words += "; DOES NOT COUNT: " + d.Fault
	}
	return words
}

// phase in one line, behind its title.
func (p Phase) line() string {
	words := tallied(p.Counts)
	switch {
	case p.Opened == nil:
		words += "; not reached"
	case p.Closed == nil:
		words += "; opened " + stamp(*p.Opened) + ", NOT CLOSED"
	default:
		words += "; " + stamp(*p.Opened) + " to " + stamp(*p.Closed) + ", took " + took(micros(p.TookUS))
	}
	if p.Takes != "" {
		words += "; the book says it takes " + p.Takes
	}
	if p.Loses != "" {
		words += "; it loses: " + p.Loses
	}
	return words
}

func (o Objective) line() string {
	words := "recovered within " + o.RTO + ", losing at most " + o.RPO
	if o.Held != "" {
		words += "; this way back took " + took(micros(o.TookUS)) + ": " + o.Held + " the first"
	}
	return words
}

// how says how to check the log and this report, also once the log has grown.
func (a *Account) how() []string {
	run := a.Run[:min(8, len(a.Run))]
	return []string{
		"runbook log verify " + run + " --signers allowed_signers",
		"runbook report " + run + " --format md",
		fmt.Sprintf("sed -n %dp %04d.jsonl | sha256sum      # beside the log, the hash of entry %d: %s", a.Log.line, a.Log.segment, a.Log.Entries, a.Log.Head),
	}
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05Z") }

// took is a duration that is over: 12 ms, 0.1 s, 41 s, 3m20s.
func took(d time.Duration) string {
	switch {
	case d < 100*time.Millisecond:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	}
	return d.Round(time.Second).String()
}

// wanted says what is not as the book wants it.
func (s Signoff) wanted() string {
	words := ""
	if !s.Wanted {
		words = ", not wanted by the book"
	}
	if s.Distinct {
		words += ", by a key of its own"
	}
	return words
}

func (p Phase) ids() string {
	all := make([]string, len(p.Steps))
	for i, s := range p.Steps {
		all[i] = s.ID
	}
	return strings.Join(all, ", ")
}

func (m Memo) who() string {
	if m.Step != "" {
		return m.By + ", beside " + m.Step
	}
	return m.By
}

func (o OutputTail) of() string {
	words := fmt.Sprintf("%s, try %d", o.Step, o.Attempt)
	if o.Host != "" {
		words += " on " + o.Host
	}
	return words
}
