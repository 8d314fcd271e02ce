package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Dump writes a database to a file with the real pg_dump, in its custom
// format. Without pg_dump there is no file, and no error.
func (c *Cluster) Dump(ctx context.Context, dsn, file string) error {
	program := filepath.Join(c.bin, "pg_dump")
	if _, err := os.Stat(program); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	cmd := exec.CommandContext(ctx, program, "-Fc", "-f", file) // #nosec G204 -- found by Find
	cmd.Env = append(LibpqEnv(dsn), "LANG=C.UTF-8", "PATH=/usr/bin:/bin")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("pg_dump: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return os.Chmod(file, 0o600)
}
