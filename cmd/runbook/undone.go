package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"runbook/runbook"
	"runbook/runbook/book"
	"runbook/steps/safetext"
)

// undoing is what a rollback is about: the run that is gone on with or taken
// back, nil if there is none, since what was done outside can be rolled back
// too; and the deployment before it, which --run would choose.
type undoing struct{ run, before *runbook.Summary }

// undone finds it. Book and target are compared by the names that stand in
// their files, however they were spelt.
func undone(h runbook.Home, name, target, run string) (undoing, error) {
	if run != "" {
		return chosen(h, run)
	}
	b, err := findBook(h, name, true)
	if err != nil {
		return undoing{}, err
	}
	where := target
	if target != practiceName {
		data, file, err := book.FindTarget(target, h.Config)
		if err != nil {
			return undoing{}, err
		}
		t, err := book.LoadTarget(data, file)
		if err != nil {
			return undoing{}, err
		}
		where = t.Name
	}
	all, err := byBegin(h)
	if err != nil {
		return undoing{}, err
	}
	return newestOf(slices.DeleteFunc(all, func(s runbook.Summary) bool { return s.Book != b.Name || s.Target != where }))
}

// byBegin are the runs of this home, the newest first, also of one second.
func byBegin(h runbook.Home) ([]runbook.Summary, error) {
	all, err := h.List()
	slices.SortStableFunc(all, func(a, b runbook.Summary) int { return b.Started.Compare(a.Started) })
	return all, err
}

// chosen is the run that --run names. What a rollback did is not rolled back:
// what it was about can be, again.
func chosen(h runbook.Home, run string) (undoing, error) {
	sum, err := h.FindRun(run, false)
	if err != nil {
		return undoing{}, err
	}
	if sum.Mode == runbook.ModeRollback && !sum.Open() && sum.Of != "" {
		of := sum.Of[:min(8, len(sum.Of))]
		return undoing{}, &usageError{fmt.Errorf("run %s is a rollback itself, of %s: `runbook rollback --run %s` takes that one back", sum.Short, of, of)}
	}
	u := undoing{run: &sum}
	all, err := byBegin(h)
	if at := slices.IndexFunc(all, func(s runbook.Summary) bool { return s.ID == sum.ID }); at >= 0 {
		for _, s := range all[at+1:] {
			if s.Mode == runbook.ModeDeploy && s.Book == sum.Book && s.Target == sum.Target {
				u.before = &s
				break
			}
		}
	}
	return u, err
}

// newestOf is, of runs of a book and a target, the newest first, a rollback
// that is under way, or the newest deployment. It never goes further back by
// itself: that would take back what nobody asked for.
func newestOf(all []runbook.Summary) (undoing, error) {
	var u undoing
	var empty *runbook.Summary            // an open rollback for which no plan was chosen
	back := map[string]*runbook.Summary{} // rollbacks that were walked to their end, by what they took back
	for i := range all {
		switch sum := &all[i]; {
		case sum.Mode == runbook.ModeDeploy && u.run == nil:
			u.run = sum
		case sum.Mode == runbook.ModeDeploy:
			if u.before == nil && sum.ID != u.run.Of {
				u.before = sum
			}
		case u.run != nil:
		case sum.Open() && sum.Plan != "":
			u.run = sum
		case sum.Open() && empty == nil:
			empty = sum
		case sum.Outcome == runbook.RolledBack && back[sum.Of] == nil:
			back[sum.Of] = sum
		}
	}
	switch {
	case u.run == nil: // what was done outside
		u.run = empty
		return u, nil
	case u.run.Open():
		return u, nil
	}
	if err := u.nothing(back[u.run.ID]); err != nil {
		return u, err
	}
	if empty != nil && empty.Of == u.run.ID {
		u.run = empty // somebody looked at the plans, and left it there
	}
	return u, nil
}

// nothing says why an ended deployment is not taken back: it was, by the
// rollback by or in its own run, or no plan undoes anything of it.
func (u undoing) nothing(by *runbook.Summary) error {
	what := runLine(u.run)
	switch {
	case by != nil:
		return &usageError{fmt.Errorf("%s, was taken back already: %s; %s", what, runLine(by), u.others())}
	case u.run.Outcome == runbook.RolledBack:
		return &usageError{fmt.Errorf("%s: it was taken back already, in its own run; %s", what, u.others())}
	}
	r, b, err := runbook.Load(u.run.Dir)
	if r == nil {
		return fmt.Errorf("%s can't be read: %w; %s", what, err, u.others())
	}
	if len(r.Plans(b)) == 0 {
		return &usageError{fmt.Errorf("%s: no plan of the book undoes anything that ran in it; %s", what, u.others())}
	}
	return nil
}

// others is how a run is taken back all the same, and the one before it.
func (u undoing) others() string {
	return fmt.Sprintf("`runbook rollback --run %s` lists the plans all the same; %s", u.run.Short, u.earlier())
}

// earlier names the deployment before, and how it is taken back.
func (u undoing) earlier() string {
	if u.before == nil {
		return "there is no deployment before it"
	}
	return fmt.Sprintf("the run before it is %s: `runbook rollback --run %s`", runLine(u.before), u.before.Short)
}

// refused adds to what keeps an open run from being rolled back how the one
// before it is.
func (u undoing) refused(err error) error {
	if u.run == nil || !u.run.Open() || u.run.Mode != runbook.ModeDeploy {
		return err
	}
	return fmt.Errorf("%s: %w; %s", runLine(u.run), err, u.earlier())
}

// own is what is said first of a way back that is walked in the run itself.
func (u undoing) own(s *runbook.Session) []string {
	r, b := s.State(), s.Book()
	if r.Mode != runbook.ModeDeploy {
		return nil
	}
	if r.Plan == "" && len(r.Plans(b)) == 0 {
		return []string{
			"goes on in " + runLine(u.run), running(b, r),
			"no plan of the book undoes anything that ran in it; " + safetext.Line(u.earlier()),
		}
	}
	return []string{"takes back " + runLine(u.run), running(b, r)}
}

// takenBack says which run a rollback is about.
func takenBack(h runbook.Home, r *runbook.Run) []string {
	if r.Mode != runbook.ModeRollback {
		return nil
	}
	if r.Of == "" {
		return []string{"takes back what was done outside: it is of no run"}
	}
	sum, err := h.FindRun(r.Of, false)
	if err != nil {
		return []string{safetext.Line("takes back run " + r.Of[:min(8, len(r.Of))] + ", which is not in this home")}
	}
	return []string{"takes back " + runLine(&sum)}
}

// runLine is a run in a few words: its name, the change it is for, its mode and
// how it stands.
func runLine(sum *runbook.Summary) string {
	name := strings.Join(append([]string{sum.Short}, sum.Demanded...), " ")
	stands, at := sum.Outcome, sum.Ended
	if sum.Open() {
		stands, at = "open since", sum.Started
	}
	at = at.UTC()
	day := ""
	if now := time.Now().UTC(); at.YearDay() != now.YearDay() || at.Year() != now.Year() {
		day = at.Format("2006-01-02 ")
	}
	return safetext.Line(fmt.Sprintf("%s, %s, %s %s%s", name, sum.Mode, stands, day, at.Format("15:04Z")))
}
