package doctor

import (
	"context"
	"os/exec"

	"runbook/steps"
)

// programs looks for what this program starts by itself.
func (h Host) programs(ctx context.Context) []Finding {
	var found []Finding
	for _, p := range [][2]string{{"ssh", "no other host can be reached"}, {"ssh-keygen", "no key is made, and no signature is checked without us"}} {
		if _, err := exec.LookPath(p[0]); err != nil {
			found = append(found, one(steps.Warn, p[0], "not on your PATH: "+p[1], "", "install the OpenSSH client")...)
		}
	}
	if len(found) == 0 {
		found = pass("ssh", "ssh and ssh-keygen are there")
	}
	where, err := h.Postgres(ctx)
	if err != nil {
		return append(found, one(steps.Warn, "PostgreSQL", "the practice world has no database: "+err.Error(), "", "")...)
	}
	return append(found, pass("PostgreSQL", where+", for the practice world")...)
}
