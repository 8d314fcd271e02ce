package main

import (
	"fmt"
	"maps"
	"os"
	"os/user"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"runbook/runbook"
	"runbook/runbook/book"
	"runbook/runbook/journal"
	"runbook/runbook/practice"
	"runbook/steps/safetext"
)

// logOptions are who writes the log: the person's key, or why there is none,
// and what is believed of him.
//
// A run that is gone on with or rolled back is not held up by a key that can't
// be had: the log then says that nobody signed, and why.
func logOptions(h runbook.Home, signs *practice.World, underWay bool) (journal.Options, error) {
	o := journal.Options{Tool: "runbook " + version(), Claims: claims()}
	if signs != nil {
		id, err := journal.KeyFile(signs.Key())
		if err != nil {
			return o, fmt.Errorf("read the practice operator's key: %w", err)
		}
		o.Identity = id
		return o, nil
	}
	id, why, err := journal.FindIdentity(h.Config, os.Getenv)
	if err != nil && !underWay {
		return o, fmt.Errorf("find your key: %w", err)
	}
	if err != nil {
		why = "your key can't be had: " + err.Error()
		fmt.Fprintln(os.Stderr, "runbook: "+safetext.Line(why)+"; nobody signs this session")
	}
	o.Identity, o.NoIdentity = id, why
	var unread error
	if o.Signers, unread = h.Signers(false); unread != nil && err == nil {
		fmt.Fprintln(os.Stderr, "runbook: "+safetext.Line(unread.Error()))
	}
	return o, nil
}

// claims is what this process believes about its person, unproved.
func claims() map[string]string {
	all := map[string]string{"uid": fmt.Sprint(os.Getuid())}
	if me, err := user.Current(); err == nil {
		all["user"] = me.Username
	}
	if name, err := os.Hostname(); err == nil {
		all["host"] = name
	}
	if tty, err := os.Readlink("/proc/self/fd/0"); err == nil && (strings.HasPrefix(tty, "/dev/pts/") || strings.HasPrefix(tty, "/dev/tty")) {
		all["tty"] = strings.TrimPrefix(tty, "/dev/")
	}
	for claim, name := range map[string]string{"ssh_connection": "SSH_CONNECTION", "ssh_tty": "SSH_TTY", "sudo_user": "SUDO_USER"} {
		if value := os.Getenv(name); value != "" {
			all[claim] = safetext.Line(value)
		}
	}
	return all
}

// startLines is what will be executed, where, by whom: the start screen.
func startLines(h runbook.Home, s *runbook.Session) []string {
	b, t, r := s.Book(), s.Target(), s.State()
	world := "REAL TARGET: what is started here happens"
	if r.Practice {
		world = "practice world " + r.World + ": nothing outside it is touched"
	}
	lines := []string{
		fmt.Sprintf("book    %s  %s", b.Name, sourceOf(b.File)),
		"    sha256 " + b.SHA256,
		fmt.Sprintf("target  %s  %s", t.Name, sourceOf(t.File)),
		"    sha256 " + t.SHA256,
	}
	lines = append(lines, targetLines(b, t, r, time.Now())...)
	lines = append(lines, givenLines(b, t, r.Vars)...)
	lines = append(lines,
		"dir     "+t.Dir,
		"world   "+world,
		fmt.Sprintf("you     %s on %s", r.Operator, claims()["host"]),
		"key     "+r.Key,
		"log     "+r.Dir,
	)
	var disk unix.Statfs_t
	if err := unix.Statfs(r.Dir, &disk); err == nil {
		free := uint64(disk.Bavail) * uint64(disk.Bsize) //nolint:gosec // sizes of a file system
		lines = append(lines, fmt.Sprintf("disk    %d MiB free for the log", free>>20))
	}
	return safe(lines)
}

func safe(lines []string) []string {
	for i, line := range lines {
		lines[i] = safetext.Line(line)
	}
	return lines
}

// targetLines are what the target adds to the book: what guards it, what it was
// given, what it chooses, and what it lets pass.
func targetLines(b *book.Book, t *book.Target, r *runbook.Run, now time.Time) []string {
	var lines []string
	if t.Guard {
		lines = append(lines, "guard   PRODUCTION: an approval stands before the first change")
	}
	for _, name := range r.Demands {
		lines = append(lines, "for     "+name+" "+r.Vars[name])
	}
	for _, name := range slices.Sorted(maps.Keys(t.Choose)) {
		lines = append(lines, "chosen  "+name+" is "+t.Choose[name])
	}
	for i := range t.Waivers {
		w := &t.Waivers[i]
		if b.Step(w.Step) == nil {
			continue // of another book
		}
		line := "waiver  " + w.Step + ": " + w.String()
		if why, stands := w.Waives(now); !stands {
			line += "; it " + why + ": COUNTS FOR NOTHING"
		}
		lines = append(lines, line)
	}
	return lines
}

// maxGiven is how many vars are shown: the page is read before each run.
const maxGiven = 6

// givenLines are the vars that this run was given or has answered: what neither
// the book nor the target says. What the target demands and chooses it tells
// itself.
func givenLines(b *book.Book, t *book.Target, vars map[string]string) []string {
	usual := t.Values()
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		v := b.Vars[name]
		demanded := slices.ContainsFunc(t.Require, func(d book.Demand) bool { return d.Name == name })
		fixed, ok := usual[name]
		if !ok {
			fixed = v.Default
		}
		if _, chosen := t.Choose[name]; chosen || demanded || v.Secret || vars[name] == fixed {
			continue
		}
		lines = append(lines, "var     "+name+" = "+vars[name])
	}
	if n := len(lines) - maxGiven; n > 0 {
		lines = append(lines[:maxGiven], fmt.Sprintf("        and %d more", n))
	}
	return lines
}

// sourceOf is where a copy's bytes came from; a resumed run executes its own.
func sourceOf(file string) string {
	if strings.Contains(file, "/runs/") {
		return "(the run's own copy)"
	}
	return file
}
