package tui

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"runbook/runbook"
)

// printing is a migration that prints what it finds in more, until stop.
const printing = `#!/bin/sh
while [ ! -e stop ]; do
	if [ -e more ]; then cat more; rm more; fi
	sleep 0.01
done
touch migrated
`

// lines are numbered lines of a log, some of them errors.
func lines(from, to int) string {
	var b strings.Builder
	for i := from; i <= to; i++ {
		text := "migrated a row of the table"
		if i%100 == 0 {
			text = "\x1b[31mERROR\x1b[0m: no such column"
		}
		fmt.Fprintf(&b, "%05d %s\n", i, text)
	}
	return b.String()
}

// printed is a run whose migration has printed text, with its output open.
func printed(t *testing.T, w, h int, text string) (*bench, *outputScreen) {
	t.Helper()
	b := deploy(t)
	put(t, b.dir, "migrate", "#!/bin/sh\ncat text\ntouch migrated\n", 0o700)
	put(t, b.dir, "text", text, 0o600)
	b.press("enter", "enter")
	b.until("migrate", func() bool { return b.state("migrated") == runbook.Passed })
	b.ready()
	b.send(windowSize(w, h))
	return b, b.openMigrate()
}

// openMigrate opens the output of the migration.
func (b *bench) openMigrate() *outputScreen {
	b.t.Helper()
	b.exec(b.openOutput(b.book.Step("migrate")))
	o, ok := b.top().screen.(*outputScreen)
	if !ok {
		b.t.Fatalf("no output is open:\n%s", b.screen())
	}
	b.still(o)
	return o
}

// still waits until what is aimed at is on the screen.
func (b *bench) still(o *outputScreen) {
	b.t.Helper()
	b.until("a look at the output", func() bool { return o.read && !o.busy && o.aim.by == 0 && !o.aim.show && o.hunt == nil })
}

// scrolls presses keys on an output, and waits for what they show.
func (b *bench) scrolls(o *outputScreen, keys ...string) {
	b.t.Helper()
	for _, k := range keys {
		b.press(k)
		b.still(o)
	}
}

// finds types a search.
func (b *bench) finds(o *outputScreen, text string) {
	b.t.Helper()
	b.press("/")
	b.text(text)
	b.scrolls(o, "enter")
}

// TestOutputScreens holds an output against files: at its end, a page above,
// while a search is typed, and at a match.
func TestOutputScreens(t *testing.T) {
	t.Parallel()
	for _, size := range [][2]int{{80, 24}, {40, 20}, {120, 40}} {
		name := func(s string) string { return fmt.Sprintf("%dx%d-output-%s", size[0], size[1], s) }
		t.Run(name("walk"), func(t *testing.T) {
			t.Parallel()
			b, o := printed(t, size[0], size[1], lines(1, 1234)+"\tindented, and "+strings.Repeat("long ", 30)+"\n")
			b.golden(name("end"))
			b.scrolls(o, "pgup")
			b.golden(name("above"))
			b.press("/")
			b.text("no such")
			b.golden(name("typed"))
			b.scrolls(o, "enter", "n")
			b.golden(name("match"))
			b.press("?")
			b.shows("next match")
		})
	}
}

// TestOutputFollows reads along while a command prints: at the end it follows,
// scrolled up it stays and says that there is more.
func TestOutputFollows(t *testing.T) {
	t.Parallel()
	b := deploy(t)
	put(t, b.dir, "migrate", printing, 0o700)
	more := func(text string) {
		t.Helper()
		put(t, b.dir, "new", text, 0o600)
		if err := os.Rename(filepath.Join(b.dir, "new"), filepath.Join(b.dir, "more")); err != nil {
			t.Fatal(err)
		}
	}
	prints := func(text string) {
		t.Helper()
		b.until(text, func() bool { return strings.Contains(b.screen(), text) })
	}
	b.press("enter")
	b.send(keyOf("enter"))
	b.until("the command's start", func() bool { return b.command() != nil })
	o := b.openMigrate()
	prints("has printed nothing yet")
	more(lines(1, 500))
	prints("00500 ERROR")
	b.shows("follows the end")
	b.send(keyOf("pgup"))
	b.still(o)
	top := o.aim.top
	b.send(keyOf("up"))
	b.still(o)
	b.send(keyOf("down"))
	b.still(o)
	more(lines(501, 900))
	prints("▼ new output below")
	if o.aim.top != top || strings.Contains(b.screen(), "00501") {
		t.Errorf("scrolled up, it moved from %v to %v:\n%s", top, o.aim.top, b.screen())
	}
	b.send(keyOf("end"))
	prints("00900 ERROR")
	b.shows("follows the end")
	more(lines(901, 1000))
	prints("01000 ERROR")
	for range 3 { // to the end by the page follows again
		b.send(keyOf("pgup"))
		b.still(o)
	}
	more(lines(1001, 1020))
	prints("▼ new output below")
	for !o.aim.end {
		b.send(keyOf("pgdn"))
		b.still(o)
	}
	prints("01020 migrated")
	put(t, b.dir, "stop", "", 0o600)
	b.until("the command's end", func() bool { return b.command() == nil })
	b.until("no more to follow", func() bool { return !strings.Contains(b.screen(), "follows") })
}

