package runbook

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"runbook/runbook/book"
	"runbook/runbook/durable"
	"runbook/runbook/journal"
	"runbook/steps/supervise"
)

// Summary is a run in a list. Err says why its log can't be read whole.
type Summary struct {
	ID, Short, Dir     string
	Book, Target, Mode string
	Practice           bool
	World              string
	Started, Ended     time.Time
	Outcome            string
	Of                 string   // the run that a rollback takes back
	Plan               string   // of a rollback that is open or was stopped: the plan that was chosen
	Demanded           []string // what the target demanded of it, such as the number of a change
	Phase              string   // where it stands
	Signoff            string   // as SignoffLine has it; empty if nobody has to sign
	Driven             bool     // somebody drives it now
	Err                error
}

// List reads every run of this home, the newest first, and those that had to be
// kept elsewhere.
func (h Home) List() ([]Summary, error) {
	var all []Summary
	who, _ := h.Signers(false) // one that can't be read vouches for nobody, and the lines say so
	if err := h.each(func(dir string, practice bool) { all = append(all, summarize(dir, practice, who)) }); err != nil {
		return nil, err
	}
	slices.SortStableFunc(all, func(a, b Summary) int {
		return strings.Compare(filepath.Base(b.Dir), filepath.Base(a.Dir))
	})
	return all, nil
}

// each visits the directory of every run of this home, also of those that had
// to be kept elsewhere.
func (h Home) each(visit func(dir string, practice bool)) error {
	for _, home := range append([]Home{h}, h.strays()...) {
		if err := home.eachHere(visit); err != nil {
			return err
		}
	}
	return nil
}

func (h Home) eachHere(visit func(dir string, practice bool)) error {
	for _, practice := range []bool{false, true} {
		dirs, err := os.ReadDir(h.Runs(practice))
		private := practice && errors.Is(err, fs.ErrPermission) // a practice world is its operator's
		if err != nil && !private && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("list the runs: %w", err)
		}
		for _, d := range dirs {
			if d.IsDir() {
				visit(filepath.Join(h.Runs(practice), d.Name()), practice)
			}
		}
	}
	return nil
}

// Holds reports whether dir is the directory of a run of this home.
func (h Home) Holds(dir string) bool {
	info, err := os.Stat(dir)
	if err != nil {
		return false
	}
	found := false
	err = h.each(func(run string, _ bool) {
		if other, statErr := os.Stat(run); statErr == nil && os.SameFile(info, other) {
			found = true
		}
	})
	return err == nil && found
}

// Away is where a run lies that is not in its home; empty if it is there.
func (s Summary) Away() string { return awayDir(s.Dir) }

func summarize(dir string, practice bool, who journal.Signers) Summary {
	if sum, ok := ended(dir, practice, who); ok {
		return sum
	}
	sum := Summary{Dir: dir, Practice: practice}
	r, b, err := load(dir, who)
	sum.Err = err
	if r == nil {
		name := filepath.Base(dir) // <start>-<book>-<run8>: it can be found, and not gone on with
		sum.ID = name[strings.LastIndex(name, "-")+1:]
		sum.Short = sum.ID[:min(4, len(sum.ID))]
		return sum
	}
	sum.ID, sum.Short, sum.Book, sum.Target, sum.Mode, sum.World = r.ID, r.Short(), r.Book, r.Target, r.Mode, r.World
	sum.Started, sum.Ended, sum.Outcome, sum.Of, sum.Plan = r.Started, r.Ended, r.Outcome, r.Of, r.Plan
	sum.Demanded = values(r.Demands, r.Vars)
	if p := r.Phase(b); p != nil {
		sum.Phase = p.ID
	}
	sum.Signoff = SignoffLine(r.Signoffs(b))
	sum.Driven, _ = durable.Locked(filepath.Join(dir, "lock"))
	return sum
}

