package report

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"runbook/runbook"
	"runbook/runbook/book"
	"runbook/runbook/durable"
	"runbook/runbook/journal"
)

// source is all that an Account is made of: the log of a run, and its copies of
// book and target.
type source struct {
	dir     string
	book    *book.Book
	target  *book.Target
	entries []journal.Entry
	damage  error // what is wrong behind them
}

// open reads the run in dir. It creates and locks nothing.
func open(dir string) (*source, error) {
	b, t, err := runbook.ReadCopies(dir)
	if err != nil {
		return nil, err
	}
	l := &source{dir: dir, book: b, target: t}
	l.entries, l.damage = journal.Read(dir)
	if errors.Is(l.damage, journal.ErrTorn) {
		if driven, err := durable.Locked(filepath.Join(dir, "lock")); driven && err == nil {
			l.damage = nil // a line on its way
		}
	}
	return l, nil
}

// account gathers what the log says up to entry n, all of it if n is 0. Of a
// damaged log it is what can be read, and Log.Damage names what is wrong.
func (l *source) account(n uint64) (*Account, *runbook.Run, error) {
	entries, damage := l.entries, l.damage
	switch have := uint64(len(entries)); {
	case n > have:
		return nil, nil, errors.Join(damage, fmt.Errorf("the log ends with entry %d: there is no entry %d", have, n))
	case n > 0:
		entries, damage = entries[:n], nil
	}
	g := &gatherer{
		dir: l.dir, book: l.book, target: l.target, decided: map[string]bool{},
		acts: map[string][]Act{}, left: map[string]int{}, began: map[string]*time.Time{},
	}
	var err error
	if g.run, err = g.fold(entries); err != nil {
		damage = errors.Join(damage, err)
	}
	if g.run.Started.IsZero() {
		return nil, nil, errors.Join(damage, fmt.Errorf("the log in %s holds no run.start: there is nothing to report", l.dir))
	}
	a := g.account(entries)
	if damage != nil {
		a.Log.Damage = damage.Error()
		a.Marks = append([]string{"DAMAGED LOG: this is what can be read of it"}, a.Marks...)
	}
	clean(a)
	return a, g.run, nil
}
