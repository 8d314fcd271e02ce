package main

import (
	"context"
	"fmt"
	"os"

	"runbook/runbook"
	"runbook/runbook/journal"
	"runbook/runbook/practice"
	"runbook/runbook/report"
)

// keys are what roles are signed with from a session: its person's key, if
// allowed_signers lets it; in practice the world's own, one a role.
func keys(h runbook.Home, signs *practice.World) runbook.Keys {
	k := runbook.Keys{SignersFile: h.SignersFile(signs != nil), Report: report.SHA256}
	k.Signers = func() (journal.Signers, error) { return h.Signers(signs != nil) }
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
