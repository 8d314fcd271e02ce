package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/mattn/go-runewidth"
	"golang.org/x/term"

	"runbook/runbook"
	"runbook/runbook/doctor"
	"runbook/steps"
	"runbook/steps/safetext"
	"runbook/tui/plain"
)

// From wideEnough columns on, what was looked at has a column of its own.
const wideEnough, whatColumn = 72, 18

// printWidth is that of the terminal, 0 if the lines go elsewhere: then a
// finding is one line, however long.
func printWidth() int {
	width, _, err := term.GetSize(int(os.Stdout.Fd()))
	if err != nil {
		return 0
	}
	return width
}

// findingLines are mark, what was looked at, what was seen beside its limit,
// and how to mend it. On a terminal the mend stands in lines of its own, to be
// copied from.
func findingLines(f doctor.Finding, width int) []string {
	saw, mend := safetext.Line(f.Saw), safetext.Line(f.Mend)
	if f.Limit != "" {
		saw += " (" + safetext.Line(f.Limit) + ")"
	}
	st := runbook.StepState{State: runbook.StateOf(f.Verdict), Result: &steps.Result{Verdict: f.Verdict}}
	head := plain.Mark(st) + " " + safetext.Line(f.What)
	if width == 0 {
		line := fmt.Sprintf("%-*s  %s", whatColumn, head, saw)
		if mend != "" {
			line += "  mend: " + mend
		}
		return []string{line}
	}
	indent := 2
	if width >= wideEnough {
		indent = whatColumn + 2
	}
	lines := wrapped(fmt.Sprintf("%-*s", indent-2, head), saw, indent, width)
	if mend != "" {
		lines = append(lines, wrapped(strings.Repeat(" ", indent-2), "mend: "+mend, indent, width)...)
	}
	return lines
}

// wrapped breaks text between words behind a head; lines after the first are
// indented. A word that is wider than the screen stays whole: it is a path or
// an option, and is copied.
func wrapped(head, text string, indent, width int) []string {
	lines := []string{head + " "}
	for word := range strings.FieldsSeq(text) {
		last := &lines[len(lines)-1]
		if runewidth.StringWidth(*last+" "+word) <= width || strings.TrimSpace(*last) == "" {
			*last += " " + word
			continue
		}
		lines = append(lines, strings.Repeat(" ", indent)+word)
	}
	return lines
}

// tally says how many of each there are.
func tally(all []doctor.Finding) string {
	n := map[steps.Verdict]int{}
	for _, f := range all {
		n[f.Verdict]++
	}
	return fmt.Sprintf("%d fail  %d unknown  %d warn  %d pass", n[steps.Fail], n[steps.Unknown]+n[steps.Blocked], n[steps.Warn], n[steps.Pass])
}
