package report

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"sync"
)

// markdown writes an account: words of outside text stand in it as they are only
// where they hold nothing that means something, else as code behind more
// backticks than they hold.
func markdown(a *Account) []byte {
	m := &page{}
	m.head(a)
	m.findings(a)
	m.signoffs(a)
	for _, p := range a.Plans {
		m.phase("Way back", p)
	}
	if len(a.Plans) > 0 && len(a.Goals) > 0 {
		m.say("## Objectives", "")
		for _, o := range a.Goals {
			m.say("- " + inline(o.Scenario) + ": " + inline(o.line()))
		}
		m.say("")
	}
	for _, p := range a.Phases {
		m.phase("Phase", p)
	}
	m.rest(a)
	return m.Bytes()
}

// page is a Markdown text.
type page struct{ bytes.Buffer }

func (m *page) say(lines ...string) {
	for _, line := range lines {
		_, _ = m.WriteString(line + "\n") // memory: it takes all
	}
}

// fence puts lines into a block that none of them can end.
func (m *page) fence(indent string, lines []string) {
	marks := strings.Repeat("`", max(3, 1+backticks(strings.Join(lines, "\n"))))
	m.say(indent + marks)
	for _, line := range lines {
		m.say(indent + line)
	}
	m.say(indent + marks)
}

func (m *page) head(a *Account) {
	m.say("# "+inline(a.heading()), "")
	for _, mark := range a.Marks {
		m.say("**"+inline(strings.ReplaceAll(mark, "*", ""))+"**", "")
	}
	for _, f := range a.facts() {
		m.say("- " + inline(f.Name) + ": " + inline(f.Value))
	}
	if a.Log.Damage != "" {
		m.say("- DAMAGE: " + inline(a.Log.Damage))
	}
	m.say("", "Who drove:", "")
	for _, s := range a.Sessions {
		m.say(fmt.Sprintf("- session %d, %s to %s: %s; %s", s.Number, stamp(s.From), stamp(s.To), inline(s.drove()), inline(s.key())))
	}
	m.say("")
	if a.Verified != nil {
		m.say("Verified by who made this report:", "")
		for _, v := range a.Verified.lines() {
			m.say("- " + v.Name + " **" + inline(v.Word) + "**: " + inline(v.Text))
		}
		m.say("")
	}
}

func (m *page) findings(a *Account) {
	m.say("## What did not simply pass", "")
	if len(a.stood()) == 0 {
		m.say(nothing, "")
	}
	for _, f := range a.stood() {
		m.say(fmt.Sprintf("- **%s** %s (%s): %s", inline(strings.ToUpper(f.Kind)), inline(f.Title), inline(f.Phase+"/"+f.Step), inline(f.line())))
	}
	for _, g := range a.groups() {
		m.say("- " + inline(g.Name) + ": " + inline(g.Value))
	}
	m.say("")
}

func (m *page) signoffs(a *Account) {
	m.say("## Sign-offs", "")
	if len(a.Signoffs) == 0 {
		m.say("None are wanted, and none were given.", "")
		return
	}
	for _, s := range a.Signoffs {
		m.say(fmt.Sprintf("- **%s** %s, for %s%s", inline(strings.ToUpper(s.word())), inline(s.Role), inline(s.Scope), s.wanted()))
		for _, d := range s.Decisions {
			m.say("  - " + inline(d.line()))
		}
	}
	m.say("")
}

func (m *page) phase(what string, p Phase) {
	m.say("## "+what+": "+inline(p.Title), "", inline(p.line()), "")
	if p.Opened == nil {
		m.say("Steps: "+inline(p.ids()), "")
		return
	}
	for _, s := range p.Steps {
		m.step(s)
	}
	m.say("")
}

