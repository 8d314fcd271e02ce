package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"runbook/docs"
	"runbook/runbook"
	"runbook/runbook/book"
	"runbook/runbooks"
	"runbook/steps/safetext"
)

func newList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "the books and targets that can be named", Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			h, err := home()
			if err != nil {
				return err
			}
			for _, name := range book.List(filepath.Join(h.Config, "books"), runbooks.Books) {
				b, err := findBook(h, name, false)
				if err != nil {
					fmt.Printf("book    %-20s (can't be read: %s)\n", name, safetext.Line(err.Error()))
					continue
				}
				fmt.Printf("book    %-20s %s\n", name, safetext.Line(b.Title))
			}
			fmt.Printf("target  %-20s the practice world on this machine\n", practiceName)
			for _, name := range book.List(filepath.Join(h.Config, "targets"), nil) {
				fmt.Println(strings.TrimRight(fmt.Sprintf("target  %-20s %s", name, targetNote(h, name)), " "))
			}
			return nil
		},
	}
}

// targetNote is what is said of a target where it is picked. What can't be read
// is said there too: a target of that name is not what somebody thinks.
func targetNote(h runbook.Home, name string) string {
	data, file, err := book.FindTarget(name, h.Config)
	if err != nil {
		return "(can't be read)"
	}
	switch t, err := book.LoadTarget(data, file); {
	case err != nil:
		return "(can't be read: runbook lint " + safetext.Line(file) + ")"
	case t.Guard:
		return "PRODUCTION"
	}
	return ""
}

