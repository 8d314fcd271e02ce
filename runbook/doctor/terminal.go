package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"runbook/steps"
)

// The smallest screen that the full one fits.
const minWidth, minHeight = 40, 20

// terminal looks at what an operator would work in.
func (h Host) terminal(ctx context.Context) []Finding {
	const what = "terminal"
	fd, err := unix.Open(h.Terminal, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return one(steps.Warn, what, "none here, and on a real target answers come only from one", "", "connect with ssh -t")
	}
	defer func() { _ = unix.Close(fd) }() // nothing is kept in it
	found := h.kind(what)
	if found == nil {
		found = pass(what, h.Getenv("TERM")+h.around())
	}
	return append(append(found, measure(fd)...), append(h.locale(), report(ctx, fd)...)...)
}

// kind looks at what the terminal says it is.
func (h Host) kind(what string) []Finding {
	switch h.Getenv("TERM") {
	case "":
		return one(steps.Warn, what, "TERM is not set: only --plain works", "", "export TERM=xterm-256color")
	case "dumb":
		return one(steps.Warn, what, "TERM=dumb: only --plain works", "", "export TERM=xterm-256color, if it is one")
	}
	return nil
}

// around names what the terminal is in, and what it leaves out.
func (h Host) around() string {
	text := ""
	switch {
	case h.Getenv("TMUX") != "":
		text = " in tmux"
	case h.Getenv("STY") != "":
		text = " in screen"
	case h.Getenv("SSH_TTY") != "":
		text = " over ssh"
	}
	if h.Getenv("NO_COLOR") != "" {
		text += ", without colours (NO_COLOR)"
	}
	return text
}

func measure(fd int) []Finding {
	const what = "screen"
	size, err := unix.IoctlGetWinsize(fd, unix.TIOCGWINSZ)
	limit := fmt.Sprintf("at least %dx%d", minWidth, minHeight)
	switch {
	case err != nil:
		return one(steps.Unknown, what, "its size: "+err.Error(), limit, "")
	case size.Col == 0 || size.Row == 0:
		return one(steps.Warn, what, "the terminal does not tell its size", limit, "stty rows 24 cols 80")
	case size.Col < minWidth || size.Row < minHeight:
		return one(steps.Warn, what, fmt.Sprintf("%dx%d", size.Col, size.Row), limit, "make it larger, or use --plain")
	}
	return one(steps.Pass, what, fmt.Sprintf("%dx%d", size.Col, size.Row), limit, "")
}

// locale looks for UTF-8: marks and frames are not ASCII.
func (h Host) locale() []Finding {
	const what = "locale"
	name := cmp.Or(h.Getenv("LC_ALL"), h.Getenv("LC_CTYPE"), h.Getenv("LANG"))
	if upper := strings.ToUpper(name); strings.Contains(upper, "UTF-8") || strings.Contains(upper, "UTF8") {
		return pass(what, name)
	}
	return one(steps.Warn, what, "not UTF-8: "+cmp.Or(name, "none is set"), "", "export LANG=C.UTF-8, if the terminal shows ✓ and ─")
}

// report asks for a cursor report, by which a screen knows that it was seen.
func report(ctx context.Context, fd int) []Finding {
	const what = "cursor report"
	took, err := cursor(ctx, fd)
	switch {
	case errors.Is(err, errSilent):
		return one(steps.Warn, what, "none came: each question waits a second before it takes keys", "at most "+reportLimit.String(), "")
	case err != nil:
		return one(steps.Unknown, what, err.Error(), "", "")
	}
	return one(steps.Pass, what, "came within "+took.String(), "at most "+reportLimit.String(), "")
}