// edges are the ends of a log, unverified: its first session with run.start, and
// the last entry. Between the first two a set clock may stand.
func edges(dir string) (first []journal.Entry, last journal.Entry, err error) {
	begins, last, err := journal.Peek(dir)
	if err != nil {
		return nil, last, err
	}
	for _, e := range begins {
		if e.Kind == kindRunStart {
			return []journal.Entry{begins[0], e}, last, nil
		}
	}
	return nil, last, errNeverBegan(dir)
}

// ended is the summary of a run that has ended, from the edges of its log where
// they say all: a home keeps every run for ever, and a list must not read them all whole.
func ended(dir string, practice bool, who journal.Signers) (Summary, bool) {
	first, last, err := edges(dir)
	if err != nil || last.Kind != kindRunEnd {
		return Summary{}, false
	}
	start, err := decode[runStartBody](first[1])
	end, endErr := decode[runEndBody](last)
	if err != nil || endErr != nil || signedOff(start, practice, who) {
		return Summary{}, false
	}
	if len(start.Signoffs) > 0 && end.Outcome == Stopped {
		return Summary{}, false // its end does not say who has signed
	}
	if start.Mode == ModeRollback && end.Outcome == Stopped {
		return Summary{}, false // whether a plan was chosen stands between the edges
	}
	return Summary{
		ID: last.Run, Short: last.Run[:min(4, len(last.Run))], Dir: dir, Practice: practice, World: start.PracticeID,
		Book: start.Book, Target: start.Target, Mode: start.Mode, Of: start.Of, Demanded: values(start.Demands, start.Vars),
		Started: first[1].Time, Ended: last.Time, Outcome: end.Outcome, Signoff: signedBy(start, end),
	}, true
}

// values are those of the named vars.
func values(names []string, vars map[string]string) []string {
	var all []string
	for _, name := range names {
		all = append(all, vars[name])
	}
	return all
}

// signedOff reports whether a revoked key may have signed a run: its edges don't
// say that.
func signedOff(start runStartBody, practice bool, who journal.Signers) bool {
	return !practice && len(start.Signoffs) > 0 && who.Revokes()
}

// signedBy is how the sign-off stood when a run ended.
func signedBy(start runStartBody, end runEndBody) string {
	if end.Outcome != Finished {
		return "" // the way back was walked
	}
	missing := make([]string, len(end.Missing))
	for i, name := range end.Missing {
		missing[i] = strings.TrimSuffix(name, " "+journal.ScopeRun)
	}
	return signoffLine(len(start.Signoffs), end.ByRehearsal, missing)
}

// Load reads a run as far as its log is good. It locks and creates nothing.
// The error says what is wrong behind that, or why there is no run.
func Load(dir string) (*Run, *book.Book, error) { return load(dir, journal.Signers{}) }

func load(dir string, who journal.Signers) (*Run, *book.Book, error) {
	b, _, err := ReadCopies(dir)
	if err != nil {
		return nil, nil, err
	}
	entries, readErr := journal.Read(dir)
	r, err := fold(b, dir, entries, who)
	if err == nil && r.Started.IsZero() {
		return nil, nil, errors.Join(readErr, fmt.Errorf("the log in %s holds no run.start", dir))
	}
	slotsErr := r.laySlots(b)
	if slotsErr != nil {
		slotsErr = fmt.Errorf("%w: %w", ErrSlots, slotsErr)
	}
	r.overlay(b)
	return r, b, errors.Join(readErr, err, slotsErr)
}

// overlay lays over the log what the directories of commands know better: one
// that goes on, or has ended and whose result no session wrote down yet.
func (r *Run) overlay(b *book.Book) {
	for id, st := range r.Steps {
		step := b.Step(id)
		if step == nil || st.verdictKey == "" || st.State != Unknown || st.Result != nil {
			continue
		}
		v, ok := step.Verb.(book.Run)
		if !ok || v.Command == nil {
			continue
		}
		if len(step.On) > 0 {
			r.overlayHosts(step, st)
			continue
		}
		switch end := supervise.Classify(r.Files(id, st.Attempt), st.verdictKey); {
		case end.Err != nil: // it could not be looked at: the log's word stands
		case end.Class.Alive():
			st.State, st.Reason = Running, ""
		case end.Class == supervise.Exited:
			body := endingOf(*st, end, *v.Command)
			st.Exit, st.Ended, st.Result = body.Exit, body.ended(), body.result(end.Outcome.Began.Add(end.Outcome.Took))
			st.State, st.Reason, st.Took = StateOf(body.Verdict), body.Reason, end.Outcome.Took
		}
	}
}

