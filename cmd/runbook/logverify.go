package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"runbook/runbook"
	"runbook/runbook/bundle"
	"runbook/runbook/journal"
	"runbook/steps/safetext"
)

// against names the files that a verifier holds a log against.
type against struct{ signers, revoked, anchor string }

func newLogVerify() *cobra.Command {
	var files against
	var asJSON bool
	cmd := &cobra.Command{
		Use: "verify [RUN|DIR|FILE.tar]", Short: "four verdicts: integrity, completeness, identity, anchoring", Args: atMostOne,
		Long: "RUN is a prefix of its id, the newest if none is named; DIR and FILE.tar are what was exported, and may lie here or anywhere.\n" +
			"Exit codes: 0 ok, 1 tampered, forked or rolled back, 2 usage, 3 incomplete, torn, open, or a role has not signed, 4 identity unverified.\n" +
			"Signers come from --signers FILE, else from allowed_signers under the configuration; revoked keys from --revoked FILE, else from\n" +
			"revoked_keys there. The highest head seen of each real run is remembered, if it is a run of this home or its identity is ok: a later copy\n" +
			"that is shorter or other is rolled back or forked.",
		RunE: func(_ *cobra.Command, args []string) error {
			h, err := home()
			if err != nil {
				return err
			}
			if len(args) == 1 && isTar(args[0]) {
				return unpacked(h, args[0], func(dir string) error { return verify(h, dir, files, asJSON) })
			}
			dir, err := logDir(h, args)
			if err != nil {
				return &usageError{err}
			}
			return verify(h, dir, files, asJSON)
		},
	}
	cmd.Flags().StringVar(&files.signers, "signers", "", "allowed_signers `FILE` of the one who verifies")
	cmd.Flags().StringVar(&files.revoked, "revoked", "", "`FILE` of public keys that no longer count, or a KRL")
	cmd.Flags().StringVar(&files.anchor, "anchor", "", "`FILE` with head codes as others saw them: a mail, a chat, a report")
	cmd.Flags().BoolVar(&asJSON, "json", false, "JSON on stdout and nothing else")
	return cmd
}

// isTar tells a file that was exported from a directory and from a run: no
// prefix of a run ends so.
func isTar(name string) bool {
	info, err := os.Stat(name)
	return strings.HasSuffix(name, ".tar") && (err != nil || !info.IsDir())
}

func verify(h runbook.Home, dir string, files against, asJSON bool) error {
	policy, err := files.policy(h, dir)
	if err != nil {
		return &usageError{err}
	}
	report := runbook.Verify(dir, policy)
	if report.Integrity.Word == journal.OK || report.Integrity.Word == journal.Torn {
		reports, _ := reportsOf(dir, uint64(report.Entries)) //nolint:gosec // counted lines; without one, none may lie there
		if err := bundle.Check(dir, reports); err != nil {
			report.Integrity = runbook.VerdictBeside(err)
		}
	}
	if asJSON {
		data, err := json.MarshalIndent(report, "", "  ")
		if err != nil {
			return err
		}
		fmt.Println(string(data))
	} else {
		for _, line := range report.Lines() {
			fmt.Println(safetext.Line(line))
		}
	}
	// A stranger's copy, for which nobody vouches, may be forged: were its head
	// remembered, the true log would be called forked from then on.
	if report.Identity.Word == journal.OK || h.Holds(dir) {
		if err := h.Remember(report); err != nil {
			fmt.Fprintln(os.Stderr, "runbook: "+safetext.Line(err.Error()))
		}
	}
	if code := report.Exit(); code != 0 {
		return &toldError{code}
	}
	return nil
}

// policy reads the files. One that is named must be there; those of the
// configuration need not.
func (a against) policy(h runbook.Home, dir string) (journal.Policy, error) {
	var p journal.Policy
	var err error
	if p.Signers, err = fileOr(a.signers, filepath.Join(h.Config, "allowed_signers"), journal.ReadSigners); err != nil {
		return p, err
	}
	if p.Revoked, err = fileOr(a.revoked, filepath.Join(h.Config, "revoked_keys"), journal.ReadRevoked); err != nil {
		return p, err
	}
	first, _, err := journal.Peek(dir) // a damaged end says nothing of whose log it is
	switch {
	case len(first) == 0 && a.anchor != "":
		return p, fmt.Errorf("hold %s against a log whose first line can't be read: %w", a.anchor, cmp.Or(err, journal.ErrTampered))
	case len(first) == 0:
		return p, nil // the log's own damage is told by its verify
	}
	run := first[0].Run
	if a.anchor != "" {
		if p.Anchors, err = journal.ReadAnchors(a.anchor, run); err != nil {
			return p, err
		}
	}
	p.Seen, err = h.LastSeen(run)
	return p, err
}

// fileOr reads file, or the usual one if none is named.
func fileOr[T any](file, usual string, read func(string) (T, error)) (T, error) {
	if file != "" {
		return read(file)
	}
	value, err := read(usual)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return value, err
}