func newShow() *cobra.Command {
	var asJSON, kinds bool
	cmd := &cobra.Command{
		Use: "show BOOK", Short: "the whole book, as a person reads it or as JSON", Args: atMostOne,
		Long: "With --kinds it is the reference of the kinds that the book uses; without a BOOK, of all, and of targets.",
		RunE: func(_ *cobra.Command, args []string) error {
			switch {
			case kinds && asJSON:
				return &usageError{errors.New("--json is the book, --kinds the reference: give one of them")}
			case kinds && len(args) == 0:
				_, err := os.Stdout.WriteString(docs.Kinds)
				return err
			case len(args) == 0:
				return &usageError{errors.New("name the book: runbook show BOOK; `runbook list` lists them")}
			}
			h, err := home()
			if err != nil {
				return err
			}
			b, err := findBook(h, args[0], false)
			if err != nil {
				return err
			}
			switch {
			case kinds:
				_, err := os.Stdout.WriteString(kindsOf(b))
				return err
			case !asJSON:
				return b.Text(os.Stdout)
			}
			data, err := b.JSON()
			if err == nil {
				_, err = os.Stdout.Write(append(data, '\n'))
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "JSON on stdout and nothing else")
	cmd.Flags().BoolVar(&kinds, "kinds", false, "what each kind does and takes")
	return cmd
}

// kindsOf are the sections of the reference that a book needs.
func kindsOf(b *book.Book) string {
	used := map[string]bool{"step": true}
	for _, s := range b.All() {
		verb, kind := book.VerbOf(s)
		used[verb+"."+kind], used[verb] = true, true
		used["check."+strings.TrimPrefix(kind, "probe.")] = true // a probe, or what is watched
	}
	sections := strings.Split(docs.Kinds, "\n## ")
	sections = slices.DeleteFunc(sections, func(section string) bool {
		name, _, _ := strings.Cut(section, "\n")
		return !used[name] && !strings.HasPrefix(section, "# ")
	})
	return strings.Join(sections, "\n## ")
}

func newLint() *cobra.Command {
	return &cobra.Command{
		Use: "lint FILE…", Short: "what is wrong with books and targets", Args: atLeastOne,
		Long: "Prints FILE:LINE:COL: text. A target's waivers are held against the books among the files, else against all that `list` names.\n" +
			"Exit codes: 0 clean or warnings only, 2 unreadable or invalid.",
		RunE: func(_ *cobra.Command, files []string) error {
			h, err := home()
			if err != nil {
				return err
			}
			books, bad := lintBooks(h, files), false
			for _, file := range files {
				wrong, err := lintFile(file, books)
				if err != nil {
					return &usageError{err}
				}
				for _, p := range wrong {
					fmt.Println(safetext.Line(p.In(file)))
					bad = bad || !p.Warning
				}
			}
			if bad {
				return &toldError{exitUsage}
			}
			return nil
		},
	}
}

// readFile reads a file that is named by its path alone: bounded, and never a
// pipe.
func readFile(file string) ([]byte, error) {
	if !filepath.IsAbs(file) {
		file = "." + string(filepath.Separator) + file
	}
	data, _, err := book.FindTarget(file, "")
	return data, err
}

// lintFile reads one file as a book, or as a target if it has no schema.
func lintFile(file string, books []*book.Book) ([]book.Problem, error) {
	data, err := readFile(file)
	if err != nil {
		return nil, err
	}
	var problems *book.Problems
	if book.IsTarget(data) {
		t, err := book.LoadTarget(data, file)
		if errors.As(err, &problems) {
			return inFile(problems), nil
		}
		if err != nil {
			return nil, err
		}
		return book.LintTarget(t, books, time.Now()), nil
	}
	b, err := book.Read(data, file)
	if errors.As(err, &problems) {
		return problems.List, nil
	}
	if err != nil {
		return nil, err
	}
	return book.Lint(b), nil
}

// inFile are the problems of a file, or of one that it extends.
func inFile(problems *book.Problems) []book.Problem {
	for i := range problems.List {
		problems.List[i].File = cmp.Or(problems.List[i].File, problems.File)
	}
	return problems.List
}

// lintBooks are the books that a target is held against: those among the files,
// else all that can be named.
func lintBooks(h runbook.Home, files []string) []*book.Book {
	var books []*book.Book
	for _, file := range files {
		if data, err := readFile(file); err == nil && !book.IsTarget(data) {
			if b, err := book.Read(data, file); err == nil {
				books = append(books, b)
			}
		}
	}
	if len(books) > 0 {
		return books
	}
	for _, name := range book.List(filepath.Join(h.Config, "books"), runbooks.Books) {
		if b, err := findBook(h, name, false); err == nil {
			books = append(books, b)
		}
	}
	return books
}

func newTrust() *cobra.Command {
	return &cobra.Command{
		Use: "trust FILE", Short: "let a book or a target of yours run, after showing what it does", Args: oneArg,
		RunE: func(cmd *cobra.Command, args []string) error {
			h, err := home()
			if err != nil {
				return err
			}
			return trust(cmd.Context(), h.Config, args[0])
		},
	}
}

// trust shows what a file does and takes the word for it. Both happen at the
// terminal: what went into a pipe nobody has read.
func trust(ctx context.Context, config, file string) (err error) {
	data, err := readFile(file)
	if err != nil {
		return &usageError{err}
	}
	given, err := trustable(data, file)
	if err != nil {
		return err
	}
	terminal, err := os.OpenFile("/dev/tty", os.O_WRONLY, 0)
	if err != nil || !term.IsTerminal(int(os.Stdin.Fd())) {
		return &usageError{fmt.Errorf("trust in %s is given at a terminal, to what was shown there: run this there", file)}
	}
	defer func() { err = errors.Join(err, terminal.Close()) }()
	lines := append([]string{safetext.Line(file)}, given.Summary()...)
	if _, err := fmt.Fprint(terminal, strings.Join(lines, "\n  "), "\ntrust these bytes at this path? type yes: "); err != nil {
		return fmt.Errorf("show what %s does: %w", file, err)
	}
	if typed(ctx) != "yes" {
		return &usageError{fmt.Errorf("%s is not trusted", file)}
	}
	if err := given.AddTrust(config); err != nil {
		return err
	}
	_, err = fmt.Fprintln(terminal, "trusted; a changed file asks again")
	return err
}

// summarized is what can be trusted: it says what it does.
type summarized interface {
	Summary() []string
	AddTrust(configDir string) error
}

func trustable(data []byte, file string) (summarized, error) {
	if book.IsTarget(data) {
		return book.LoadTarget(data, file)
	}
	b, err := book.Read(data, file)
	if err != nil {
		return nil, err
	}
	return b, lintErrors(b)
}
