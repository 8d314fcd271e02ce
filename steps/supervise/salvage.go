package supervise

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"runbook/runbook/durable"
	"runbook/steps"
	"runbook/steps/safetext"
)

// Salvage finishes what a driver that died left of a command's output: all of
// it goes, redacted, into out.red, and the raw output is removed. It must not
// be called while the command runs. Without raw output there is nothing to do.
func Salvage(dir string, secrets []steps.Secret) (err error) {
	raw, err := os.Open(filepath.Join(dir, rawFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("salvage output: %w", err)
	}
	defer func() { err = errors.Join(err, raw.Close()) }()
	part := filepath.Join(dir, OutputFile+".part")
	red, err := os.OpenFile(part, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("salvage output: %w", err)
	}
	if info, err := os.Stat(filepath.Join(dir, OutputFile)); err == nil {
		_ = red.Chmod(info.Mode().Perm()) // who read along still may
	}
	sink := safetext.NewRedactor(red, secrets...)
	_, err = io.Copy(sink, raw)
	if err = errors.Join(err, sink.Close(), red.Sync(), red.Close()); err != nil {
		return fmt.Errorf("salvage output: %w", errors.Join(err, os.Remove(part)))
	}
	if err := os.Rename(part, filepath.Join(dir, OutputFile)); err != nil {
		return fmt.Errorf("salvage output: %w", err)
	}
	if err := os.Remove(filepath.Join(dir, rawFile)); err != nil {
		return fmt.Errorf("salvage output: %w", err)
	}
	return durable.SyncDir(dir)
}
