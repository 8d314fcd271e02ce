package tui

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"runbook/runbook"
	"runbook/runbook/journal"
	"runbook/runbook/report"
)

// signBook is a book that ends with a sign-off by two roles.
const signBook = `
schema = 1
name = "small"
[[phase]]
id = "pre"
title = "Pre-checks"
  [[phase.step]]
  id = "readme"
  title = "README is there"
  check.file = { path = "readme" }
  [[phase.step]]
  id = "dump"
  title = "Dump is fresh"
  check.file = { path = "dump" }
[[phase]]
id = "sign-off"
title = "Sign-off"
  [[phase.step]]
  id = "dev-signs"
  title = "Development lead signs"
  ask.approve = { role = "dev-lead", scope = "run", question = "Does it do what it was built for?", evidence = ["readme"] }
  [[phase.step]]
  id = "qa-signs"
  title = "QA lead signs"
  ask.approve = { role = "qa-lead", scope = "run" }
[[signoff]]
role = "dev-lead"
scope = "run"
[[signoff]]
role = "qa-lead"
scope = "run"
distinct = true
`

// keyFile is a person's key in a file.
func keyFile(t *testing.T) journal.Identity {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "a test")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	id, err := journal.KeyFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// desk brings a run to its sign-off, with a key for each role, or none.
func desk(t *testing.T, w, h int, keys map[string]journal.Identity) *bench {
	t.Helper()
	b := begin(t, signBook, w, h)
	b.ready()
	b.session.Signs(runbook.Keys{Report: report.SHA256, Role: func(_ context.Context, role string) (journal.Identity, error) {
		if id := keys[role]; id != nil {
			return id, nil
		}
		return nil, errors.New("no key signs this session: a test")
	}})
	b.report = report.Bytes
	b.press("a")
	b.text("2")
	b.text("read by hand")
	b.press("enter", "enter", "enter")
	b.until("the sign-off", func() bool { return b.snap.run.Phase(b.book).ID == "sign-off" })
	b.ready()
	return b
}

var someStamp = regexp.MustCompile(`20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ`)

func TestSignScreens(t *testing.T) {
	t.Parallel()
	for _, size := range [][2]int{{120, 40}, {80, 24}, {60, 20}} {
		name := fmt.Sprintf("%dx%d", size[0], size[1])
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := desk(t, size[0], size[1], nil)
			b.press("enter")
			b.golden(name + "-approve")
			b.press("g")
			b.until("why not", func() bool { return strings.Contains(b.screen(), "signed here") })
			b.golden(name + "-unsigned")
		})
	}
}

func TestSigningOnTheScreen(t *testing.T) {
	t.Parallel()
	dev := keyFile(t)
	b := desk(t, 120, 40, map[string]journal.Identity{"dev-lead": dev, "qa-lead": dev})
	b.press("enter", "g")
	b.until("the statement", func() bool { return strings.Contains(b.screen(), "runbook-log/v1 sign-off") })
	entries := b.session.State().Entries
	b.press("enter", "enter", "enter") // enter never signs
	b.text("qa-lead")
	b.press("enter")
	b.shows("that is not the role: dev-lead. Nothing was signed")
	if got := b.session.State().Entries; got != entries || b.state("dev-signs") != runbook.Pending {
		t.Fatalf("%d entries were written before the role was typed", got-entries)
	}
	b.text("reject nobody has read it")
	b.press("enter")
	b.until("the reject", func() bool { return strings.Contains(b.screen(), "│ decision reject") })
	b.shows(`│ note "nobody has read it"`)
	b.shows("SIGN REJECT as dev-lead")
	b.shows("type dev-lead and enter: this reject is signed.")
	b.press("enter")
	b.text("dev-lead")
	b.press("enter")
	b.until("the reject", func() bool { return b.state("dev-signs") == runbook.Declined })
	b.ready()
	b.shows("declined, signed")
	b.press("y") // what is signed is moved by signatures alone
	b.until("the statement", func() bool { return strings.Contains(b.screen(), "│ decision approve") })
	b.press("enter")
	b.text("withdraw")
	b.press("enter")
	b.until("the withdrawal", func() bool { return strings.Contains(b.screen(), "│ decision withdraw") })
	b.press("enter")
	b.text("dev-lead")
	b.press("enter")
	b.until("the withdrawal", func() bool { return b.state("dev-signs") == runbook.Pending })
	b.press("enter", "g")
	b.until("the statement", func() bool { return strings.Contains(b.screen(), "│ decision approve") })
	if err := b.session.Do(t.Context(), runbook.Intent{Kind: runbook.Memo, Text: "the log moves"}); err != nil {
		t.Fatal(err)
	}
	b.ready()
	b.shows("the log has moved behind what is shown: enter shows it anew")
	b.press("enter")
	b.until("the statement", func() bool { return strings.Contains(b.screen(), "│ decision approve") })
	b.press("enter")
	b.text("dev-lead")
	b.press("enter")
	b.until("the signature", func() bool { return b.state("dev-signs") == runbook.Confirmed })
	b.press("enter", "g")
	b.until("why not", func() bool { return strings.Contains(b.screen(), "wants a key of its own") })
	b.press("esc", "y")
	b.text("Q. said yes in chat")
	b.press("enter")
	b.until("the report", func() bool { return b.state("qa-signs") == runbook.Confirmed })
	b.press("enter")
	b.shows("sign-off 1/2, missing qa-lead")
	b.press("enter")
	b.until("the end", func() bool { return b.snap.run.Phase(b.book) == nil })
	b.press("enter")
	b.text("end")
	b.press("enter")
	b.until("the end", func() bool { return strings.Contains(b.screen(), "THIS RUN HAS ENDED") })
	b.shows("sign-off dev-lead  ✓ signed by SHA256:")
	b.shows("sign-off qa-lead  · MISSING  confirmed, reported  approved  Q. said yes in chat")
}

