package runbook

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"runbook/runbook/durable"
	"runbook/runbook/journal"
)

// Verify checks a run: its log, against what the verifier's policy says and
// what the run was begun with, and the files beside it.
func Verify(dir string, p journal.Policy) journal.Report {
	beside := newCopies(dir)
	var gone []string
	p.Terms = terms
	p.Frees = func(e journal.Entry) bool { return e.Kind == kindRollbackStart }
	p.Each = func(e journal.Entry) {
		beside.look(e)
		gone = append(gone, shredded(e)...)
	}
	report := journal.Verify(dir, p)
	if beside.err != nil && report.Integrity.Word == journal.OK {
		report.Integrity = VerdictBeside(beside.err)
	}
	if report.Integrity.Word == journal.OK && len(gone) > 0 {
		report.Integrity.Text += "; shredded: " + strings.Join(gone, ", ")
	}
	return report
}

// terms reads what a run was begun with from its run.start.
func terms(e journal.Entry) (journal.Terms, bool) {
	if e.Kind != kindRunStart {
		return journal.Terms{}, false
	}
	body, err := readStart(e)
	return journal.Terms{
		Required: body.Signoffs,
		Book:     body.Book, BookSHA: body.BookSHA, Target: body.Target, TargetSHA: body.TargetSHA, Mode: body.Mode,
	}, err == nil
}

// readStart reads what a run was begun with as strictly as other tools do: to
// encoding/json a key in other letters is the same key.
func readStart(e journal.Entry) (runStartBody, error) {
	var keys map[string]json.RawMessage
	var roles []map[string]json.RawMessage
	err := json.Unmarshal(e.Body, &keys)
	if signoffs := keys["signoffs"]; err == nil && signoffs != nil {
		err = json.Unmarshal(signoffs, &roles)
	}
	for _, held := range append(roles, keys) {
		for key := range held {
			if strings.Trim(key, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" {
				err = errors.Join(err, fmt.Errorf("entry %d: key %q of a run.start is not in lower case", e.N, key))
			}
		}
	}
	if err != nil {
		return runStartBody{}, err
	}
	return decode[runStartBody](e)
}

// LastSeen is the highest head that this account saw of a run: a copy that is
// shorter or other was changed since. None is no error.
func (h Home) LastSeen(run string) ([]journal.Anchor, error) {
	file := filepath.Join(h.Seen, run)
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	a := journal.Anchor{From: "this account (" + file + ")"}
	if err == nil {
		_, err = fmt.Sscanf(string(data), "%d %64s\n", &a.N, &a.Head)
	}
	if err == nil && (a.N == 0 || len(a.Head) != 64) {
		err = errors.New("it holds no number and hash")
	}
	if err != nil {
		return nil, fmt.Errorf("read the head last seen of this run in %s: %w", file, err)
	}
	return []journal.Anchor{a}, nil
}

// Remember keeps the head of a log that was verified and is longer than any that
// this account saw, also since the policy was read. A practice run proves
// nothing, and is not remembered.
func (h Home) Remember(r journal.Report) error {
	whole := r.Integrity.Word == journal.OK || r.Integrity.Word == journal.Torn
	changed := r.Anchoring.Word == journal.Forked || r.Anchoring.Word == journal.RolledBack
	if !whole || changed || r.World == journal.Practice {
		return nil
	}
	seen, err := h.LastSeen(r.Run)
	if len(seen) > 0 && seen[0].N >= uint64(r.Entries) { //nolint:gosec // counted lines
		return nil
	}
	if err == nil {
		err = durable.MkdirAll(h.Seen, 0o700)
	}
	if err == nil {
		err = durable.WriteFile(filepath.Join(h.Seen, r.Run), fmt.Appendf(nil, "%d %s\n", r.Entries, r.Head), 0o600)
	}
	if err != nil {
		return fmt.Errorf("remember the head of this run: %w", err)
	}
	return nil
}
