package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"runbook/runbook/bundle"
	"runbook/runbook/durable"
	"runbook/runbook/journal"
	"runbook/runbook/report"
	"runbook/steps/safetext"
)

// request writes a directory for somebody who signs elsewhere and has never
// seen this program.
func (w *signing) request(dir string) error {
	approve, err := w.statement(journal.DecisionApprove)
	if err != nil {
		return err
	}
	withdraws := w.run.SignedAbout(w.role, w.scope)
	if w.decision == journal.DecisionWithdraw && !withdraws {
		return &usageError{fmt.Errorf("%s has signed nothing about %s that could be withdrawn", w.role, w.scope)}
	}
	reports, err := reportsOf(w.sum.Dir, approve.N)
	if err != nil {
		return err
	}
	if dir, err = w.makeDir(dir); err != nil {
		return &usageError{fmt.Errorf("make the directory for the request: %w; -o names another", err)}
	}
	back := safetext.Line(filepath.Join(dir, w.asked()+".txt.sig"))
	reports = append(reports,
		bundle.Report{Name: "README.txt", Data: []byte(w.letter(approve, withdraws, back))},
	)
	for _, decision := range sayable(withdraws) {
		s := approve
		s.Decision = decision
		if decision == journal.DecisionReject {
			s.Note = cmp.Or(s.Note, noReason)
		}
		reports = append(reports, bundle.Report{Name: decision + ".txt", Data: []byte(s.Text())})
	}
	for _, f := range reports {
		if err := durable.WriteFile(filepath.Join(dir, f.Name), f.Data, 0o600); err != nil {
			return err
		}
	}
	fmt.Printf("%s holds what %s needs to sign %s: send it whole\nwhat comes back goes into it, then: runbook log import %s %s\n",
		safetext.Line(dir), w.role, w.scope, w.run.Short(), back)
	return nil
}

// noReason is the note of a reject in a request that was asked for without one:
// whoever signs can't put it in, and signs no more than what is true.
const noReason = "the reason is not stated here"

// makeDir makes the directory of a request: dir, or one with a name that is free.
func (w *signing) makeDir(dir string) (string, error) {
	if dir != "" {
		return dir, os.Mkdir(dir, 0o700)
	}
	name := fmt.Sprintf("signoff-%s-%s", w.run.ID[:8], w.role)
	dir = name
	for n := 2; ; n++ {
		if err := os.Mkdir(dir, 0o700); !errors.Is(err, fs.ErrExist) {
			return dir, err
		}
		dir = fmt.Sprintf("%s-%d", name, n)
	}
}

// asked is the decision that whoever asks hopes for.
func (w *signing) asked() string { return cmp.Or(w.decision, journal.DecisionApprove) }

// sayable are the decisions that can be signed; a withdrawal only of something.
func sayable(withdraws bool) []string {
	all := []string{journal.DecisionApprove, journal.DecisionReject}
	if withdraws {
		all = append(all, journal.DecisionWithdraw)
	}
	return all
}

// reportsOf are the reports of a run up to entry n, as files: the Markdown is
// the one that sign-offs name by its hash.
func reportsOf(dir string, n uint64) ([]bundle.Report, error) {
	text, err := report.Bytes(dir, n)
	if err != nil {
		return nil, fmt.Errorf("make the report: %w", err)
	}
	page, err := report.Page(dir, n)
	if err != nil {
		return nil, fmt.Errorf("make the report: %w", err)
	}
	return []bundle.Report{{Name: "report.md", Data: text}, {Name: "report.html", Data: page}}, nil
}

// choice is what can be signed, a file each, and how.
func choice(s journal.Signoff, withdraws bool) (files, commands string) {
	var names, lines []string
	for _, decision := range sayable(withdraws) {
		names = append(names, decision+".txt")
		lines = append(lines, "    ssh-keygen -Y sign -n "+journal.SignoffNamespace(s.World, s.Role)+" -f ~/.ssh/id_ed25519 "+decision+".txt")
	}
	last := len(names) - 1
	files = strings.Join(names[:last], ", ") + " and " + names[last] + " are the things you can say."
	if withdraws {
		files += "\n  withdraw.txt takes back what the same key said before about this, and is right\n  only for a key that did."
	}
	return files, strings.Join(lines, "\n  or\n")
}

// letter tells a lead what is asked, how to look, and how to sign. back is the
// file that whoever asked takes in.
func (w *signing) letter(s journal.Signoff, withdraws bool, back string) string {
	what := "the run as a whole: that it may count as done"
	if s.Scope != journal.ScopeRun {
		what = s.Scope + " of it: that it may go on as it stands"
	}
	files, commands := choice(s, withdraws)
	practice := ""
	if w.run.Practice {
		practice = "This is PRACTICE. A signature proves nothing, and never counts as a real one.\n\n"
	}
	text := ""
	for _, line := range report.Facts(w.book, w.run) {
		text += "  " + line + "\n"
	}
	who := claims()
	return fmt.Sprintf(`%s%s on %s asks you to sign as %s.

You are asked about run %s: %s of %s on %s.
You sign %s.
The decision they ask for is: %s. It is yours.

%s
Look first
  report.md is the whole story; report.html is the same for a browser, and
  fetches nothing. What you sign names report.md by its hash, so these two must
  show the same:
    sha256sum report.md
    grep '^report' approve.txt
  %s
  Read the one you sign: it is what you have said then, word for word, and
  nothing else is.

Sign one of them, with the SSH key that is listed for you
%s
  With the key in an agent name its public file: -f ~/.ssh/id_ed25519.pub
  Send back the .sig that it writes: nothing else is needed.

Then
  Whoever asked takes it in: runbook log import %s %s
  Once one of these files is handed in, the others are refused: to say something
  else ask for a new request.
  A reject holds against every approval of %s until you withdraw it yourself,
  or approve later, with a new request.
  Nothing you sign can be taken back from the log; a later word of yours counts.

Why you reject, or a line of your own
  What you sign holds the note that reject.txt shows. To say why, send it to
  whoever asked before you sign; it is put into a new request:
    runbook sign %s --role %s --scope %s --request --note 'TEXT'
`, practice, safetext.Line(who["user"]), safetext.Line(who["host"]), s.Role,
		s.Run[:8], s.Mode, s.Book, s.Target, what, w.asked(), text, files, commands, s.Run[:8], back, s.Role,
		s.Run[:8], s.Role, s.Scope)
}
