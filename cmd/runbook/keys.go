package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"runbook/runbook"
	"runbook/runbook/journal"
	"runbook/runbook/practice"
	"runbook/runbook/report"
)

// keys are what roles are signed with from a session: its person's key, if
// allowed_signers lets it; in practice the world's own, one a role.
func keys(h runbook.Home, signs *practice.World) runbook.Keys {
	k := runbook.Keys{Signers: signersOf(h, signs != nil), SignersFile: signersFile(h, signs != nil), Report: report.SHA256}
	k.Role = func(_ context.Context, role string) (journal.Identity, error) {
		id, why, err := journal.FindSigner(h.Config, role, os.Getenv)
		if err == nil && id == nil {
			err = fmt.Errorf("no key of yours signs as %s: %s", role, why)
		}
		return id, err
	}
	if signs != nil {
		k.Role = func(ctx context.Context, role string) (journal.Identity, error) {
			file, err := signs.RoleKey(ctx, role)
			if err != nil {
				return nil, err
			}
			return journal.KeyFile(file)
		}
	}
	return k
}

// signersOf reads who may sign in which role: without a file nobody is vouched
// for.
func signersOf(h runbook.Home, practising bool) func() (journal.Signers, error) {
	file := signersFile(h, practising)
	return func() (journal.Signers, error) {
		signers, err := journal.ReadSigners(file)
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return signers, err
	}
}

func signersFile(h runbook.Home, practising bool) string {
	if practising {
		return filepath.Join(h.Runs(true), "allowed_signers")
	}
	return filepath.Join(h.Config, "allowed_signers")
}