// ReadCopies reads the book, as it is run on the target, and the target that a
// run executes.
func ReadCopies(dir string) (*book.Book, *book.Target, error) {
	read := func(name string) ([]byte, error) {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return nil, fmt.Errorf("read the run's own copy: %w", err)
		}
		return data, nil
	}
	data, err := read("book.toml")
	if err != nil {
		return nil, nil, err
	}
	b, err := book.Read(data, filepath.Join(dir, "book.toml"))
	if err != nil {
		return nil, nil, err
	}
	if data, err = read("target.toml"); err != nil {
		return nil, nil, err
	}
	t, err := book.ReadTarget(data, filepath.Join(dir, "target.toml"))
	if err != nil {
		return nil, nil, err
	}
	return b.On(t), t, nil
}

// Owned refuses a run directory that somebody else could have planted or could
// change: what lies in it is executed.
func Owned(dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("whose run is it: %w", err)
	}
	if uid, name := owner(dir); uid >= 0 && uid != os.Geteuid() {
		return fmt.Errorf("this run belongs to %s: only that account drives it; `runbook follow` reads along", name)
	}
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && path != dir {
			return nil // of a driver that is at work: it was taken away meanwhile
		}
		if err != nil {
			return fmt.Errorf("whose run is it: %w", err)
		}
		if !d.IsDir() && !d.Type().IsRegular() && d.Type() != fs.ModeSocket { // the terminal of an interactive command
			return fmt.Errorf("%s is no regular file: this run is not gone on with", path)
		}
		if err := book.CheckOwner(path); err != nil && (path == dir || !errors.Is(err, fs.ErrNotExist)) {
			return fmt.Errorf("this run is not gone on with: %w", err)
		}
		return nil
	})
}

// FindRun finds one run by a prefix of its id. Without a prefix it is the only
// open run, or, if any will do, the newest.
func (h Home) FindRun(prefix string, newest bool) (Summary, error) {
	all, err := h.List()
	if err != nil {
		return Summary{}, err
	}
	var found []Summary
	for _, sum := range all {
		if prefix != "" && strings.HasPrefix(sum.ID, prefix) || prefix == "" && (newest || sum.Open()) {
			found = append(found, sum)
		}
	}
	switch {
	case len(found) == 1, newest && prefix == "" && len(found) > 0:
		return found[0], nil
	case len(found) > 1:
		return Summary{}, &AmbiguousError{Runs: found}
	case prefix != "":
		return Summary{}, fmt.Errorf("%w: %s; `runbook runs` lists them", ErrNoRun, prefix)
	}
	return Summary{}, fmt.Errorf("%w: none is open; `runbook deploy BOOK -t TARGET` begins one", ErrNoRun)
}

// Open reports whether the run can be gone on with.
func (s Summary) Open() bool { return !s.Started.IsZero() && s.Ended.IsZero() }

// AmbiguousError lists the runs among which a person must choose.
type AmbiguousError struct{ Runs []Summary }

func (e *AmbiguousError) Error() string {
	var b strings.Builder
	b.WriteString("several runs match; name one:")
	for _, r := range e.Runs {
		fmt.Fprintf(&b, "\n  %s  %s on %s, %s", r.ID[:8], r.Book, r.Target, r.Started.UTC().Format("2006-01-02 15:04Z"))
	}
	return b.String()
}

func newRunID() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails: it ends the process instead
	return hex.EncodeToString(id[:])
}