func TestOutputSearch(t *testing.T) {
	t.Parallel()
	b, o := printed(t, 80, 24, lines(1, 1234))
	match := func(want string) {
		t.Helper()
		for line := range strings.SplitSeq(b.screen(), "\n") {
			if strings.HasPrefix(line, ">") {
				if !strings.Contains(line, want) {
					t.Errorf("the match is in %q, not in %s", line, want)
				}
				return
			}
		}
		t.Errorf("no match for %s is marked:\n%s", want, b.screen())
	}
	b.press("n")
	b.shows("/ asks what to look for")
	b.finds(o, "error")
	match("01200")
	b.shows("n next up")
	b.scrolls(o, "n")
	match("01100")
	b.scrolls(o, "N", "N")
	match("00100") // past the end, from the start
	b.shows("went on from the start")
	b.scrolls(o, "n")
	match("01200")
	b.shows("went on from the end")
	b.finds(o, "Error")
	b.shows("Error: not in this output")
	b.finds(o, "00007 migrated")
	match("00007")
	b.scrolls(o, "n")
	b.shows("the only match")
	b.scrolls(o, "home")
	b.finds(o, "table")
	match("00001") // from the first line shown, downwards
	b.shows("n next down")
	b.scrolls(o, "n")
	match("00002")
	if marked := strings.Count(b.screen(), "\n-"); marked < 5 {
		t.Errorf("%d other matches are marked:\n%s", marked, b.screen())
	}
	b.press("/", "enter")
	b.still(o)
	if strings.Contains(b.screen(), "\n-") || strings.Contains(b.screen(), "\n>") {
		t.Errorf("a search for nothing leaves marks:\n%s", b.screen())
	}
}

// TestOutputVast opens, searches and scrolls a gigabyte of nothing with a line
// at its end; the search is stopped on its way.
func TestOutputVast(t *testing.T) {
	t.Parallel()
	b, o := printed(t, 80, 24, "")
	path := b.snap.run.Output(o.step)
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	if _, err := f.WriteAt([]byte("\nthe last line\n"), 1<<30); err != nil {
		t.Fatal(err)
	}
	b.until("the end", func() bool { return strings.Contains(b.screen(), "the last line") })
	b.press("/")
	b.text("nowhere")
	b.press("enter")
	b.until("a search on its way", func() bool { return o.hunt != nil && o.hunt.at.Row < o.hunt.from.Row })
	b.shows("searching .. " + fmt.Sprint(o.hunt.percent()) + " %")
	b.send(keyOf("pgup"))
	b.until("a page above", func() bool { return !strings.Contains(b.screen(), "the last line") })
	if o.hunt == nil {
		t.Error("scrolling stopped the search")
	}
	b.press("esc")
	if o.hunt != nil || strings.Contains(b.screen(), "searching") {
		t.Errorf("esc did not stop the search:\n%s", b.screen())
	}
	b.shows("OUTPUT")
	b.scrolls(o, "5")
	if half := o.got.next * 100 / o.got.size; half < 49 || half > 51 {
		t.Errorf("5 goes to %d %%", half)
	}
}

// TestOutputHostile shows what attacks terminals: nothing but colours gets
// through, and no line is too wide.
func TestOutputHostile(t *testing.T) {
	t.Parallel()
	hostile := "plain\n\x1b]52;c;aGk=\x07clip\n\x1b]0;title\x07\x1b[2J\x1bcreset\n\x1b[6n\x9b31mC1 \u009b2J\u202egnp.exe\n" +
		"\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\\n\x1b[8mconceal\x1b[0m\b\b\b\rback\n\x1b[31;5mred blink\n" +
		"\x1bPdcs\x1b\\\x1b_apc\x1b\\\x1b^pm\x1b\\\x1b]unterminated " + strings.Repeat("x", 5000) + "\nend \xff\xfe\u200b漢字"
	b, o := printed(t, 40, 20, strings.Repeat(hostile+"\n", 3)+strings.Repeat(hostile, 100))
	check := func() {
		t.Helper()
		for line := range strings.SplitSeq(b.View().Content, "\n") {
			onlySGR(t, line)
		}
	}
	check()
	b.finds(o, "red blink")
	check()
	for range 5 {
		b.scrolls(o, "n", "pgup")
		check()
	}
	b.scrolls(o, "home")
	check()
	for _, text := range []string{"plain", "clip", "<U+202E>", "link"} {
		b.shows(text)
	}
}