// Somebody else's signature shows by itself where it is waited for.
func TestAnothersSignatureShows(t *testing.T) {
	t.Parallel()
	b := desk(t, 80, 24, map[string]journal.Identity{"dev-lead": keyFile(t)})
	b.press("enter")
	statement, err := b.session.Statement(t.Context(), b.book.Step("dev-signs"), journal.DecisionApprove, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := b.session.Do(t.Context(), runbook.Intent{Kind: runbook.Sign, Step: "dev-signs", Text: statement.Text()}); err != nil {
		t.Fatal(err)
	}
	b.ready()
	b.shows("meanwhile: ✓ confirmed, signed  approved  by")
	b.press("enter")
	b.shows("✓ Development lead signs")
}

// Who signs at another terminal while the end is asked for, is on the screen
// that asks.
func TestTheEndShowsWhoSignsMeanwhile(t *testing.T) {
	t.Parallel()
	b := desk(t, 80, 24, map[string]journal.Identity{"dev-lead": keyFile(t)})
	b.send(windowSize(60, 12))
	b.press("x")
	b.shows("STOP THE RUN HERE")
	b.press("pgdn", "up")
	ending, ok := b.top().screen.(*endingScreen)
	if !ok {
		t.Fatalf("the end is not asked for:\n%s", b.screen())
	}
	b.press("e", "n")
	at := ending.page.top
	statement, err := b.session.Statement(t.Context(), b.book.Step("dev-signs"), journal.DecisionApprove, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := b.session.Do(t.Context(), runbook.Intent{Kind: runbook.Sign, Step: "dev-signs", Text: statement.Text()}); err != nil {
		t.Fatal(err)
	}
	b.ready()
	text := strings.Join(ending.page.text, "\n")
	for _, want := range []string{"sign-off dev-lead  ✓ signed by SHA256:", "sign-off 1/2, missing qa-lead"} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not say %q:\n%s", want, text)
		}
	}
	if ending.page.top != at || at == 0 || ending.field.value() != "en" {
		t.Errorf("scrolled to %d, was at %d; typed is %q", ending.page.top, at, ending.field.value())
	}
}

// The same on the page that reads a phase back, and where one is asked to sign.
func TestPauseShowsWhoSignsMeanwhile(t *testing.T) {
	t.Parallel()
	b := desk(t, 120, 40, map[string]journal.Identity{"dev-lead": keyFile(t), "qa-lead": keyFile(t)})
	sign := func(id, decision, note string) {
		t.Helper()
		statement, err := b.session.Statement(t.Context(), b.book.Step(id), decision, note)
		if err == nil {
			err = b.session.Do(t.Context(), runbook.Intent{Kind: runbook.Sign, Step: id, Seen: b.session.State().Step(b.book.Step(id)).Seen, Text: statement.Text()})
		}
		if err != nil {
			t.Fatal(err)
		}
		b.ready()
	}
	b.press("enter")
	b.shows("sign-off 0/2")
	sign("dev-signs", journal.DecisionApprove, "")
	b.shows("sign-off 1/2, missing qa-lead")
	b.press("esc")
	sign("qa-signs", journal.DecisionApprove, "")
	b.press("enter")
	b.shows("PAUSE POINT")
	b.shows("sign-off 2/2")
	sign("qa-signs", journal.DecisionReject, "not so fast")
	b.shows("sign-off 1/2, missing qa-lead (rejected)")
}

func TestStatementIsShownWhole(t *testing.T) {
	t.Parallel()
	b := desk(t, 120, 40, map[string]journal.Identity{"dev-lead": keyFile(t)})
	b.press("enter", "g")
	b.until("the statement", func() bool { return strings.Contains(b.screen(), "runbook-log/v1 sign-off") })
	b.ready()
	statement, err := b.session.Statement(t.Context(), b.book.Step("dev-signs"), journal.DecisionApprove, "")
	if err != nil {
		t.Fatal(err)
	}
	plain := func(s string) string { return someStamp.ReplaceAllString(s, "TIME") }
	for line := range strings.Lines(plain(statement.Text())) {
		if !strings.Contains(plain(b.screen()), "│ "+strings.TrimSuffix(line, "\n")) {
			t.Errorf("not shown: %s", line)
		}
	}
}