func (m *page) step(s Step) {
	line := fmt.Sprintf("- %s **%s** %s (%s)", s.mark, inline(s.word()), inline(s.Title), inline(s.ID))
	for _, more := range []string{s.Answer, s.Reason, s.Where, s.by(), s.times()} {
		if more != "" {
			line += "; " + inline(more)
		}
	}
	m.say(line)
	for _, e := range s.shown() {
		line := "  - " + inline(e.Label) + ": " + whole(value(e))
		if e.Limit != "" {
			line += ", limit " + whole(e.Limit)
		}
		m.say(line)
	}
	if s.Watch != nil {
		m.say("  - " + inline(s.Watch.line()))
		for _, bad := range s.Watch.Bad {
			m.say("  - " + inline(bad.line()))
		}
	}
	if s.Left > 0 {
		m.say(fmt.Sprintf("  - %d earlier entries stand in the log alone", s.Left))
	}
	if !s.tells() {
		return
	}
	for _, act := range s.Acts {
		m.say(fmt.Sprintf("  - entry %d, %s: %s", act.Entry, stamp(act.At), inline(act.line())))
		if c := act.Command; c != nil && len(c.shown) > 0 {
			m.say("")
			m.fence("    ", c.shown)
			m.say("")
			if c.Program != "" {
				m.say("    program "+inline(c.Program)+", sha256 "+inline(c.ProgramSHA), "")
			}
		}
	}
}

// rest is what is looked up rather than read.
func (m *page) rest(a *Account) {
	if len(a.Memos) > 0 {
		m.say("## Memos", "")
		for _, memo := range a.Memos {
			m.say(fmt.Sprintf("- %s, %s: %s", stamp(memo.At), inline(memo.who()), inline(memo.Text)))
		}
		m.say("")
	}
	for _, o := range a.Outputs {
		m.say("## End of the output of "+inline(o.of()), "")
		m.fence("", o.Lines)
		m.say("")
	}
	m.say("## Vars", "")
	for _, v := range a.Vars {
		m.say("- " + whole(v.Name) + ": " + whole(v.Value) + " (" + inline(v.From) + ")")
	}
	for _, s := range a.Log.Shredded {
		m.say("- taken away beside the log: " + inline(s))
	}
	m.say("", "## How to verify", "")
	m.fence("", append([]string{a.headLine()}, a.how()...))
}

// harmless is a word that means nothing in Markdown and makes no link, no mention
// and no reference of a forge.
var harmless = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[('"]*[\pL\pN](?:[\pL\pN,;()'"%=+?!]|[-.:/][\pL\pN,;()'"%=+]|[-.:]$)*$`)
})

// inline is outside text within a line: prose, in which a word that might mean
// something is code.
func inline(s string) string {
	if s != strings.Join(strings.Fields(s), " ") {
		return code(s) // its spaces count, and Markdown would swallow them
	}
	words := strings.Split(s, " ")
	for i, word := range words {
		bare := strings.TrimRight(word, ",;:.")
		if bare != "" && !plain(word, i) {
			words[i] = code(bare) + word[len(bare):]
		}
	}
	return strings.Join(words, " ")
}

// plain reports whether the i-th word of a text needs no marks.
func plain(word string, i int) bool {
	if i > 0 && strings.Contains("-=+%", word) { // first, they begin a list or a heading
		return true
	}
	return harmless().MatchString(word) && !strings.Contains(word, "www.")
}

// whole is outside text that is one value: all of it is code if a word of it is.
func whole(s string) string {
	if inline(s) == s {
		return s
	}
	return code(s)
}

// code is outside text behind more backticks than it holds.
func code(s string) string {
	if s == "" {
		return ""
	}
	marks := strings.Repeat("`", 1+backticks(s))
	if strings.HasPrefix(s, "`") || strings.HasSuffix(s, "`") || strings.HasPrefix(s, " ") && strings.HasSuffix(s, " ") {
		s = " " + s + " "
	}
	return marks + s + marks
}

// backticks is the longest run of them.
func backticks(s string) (longest int) {
	run := 0
	for _, r := range s {
		if run++; r != '`' {
			run = 0
		}
		longest = max(longest, run)
	}
	return longest
}
