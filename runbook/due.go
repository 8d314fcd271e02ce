package runbook

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"runbook/runbook/book"
	"runbook/runbook/durable"
	"runbook/runbook/journal"
)

// Due is one thing of a run that waits for its time or for a person.
type Due struct {
	Run      Summary
	Operator string    // who drove it last, as the log claims it
	At       time.Time // of a slot; zero: a person is waited for
	What     string    // it may hold outside text
	Command  string    // to go on with
	Unsigned bool      // a sign-off is waited for: it need not be the driver's
}

// Now reports whether it is due.
func (d Due) Now(now time.Time) bool { return !now.Before(d.At) }

// Due is what is due in the runs of this home, or will be: slots, the oldest
// first, what waits for a person, who rejects, and the sign-offs that ended runs
// lack. Logs are read, and not verified: it is for a list at login.
func (h Home) Due(now time.Time) ([]Due, error) {
	var all []Due
	who, _ := h.Signers(false) // one that can't be read vouches for nobody, and the lines say so
	err := h.each(func(dir string, practice bool) { all = append(all, dueIn(dir, practice, who)...) })
	slices.SortStableFunc(all, func(a, b Due) int { return cmp.Or(rank(a, now)-rank(b, now), a.At.Compare(b.At)) })
	return all, err
}

// rank puts what is overdue before what waits, and that before what will be.
func rank(d Due, now time.Time) int {
	switch {
	case d.At.IsZero():
		return 1
	case d.Now(now):
		return 0
	}
	return 2
}

func dueIn(dir string, practice bool, who journal.Signers) []Due {
	first, last, err := edges(dir)
	if err != nil {
		return nil // it never began
	}
	start, startErr := decode[runStartBody](first[1])
	if end, err := decode[runEndBody](last); last.Kind == kindRunEnd && errors.Join(err, startErr) == nil && len(end.Missing) == 0 && !signedOff(start, practice, who) {
		return nil // every run is kept for ever: one that lacks nothing is not read
	}
	entries, err := journal.Skim(dir)
	if err != nil {
		return nil
	}
	if end := slices.IndexFunc(entries, func(e journal.Entry) bool { return e.Kind == kindRunEnd }); end >= 0 {
		return endedDue(dir, practice, first, entries, entries[end], who)
	}
	b, _, err := ReadCopies(dir)
	if err != nil {
		return nil
	}
	r := newRun(dir, who)
	r.slots = journal.SkimWatch(dir)
	for _, e := range entries {
		if err = r.apply(b, e); err != nil {
			break
		}
	}
	err = errors.Join(err, r.lay(b, len(r.slots)))
	if err != nil && !errors.As(err, new(*ErrUnknownKind)) || r.Started.IsZero() {
		return nil
	}
	r.overlay(b)
	return r.dues(b, practice)
}

// dues are what is due in an open run.
func (r *Run) dues(b *book.Book, practice bool) []Due {
	of := Due{Run: Summary{
		ID: r.ID, Short: r.Short(), Dir: r.Dir, Practice: practice, Book: r.Book, Target: r.Target, Mode: r.Mode, Started: r.Started, World: r.World,
	}, Operator: r.Operator}
	of.Run.Driven, _ = durable.Locked(filepath.Join(r.Dir, "lock"))
	var all []Due
	if d := of; r.nextSlots(b, &d) {
		d.Command = "runbook watch " + r.Short() + " --once"
		all = append(all, d)
	}
	for _, what := range r.waiting(b) {
		d := of
		d.What, d.Command = what, "runbook resume "+r.Short()
		all = append(all, d)
	}
	for _, s := range r.rejects(b) {
		d := of
		d.What, d.Command = rejectText(s), signCommand(r.Short(), s.Role, s.Scope)
		all = append(all, d)
	}
	for _, want := range r.unsigned(b) {
		all = append(all, of.unsigned(want.Role, want.Scope, voidOf(r.Signatures, want.Role, want.Scope)))
	}
	return all
}

// unsigned is a sign-off that the run lacks, and why what was signed is none.
func (d Due) unsigned(role, scope, void string) Due {
	d.What, d.Command, d.Unsigned = "the sign-off of "+role+" for "+scope+" is missing", signCommand(d.Run.Short, role, scope), true
	if void != "" {
		d.What += " (" + void + ")"
	}
	return d
}

// unsigned are the signatures for which it is the turn now. None waits for
// another: each is somebody else's, who looks for his own.
func (r *Run) unsigned(b *book.Book) []journal.Required {
	p := r.Phase(b)
	if p == nil {
		return nil
	}
	var all []journal.Required
	for _, s := range p.Steps {
		role, scope, signs := s.Signs()
		if !signs || r.Step(s).State != Pending {
			continue
		}
		alone := *p
		alone.Steps = slices.DeleteFunc(slices.Clone(p.Steps), func(other *book.Step) bool {
			_, _, signs := other.Signs()
			return signs && other.ID != s.ID
		})
		if r.inTurn(&alone, s) {
			all = append(all, journal.Required{Role: role, Scope: scope})
		}
	}
	return all
}

