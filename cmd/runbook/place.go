package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"golang.org/x/term"

	"runbook/runbook"
	"runbook/runbook/book"
	"runbook/runbook/practice"
	"runbook/runbooks"
	"runbook/steps"
	"runbook/steps/safetext"
)

// practiceName is the target that no file can claim.
const practiceName = "practice"

// place is where a book is run: the book, the target, and the world it makes.
type place struct {
	book   *book.Book
	target *book.Target
	world  *steps.World
	signs  *practice.World   // whose keys sign there; nil on a real target: people's do
	given  map[string]string // by --var, or when it was asked for
	vars   map[string]string
}

// findBook reads a book by name or path. trusted holds it against the list of
// what the operator trusts.
func findBook(h runbook.Home, name string, trusted bool) (*book.Book, error) {
	data, file, err := book.Find(name, h.Config, runbooks.Books)
	if err != nil {
		return nil, &usageError{err}
	}
	b, err := book.Read(data, file)
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(file, "embedded:") {
		return b, nil // it was linted before this program was built
	}
	if trusted {
		if err := book.Trusted(h.Config, file, b.SHA256); err != nil {
			return nil, err
		}
	}
	return b, lintErrors(b)
}

// lintErrors refuses a book that lint calls wrong.
func lintErrors(b *book.Book) error {
	var wrong book.Problems
	wrong.File = b.File
	for _, p := range book.Lint(b) {
		if !p.Warning {
			wrong.List = append(wrong.List, p)
		}
	}
	if len(wrong.List) > 0 {
		return &wrong
	}
	return nil
}

// findPlace puts a book and a target together: -t practice finds or starts the
// practice world, anything else is a trusted target file.
func findPlace(ctx context.Context, h runbook.Home, bookName, targetName string, given []string) (*place, error) {
	b, err := findBook(h, bookName, true)
	if err != nil {
		return nil, err
	}
	p := &place{book: b}
	if targetName == practiceName {
		err = p.practise(ctx, h)
	} else {
		err = p.real(h, targetName)
	}
	if err != nil {
		return nil, err
	}
	if err := b.Fits(p.target); err != nil {
		return nil, err
	}
	p.book = b.On(p.target)
	if p.given, err = parseVars(given); err != nil {
		return nil, err
	}
	return p, p.resolve()
}

// resolve gives the book's vars their values.
func (p *place) resolve() (err error) {
	for name, choice := range p.target.Choose {
		if _, ok := p.given[name]; ok {
			return &usageError{fmt.Errorf("--var %s: target %s chooses %s", name, p.target.Name, choice)}
		}
	}
	if p.vars, err = p.book.Resolve(p.given, p.target.Values()); err != nil {
		return &usageError{err}
	}
	return nil
}

// askDemands asks at a terminal for what the target demands of each run and was
// not given. What is missing then, the run's start refuses.
func (p *place) askDemands(ctx context.Context) error {
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return nil
	}
	for _, d := range p.target.Unmet(p.vars) {
		fmt.Fprintf(os.Stderr, "%s demands %s: ", safetext.Line(p.target.Name), safetext.Line(cmp.Or(d.Title, d.Name)))
		p.given[d.Name] = typed(ctx)
		if err := d.Check(p.given[d.Name]); err != nil {
			return &usageError{err}
		}
	}
	return p.resolve()
}

func (p *place) practise(ctx context.Context, h runbook.Home) error {
	exe, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program to start the practice world with: %w", err)
	}
	if _, err := practice.Find(ctx, h.Dir); err != nil && term.IsTerminal(int(os.Stderr.Fd())) {
		fmt.Fprintln(os.Stderr, "runbook: starting a practice world ..")
	}
	w, err := practice.Start(ctx, h.Dir, exe)
	if err != nil {
		return err
	}
	if w, err = w.Enter(ctx, p.book.Name); err != nil {
		return err
	}
	p.world, p.signs = w.Steps(), w
	target, err := w.Target(slices.Collect(maps.Keys(p.book.Vars))...)
	if err != nil {
		return err
	}
	p.target, err = book.ReadTarget(target, practiceName)
	return err
}

func (p *place) real(h runbook.Home, name string) error {
	data, file, err := book.FindTarget(name, h.Config)
	if err != nil {
		return err
	}
	if p.target, err = book.LoadTarget(data, file); err != nil {
		return err
	}
	if err := p.target.Trusted(h.Config); err != nil {
		return err
	}
	p.world, err = runbook.NewWorld(p.target)
	if err != nil {
		return &usageError{err}
	}
	return nil
}

// worldOf makes the world of a run that is gone on with: of its own copy of
// the target, or the very practice world it began in.
func worldOf(ctx context.Context, h runbook.Home, sum runbook.Summary, t *book.Target) (*steps.World, *practice.World, error) {
	if !sum.Practice {
		w, err := runbook.NewWorld(t)
		if err != nil {
			return nil, nil, &usageError{err}
		}
		return w, nil, nil
	}
	w, err := practice.Find(ctx, h.Dir)
	if errors.Is(err, practice.ErrNone) || errors.Is(err, practice.ErrDead) || err == nil && w.ID() != sum.World {
		return nil, nil, fmt.Errorf("%w: run %s can be read (`runbook log show %s`), and not gone on with; --new starts another",
			runbook.ErrWorldGone, sum.Short, sum.Short)
	}
	if err != nil {
		return nil, nil, err
	}
	if w, err = w.Enter(ctx, sum.Book); err != nil {
		return nil, nil, err
	}
	return w.Steps(), w, nil
}

// parseVars reads --var NAME=VALUE.
func parseVars(given []string) (map[string]string, error) {
	vars := map[string]string{}
	for _, pair := range given {
		name, value, ok := strings.Cut(pair, "=")
		if !ok {
			return nil, &usageError{fmt.Errorf("--var %s: write --var NAME=VALUE", pair)}
		}
		vars[name] = value
	}
	return vars, nil
}
