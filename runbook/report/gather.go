package report

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"runbook/runbook"
	"runbook/runbook/book"
	"runbook/runbook/journal"
	"runbook/steps"
)

// most is how many acts of a step are told, the last ones: the log has them all.
const most = 40

// gatherer puts together an Account.
type gatherer struct {
	dir     string
	book    *book.Book
	target  *book.Target
	run     *runbook.Run
	start   runStart
	foreign []string // kinds of entry that are not known
	decided map[string]bool
	acts    map[string][]Act // by step
	left    map[string]int
	began   map[string]*time.Time // of a step's first entry
	plans   []walk
	a       *Account
}

// runStart is what the entry run.start says beyond the fold.
type runStart struct {
	BookFile   string             `json:"book_file"`
	BookSHA    string             `json:"book_sha256"`
	TargetFile string             `json:"target_file"`
	TargetSHA  string             `json:"target_sha256"`
	Signoffs   []journal.Required `json:"signoffs"`
}

// walk is a way back that was chosen.
type walk struct {
	id   string
	from time.Time
	to   time.Time
}

// fold folds what this version knows; kinds that a newer one wrote are named.
func (g *gatherer) fold(entries []journal.Entry) (*runbook.Run, error) {
	for {
		r, err := runbook.Fold(g.book, g.dir, entries)
		var unknown *runbook.ErrUnknownKind
		if !errors.As(err, &unknown) {
			return r, err
		}
		g.foreign = append(g.foreign, unknown.Kind)
		entries = slices.DeleteFunc(slices.Clone(entries), func(e journal.Entry) bool { return e.Kind == unknown.Kind })
	}
}

// account folds the entries and lays the book over them.
func (g *gatherer) account(entries []journal.Entry) *Account {
	r := g.run
	last := entries[len(entries)-1]
	g.a = &Account{
		Schema: Schema, Run: last.Run, Practice: r.Practice, Guard: r.Guard, Mode: r.Mode, Of: r.Of,
		Marks: []string{}, Demanded: []Var{}, Vars: []Var{}, Counts: []Count{}, Findings: []Finding{}, Signoffs: []Signoff{},
		Phases: []Phase{}, Plans: []Phase{}, Memos: []Memo{}, Goals: []Objective{},
		Started: r.Started, AsOf: last.Time,
	}
	a := g.a
	given := &tally{}
	for _, e := range entries {
		g.entry(e)
		given.entry(g, e)
	}
	a.did(entries)
	a.Book = File{Name: r.Book, Title: g.book.Title, File: g.start.BookFile, SHA256: g.start.BookSHA}
	a.Target = File{Name: r.Target, File: g.start.TargetFile, SHA256: g.start.TargetSHA}
	a.Log = Log{Entries: last.N, Head: last.Head, HeadCode: journal.HeadCode(last.N, last.Head), Foreign: g.foreign, Shredded: a.Log.Shredded, segment: last.Seg}
	for i := len(entries) - 1; i >= 0 && entries[i].Seg == last.Seg; i-- {
		a.Log.line++
	}
	g.vars()
	g.phases()
	g.outcome()
	a.Findings = findings(a)
	a.Signoffs = given.signoffs(g)
	g.goals()
	g.marks()
	return a
}

// entry takes up one entry, beside what the fold makes of it.
func (g *gatherer) entry(e journal.Entry) {
	a := g.a
	if len(a.Sessions) > 0 {
		a.Sessions[len(a.Sessions)-1].To = e.Time
	}
	var b body
	if json.Unmarshal(e.Body, &b) == nil {
		if t := unstamp(b.VTime); t != nil && t.Sub(e.Time).Abs() > time.Second {
			a.Clock = t
		}
	}
	switch e.Kind {
	case journal.KindSession:
		g.session(e)
	case journal.KindHandover:
		a.Sessions[len(a.Sessions)-1].HandedTo = handedTo(e)
	case "run.start":
		_ = json.Unmarshal(e.Body, &g.start) // the fold has read it
	case "var":
		g.decided[field1(e, "name")] = true
	case "rollback.start":
		g.plans = append(g.plans, walk{id: field1(e, "plan"), from: e.Time})
	case "phase.close":
		if n := len(g.plans); n > 0 && g.plans[n-1].id == field1(e, "phase") {
			g.plans[n-1].to = e.Time
		}
	case journal.KindRunEnd:
		a.Reason = field1(e, "reason")
	case "shredded":
		a.Log.Shredded = append(a.Log.Shredded, field1(e, "file")+": "+field1(e, "reason"))
	case "note":
		a.Memos = append(a.Memos, Memo{Entry: e.N, At: e.Time, By: g.driver(b.Rehearsed), Step: b.Step, Text: b.Text})
	}
	g.act(e)
}

// act keeps what an entry says of its step.
func (g *gatherer) act(e journal.Entry) {
	act, b, ok := act(e, g.driver(false))
	if !ok {
		return
	}
	id := cmp.Or(b.Settles, b.Step)
	if e.Kind == "run.intent" || b.Slot == 0 && e.Kind == "watch" || g.began[id] == nil {
		g.began[id] = &e.Time
	}
	if e.Kind == "watch" && b.Slot > 0 {
		return // the fold has the slots, those of timers too
	}
	if g.acts[id] = append(g.acts[id], act); len(g.acts[id]) > 2*most {
		g.left[id] += most
		g.acts[id] = slices.Clone(g.acts[id][most:])
	}
}

