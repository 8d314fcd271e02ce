package plain

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"runbook/runbook"
	"runbook/runbook/book"
	"runbook/runbook/journal"
	"runbook/runbook/report"
	"runbook/steps/safetext"
)

// Elsewhere is how another person signs: the command on this host, and for one
// who is elsewhere.
func Elsewhere(r *runbook.Run, role string) []string {
	command := "  runbook sign " + r.Short() + " --role " + role
	return []string{"another person signs, on this host:", command + " --decision approve", "or elsewhere, with what this writes:", command + " --request"}
}

// Unsigned says that no key signs the session, and why; empty if one does.
func Unsigned(r *runbook.Run) string {
	why, none := strings.CutPrefix(r.Key, "none: ")
	if !none {
		return ""
	}
	return "no key signs this session: " + safetext.Line(why)
}

// Reading are the lines that end a phase: where the log stands, who has yet to
// sign, and whether anybody signs what is done.
func Reading(b *book.Book, r *runbook.Run, code string) []string {
	var lines []string
	if code != "" {
		lines = append(lines, "run "+r.ID[:min(8, len(r.ID))]+" head "+safetext.Line(code))
	}
	for _, line := range []string{runbook.SignoffLine(r.Signoffs(b)), Unsigned(r)} {
		if line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// signing shows what the driver would sign about a step, and how another does.
func (p *session) signing(ctx context.Context, r *runbook.Run, s *book.Step) string {
	role, _, ok := s.Signs()
	if !ok {
		return ""
	}
	lines := append([]string{"what is signed:"}, report.Facts(p.Book(), r)...)
	if line := runbook.SignoffLine(r.Signoffs(p.Book())); line != "" {
		lines = append(lines, line)
	}
	lines = append(lines, p.statement(ctx, s, r.Step(s).Seen)...)
	lines = append(lines, Elsewhere(r, role)...)
	return "\n  " + strings.Join(append(lines, "approve and reject are reported by you: they are no signature"), "\n  ")
}

// saying is what the operator wants to sign about a step, as it was then: an
// approval if nothing else was said.
type saying struct {
	seen           uint64
	decision, note string
}

// statement shows what the driver would sign, byte for byte: a `sign` signs
// that. Where none can be made it says why.
func (p *session) statement(ctx context.Context, s *book.Step, seen uint64) []string {
	role, _, _ := s.Signs()
	delete(p.shown, s.ID)
	says := p.says[s.ID]
	if says.decision == "" || says.seen != seen {
		says = saying{seen, journal.DecisionApprove, ""}
	}
	signer, err := p.Signer(ctx, s, says.decision)
	var statement journal.Signoff
	if err == nil {
		statement, err = p.Statement(ctx, s, says.decision, says.note)
	}
	if err != nil {
		return []string{"it can't be signed here: " + safetext.Line(err.Error())}
	}
	p.shown[s.ID] = statement.Text()
	lines := []string{fmt.Sprintf("sign %s %s  signs this with %s:", s.ID, role, safetext.Line(signer.By()))}
	for line := range strings.Lines(statement.Text()) {
		lines = append(lines, "  "+strings.TrimSuffix(line, "\n"))
	}
	return append(lines, "the report it names:  runbook report "+p.State().Short())
}

// sign reads `sign ID ROLE`, which signs what is shown, and `sign ID DECISION
// NOTE`, after which that is shown to sign.
func (p *session) sign(s *book.Step, i runbook.Intent) (runbook.Intent, error) {
	role, _, ok := s.Signs()
	word, note, _ := strings.Cut(i.Text, " ")
	decisions := []string{journal.DecisionApprove, journal.DecisionReject, journal.DecisionWithdraw}
	switch {
	case !ok:
		return runbook.Intent{}, fmt.Errorf("%s is not signed: sign ID ROLE is for approvals", s.ID)
	case word == role && note == "" && p.shown[s.ID] == "":
		return runbook.Intent{}, fmt.Errorf("nothing of %s was shown that could be signed here", s.ID)
	case word == role && note == "":
		i.Text = p.shown[s.ID]
		return i, nil
	case slices.Contains(decisions, word):
		p.says[s.ID] = saying{i.Seen, word, strings.TrimSpace(note)}
		return runbook.Intent{}, nil
	}
	return runbook.Intent{}, fmt.Errorf("sign %s %s signs what is shown; sign %s approve|reject|withdraw NOTE shows something else to sign", s.ID, role, s.ID)
}