// rejects are the signatures that hold the run back, of whatever phase: on the
// way back none does.
func (r *Run) rejects(b *book.Book) []*Signature {
	if r.asksNobody() {
		return nil
	}
	wanted := Required(b)
	for _, p := range b.Phases {
		for _, s := range p.Steps {
			if role, scope, ok := s.Signs(); ok {
				wanted = append(wanted, journal.Required{Role: role, Scope: scope})
			}
		}
	}
	var all []*Signature
	for _, want := range wanted {
		if s := r.standing(b, want.Role, want.Scope); s != nil && s.Decision == journal.DecisionReject && !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return all
}

func rejectText(s *Signature) string {
	return strings.TrimSuffix(s.Role+" "+s.Scope+" is rejected by "+s.By()+": "+s.Note, ": ")
}

// signCommand leaves the decision to who signs.
func signCommand(run, role, scope string) string {
	return "runbook sign " + run + " --role " + role + " --scope " + scope + " --decision .."
}

// nextSlots describes the slots that are due next, if any watch runs.
func (r *Run) nextSlots(b *book.Book, d *Due) bool {
	if d.At = r.NextSlot(b); d.At.IsZero() {
		return false
	}
	var next []string
	for _, s := range r.Phase(b).Steps {
		w, ok := s.Verb.(book.Watch)
		st := r.Step(s)
		if k := st.lastSlot() + 1; ok && st.State == Running && w.Due(st.Began, k).Equal(d.At) {
			next = append(next, fmt.Sprintf("slot %d of %d of %s", k, w.Slots(), s.ID))
		}
	}
	d.What = next[0]
	if len(next) > 1 {
		d.What += fmt.Sprintf(" and %d more", len(next)-1)
	}
	return true
}

// waiting is what only waits for a person; nothing if only time is missing.
func (r *Run) waiting(b *book.Book) []string {
	if err := Standing(b, r); errors.As(err, new(*WaitError)) {
		return nil
	}
	var all []string
	for _, c := range r.cancels(b) {
		all = append(all, c.Step+" runs")
	}
	p := r.Phase(b)
	if p == nil {
		if len(r.Sequence(b)) == 0 {
			return append(all, "no plan is chosen")
		}
		return append(all, "every phase is closed: end the run")
	}
	for _, s := range p.Steps {
		switch st := r.Step(s); {
		case st.Signed != nil && st.State == Declined: // rejects tells it
		case st.State.Open():
			if st.Reason == "" && st.Result != nil {
				st.Reason = st.Result.Reason
			}
			all = append(all, strings.TrimSuffix(s.ID+" "+st.State.String()+": "+st.Reason, ": "))
		case st.State == Pending && isPersons(s) && r.inTurn(p, s):
			all = append(all, s.ID+" waits for an answer")
		}
	}
	if len(all) > 0 || len(r.unsigned(b)) > 0 || len(r.rejects(b)) > 0 {
		return all
	}
	if r.settled(p) {
		return []string{"phase " + p.ID + " can be closed"}
	}
	return []string{"phase " + p.ID + " can go on"}
}

// isPersons tells the steps that are nothing but a person's word. A signature
// need not be the driver's.
func isPersons(s *book.Step) bool {
	switch s.Verb.(type) {
	case book.Ask, book.Tell:
		_, _, signs := s.Signs()
		return !signs
	}
	return false
}

// endedDue is the sign-offs that an ended run lacks, and what rejects it.
func endedDue(dir string, practice bool, first, entries []journal.Entry, end journal.Entry, who journal.Signers) []Due {
	start, startErr := decode[runStartBody](first[1])
	session, sessionErr := decode[struct {
		Claims map[string]string `json:"claims"`
	}](first[0])
	ending, endErr := decode[runEndBody](end)
	if errors.Join(startErr, sessionErr, endErr) != nil {
		return nil
	}
	of := Due{Run: Summary{
		ID: end.Run, Short: end.Run[:4], Dir: dir, Practice: practice, Book: start.Book, Target: start.Target, Mode: start.Mode,
		Started: first[1].Time, Ended: end.Time, World: start.PracticeID,
	}, Operator: session.Claims["user"]}
	signed := signaturesIn(entries, who)
	var all []Due
	if !slices.ContainsFunc(entries, func(e journal.Entry) bool { return e.Kind == kindRollbackStart }) {
		for _, want := range start.Signoffs {
			if s := firstReject(lastWords(signed, want.Role, want.Scope)); s != nil {
				d := of
				d.What, d.Command = rejectText(s), signCommand(of.Run.Short, s.Role, s.Scope)
				all = append(all, d)
			}
		}
	}
	for _, missing := range append(ending.Missing, start.lost(ending, signed)...) {
		role, scope, _ := strings.Cut(missing, " ")
		if firstReject(lastWords(signed, role, scope)) != nil || spoken(signed, role, scope, end.N) {
			continue
		}
		all = append(all, of.unsigned(role, scope, voidOf(signed, role, scope)))
	}
	return all
}

// lost are the sign-offs, as Missing has them, that a finished run had, and that
// count no more.
func (start runStartBody) lost(end runEndBody, signed []*Signature) []string {
	var all []string
	for _, want := range start.Signoffs {
		name := want.Role + " " + want.Scope
		if end.Outcome == Finished && !slices.Contains(end.Missing, name) &&
			voidOf(signed, want.Role, want.Scope) != "" && !spoken(signed, want.Role, want.Scope, 0) {
			all = append(all, name)
		}
	}
	return all
}

// spoken reports whether a key has approved in a role behind the run's end, and
// has let it stand.
func spoken(signed []*Signature, role, scope string, end uint64) bool {
	for _, word := range lastWords(signed, role, scope) {
		if word.Entry > end && word.Decision == journal.DecisionApprove {
			return true
		}
	}
	return false
}

// signaturesIn are the sign-offs of a log that can be read.
func signaturesIn(entries []journal.Entry, who journal.Signers) []*Signature {
	var all []*Signature
	for _, e := range entries {
		if e.Kind != journal.KindAttest {
			continue
		}
		if body, err := decode[journal.Attest](e); err == nil {
			if s, err := signatureOf(body, e, who); err == nil {
				all = append(all, s)
			}
		}
	}
	return all
}
