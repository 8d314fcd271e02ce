package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"runbook/runbook"
	"runbook/runbook/book"
	"runbook/runbooks"
	"runbook/tui"
)

// pick lets a person at a terminal choose what was not named. Elsewhere it is
// a mistake on the command line: there is no default target, ever.
func pick(ctx context.Context, h runbook.Home, name, target string) (tui.Choice, error) {
	if !atTerminal() || os.Getenv("TERM") == "dumb" {
		return tui.Choice{}, &usageError{errors.New("name the book and the target: runbook deploy BOOK -t TARGET; `runbook list` shows both")}
	}
	var books, targets []tui.Item
	for _, n := range book.List(filepath.Join(h.Config, "books"), runbooks.Books) {
		if name != "" && n != name {
			continue
		}
		item := tui.Item{Name: n}
		if b, err := findBook(h, n, false); err == nil {
			item.Title = b.Title
		} else {
			item.Note = err.Error()
		}
		books = append(books, item)
	}
	if target == "" || target == practiceName {
		targets = append(targets, tui.Item{Name: practiceName, Title: "the practice world on this machine", Note: "PRACTICE"})
	}
	for _, n := range book.List(filepath.Join(h.Config, "targets"), nil) {
		if target == "" || n == target {
			targets = append(targets, tui.Item{Name: n, Note: targetNote(h, n)})
		}
	}
	all, err := h.List()
	if err != nil {
		return tui.Choice{}, err
	}
	var open []runbook.Summary
	for _, sum := range all {
		if sum.Open() && (name == "" || sum.Book == name) && (target == "" || sum.Target == target) {
			open = append(open, sum)
		}
	}
	return tui.Pick(ctx, tui.Options{In: os.Stdin, Out: os.Stdout, Env: os.Environ()}, books, targets, open)
}
