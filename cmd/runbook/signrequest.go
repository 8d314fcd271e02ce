package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"

	"runbook/runbook/bundle"
	"runbook/runbook/durable"
	"runbook/runbook/journal"
	"runbook/runbook/report"
	"runbook/steps/safetext"
)

// request writes a directory for somebody who signs elsewhere and has never
// seen this program.
func (w *signing) request(dir string) error {
	dir = cmp.Or(dir, fmt.Sprintf("signoff-%s-%s", w.run.ID[:8], w.role))
	approve, err := w.statement(journal.DecisionApprove)
	if err != nil {
		return err
	}
	reject := approve
	reject.Decision = journal.DecisionReject
	reports, err := reportsOf(w.sum.Dir, approve.N)
	if err != nil {
		return err
	}
	reports = append(reports,
		bundle.Report{Name: "approve.txt", Data: []byte(approve.Text())},
		bundle.Report{Name: "reject.txt", Data: []byte(reject.Text())},
		bundle.Report{Name: "README.txt", Data: []byte(w.letter(approve))},
	)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return &usageError{fmt.Errorf("make the directory for the request: %w; -o names another", err)}
	}
	for _, f := range reports {
		if err := durable.WriteFile(filepath.Join(dir, f.Name), f.Data, 0o600); err != nil {
			return err
		}
	}
	fmt.Printf("%s holds what %s needs to sign %s: send it whole\nwhat comes back: runbook log import %s approve.txt.sig\n",
		safetext.Line(dir), w.role, w.scope, w.run.Short())
	return nil
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

// letter tells a lead what is asked, how to look, and how to sign.
func (w *signing) letter(s journal.Signoff) string {
	what := "the run as a whole: that it may count as done"
	if s.Scope != journal.ScopeRun {
		what = s.Scope + " of it: that it may go on as it stands"
	}
	space := journal.SignoffNamespace(s.World, s.Role)
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

%s
Look first
  report.md is the whole story; report.html is the same for a browser, and
  fetches nothing. What you sign names report.md by its hash, so these two must
  show the same:
    sha256sum report.md
    grep '^report' approve.txt
  approve.txt and reject.txt are the two things you can say. Read the one you
  sign: it is what you have said then, word for word, and nothing else is.

Sign one of them, with the SSH key that is listed for you
    ssh-keygen -Y sign -n %s -f ~/.ssh/id_ed25519 approve.txt
  or
    ssh-keygen -Y sign -n %s -f ~/.ssh/id_ed25519 reject.txt
  With the key in an agent name its public file: -f ~/.ssh/id_ed25519.pub
  Send back approve.txt.sig or reject.txt.sig: nothing else is needed.

Then
  Whoever asked takes it in: runbook log import %s approve.txt.sig
  A reject holds against every approval of %s until you withdraw it yourself.
  Nothing you sign can be taken back from the log; a later word of yours counts.
  If you want to add a line of your own, ask for another request with --note.
`, practice, safetext.Line(who["user"]), safetext.Line(who["host"]), s.Role,
		s.Run[:8], s.Mode, s.Book, s.Target, what, text, space, space, s.Run[:8], s.Role)
}