// session takes up who drives from here on.
func (g *gatherer) session(e journal.Entry) {
	var s struct {
		Identity string            `json:"identity"`
		Tool     string            `json:"tool"`
		Claims   map[string]string `json:"claims"`
	}
	_ = json.Unmarshal(e.Body, &s) // the fold has read it
	one := Session{
		Number: len(g.a.Sessions) + 1, Entry: e.N, From: e.Time, To: e.Time,
		User: s.Claims["user"], Host: s.Claims["host"], Terminal: s.Claims["tty"], Tool: s.Tool,
	}
	if why, none := strings.CutPrefix(s.Identity, "none"); none {
		one.Unsigned = cmp.Or(strings.TrimPrefix(why, ": "), "no key")
	} else {
		one.Key = s.Identity
	}
	g.a.Sessions = append(g.a.Sessions, one)
}

// driver is who drives now, as acts name them.
func (g *gatherer) driver(rehearsed bool) string {
	if rehearsed {
		return "nobody, rehearsed"
	}
	if len(g.a.Sessions) == 0 {
		return ""
	}
	s := g.a.Sessions[len(g.a.Sessions)-1]
	return fmt.Sprintf("%s, session %d", cmp.Or(s.User, "unnamed"), s.Number)
}

func handedTo(e journal.Entry) string {
	var h struct {
		Claims   map[string]string `json:"claims"`
		To       string            `json:"to"`
		Unsigned string            `json:"unsigned"`
	}
	_ = json.Unmarshal(e.Body, &h) // the fold has read it
	to := cmp.Or(h.Claims["user"], h.To)
	if signed, is, _ := journal.ReadHandOver(e.Body); is {
		if key, err := signed.Key(); err == nil {
			return fmt.Sprintf("%s, signed by %s %s", h.To, key.Type(), ssh.FingerprintSHA256(key))
		}
	}
	if h.Unsigned != "" {
		return to + ", unsigned: " + h.Unsigned
	}
	return to
}

// field1 is a text of an entry's body, empty if it has none of that name.
func field1(e journal.Entry, name string) string {
	var fields map[string]json.RawMessage
	if json.Unmarshal(e.Body, &fields) != nil {
		return ""
	}
	return word(fields[name])
}

// vars are the values that the run went by. A secret is in none of them, and is
// left out even if it were.
func (g *gatherer) vars() {
	placed := g.target.Values()
	g.a.release = g.book.Release(g.run.Vars)
	for _, name := range slices.Sorted(maps.Keys(g.run.Vars)) {
		def, value := g.book.Vars[name], g.run.Vars[name]
		if def.Secret {
			continue
		}
		v := Var{Name: name, Title: def.Title, Value: value, From: "this run"}
		switch {
		case g.decided[name]:
			v.From = "decided"
		case placed[name] == value:
			v.From = "target"
		case placed[name] == "" && def.Default == value:
			v.From = "book"
		}
		if slices.Contains(g.run.Demands, name) {
			g.a.Demanded = append(g.a.Demanded, v)
		}
		g.a.Vars = append(g.a.Vars, v)
	}
}

// outcome is how the run ended, or stands.
func (g *gatherer) outcome() {
	r, a := g.run, g.a
	a.Outcome = Open
	if !r.Ended.IsZero() {
		a.Ended, a.Outcome = &r.Ended, Stopped
		switch r.Outcome {
		case runbook.Finished:
			a.Outcome = Deployed
		case runbook.RolledBack:
			a.Outcome = RolledBack
		}
		return
	}
	switch p := r.Phase(g.book); {
	case p == nil && r.Plan == "" && r.Mode == runbook.ModeRollback:
		a.Standing = "no way back is chosen yet"
	case p == nil:
		a.Standing = "everything is closed, the end is not written"
	case r.Plan != "":
		a.Standing = "rolling back by " + p.ID
	default:
		a.Standing = "in " + p.ID
	}
}

// marks are what nobody may overlook.
func (g *gatherer) marks() {
	a := g.a
	if a.Practice {
		a.Marks = append(a.Marks, "PRACTICE: nothing real was touched, and practice keys prove no person")
	}
	if n := rehearsed(a.Phases) + rehearsed(a.Plans); n > 0 {
		a.Marks = append(a.Marks, fmt.Sprintf("REHEARSED: the program answered %d steps itself; no person confirmed them", n))
	}
	if a.Guard {
		a.Marks = append(a.Marks, "PRODUCTION")
	}
	if len(a.Log.Foreign) > 0 {
		a.Marks = append(a.Marks, "INCOMPLETE: a newer version wrote entries that this one does not know: "+strings.Join(a.Log.Foreign, ", "))
	}
}

// goals holds the book's objectives against the way back that was walked last.
func (g *gatherer) goals() {
	var took time.Duration
	if n := len(g.plans); n > 0 && !g.plans[n-1].to.IsZero() {
		from := g.plans[n-1].from
		if g.a.Mode == runbook.ModeRollback {
			from = g.a.Started
		}
		took = g.plans[n-1].to.Sub(from)
	}
	for _, o := range g.book.Objectives {
		goal := Objective{Scenario: o.Scenario, RTO: o.RTO, RPO: o.RPO}
		if limit, err := steps.ParseDuration(o.RTO); err == nil && took > 0 {
			goal.TookUS, goal.Held = took.Microseconds(), "within"
			if took > limit {
				goal.Held = "over"
			}
		}
		g.a.Goals = append(g.a.Goals, goal)
	}
}
