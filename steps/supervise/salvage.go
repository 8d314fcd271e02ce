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
	sink, err := resalvage(dir, raw, red, secrets)
	if err == nil {
		_, err = io.Copy(sink, raw)
	}
	if err = errors.Join(err, sink.Close(), red.Sync(), red.Close()); err != nil {
		return fmt.Errorf("salvage output: %w", errors.Join(err, os.Remove(part)))
	}
	if shorter(part, filepath.Join(dir, OutputFile)) { // the command emptied its output, or a power cut did
		return errors.Join(os.Remove(part), os.Remove(filepath.Join(dir, rawFile)))
	}
	if err := os.Rename(part, filepath.Join(dir, OutputFile)); err != nil {
		return fmt.Errorf("salvage output: %w", err)
	}
	if err := os.Remove(filepath.Join(dir, rawFile)); err != nil {
		return fmt.Errorf("salvage output: %w", err)
	}
	return durable.SyncDir(dir)
}

// resalvage begins a redacted output anew, or goes on where a follower had given
// the disk back what it had read.
func resalvage(dir string, raw, red *os.File, secrets []steps.Secret) (*safetext.Redactor, error) {
	from, way := readIdentities(dir).place, &latch{w: red}
	sink := safetext.NewRedactor(way, secrets...)
	if from.Freed > 0 {
		kept, err := os.Open(filepath.Join(dir, OutputFile))
		if err == nil {
			_, err = io.CopyN(red, kept, from.Red)
			err = errors.Join(err, kept.Close())
		}
		if err == nil {
			_, err = raw.Seek(from.Freed, io.SeekStart)
		}
		if err == nil {
			_, err = io.CopyN(sink, raw, from.Raw-from.Freed)
		}
		if err != nil {
			return sink, err
		}
	}
	way.open = true
	return sink, nil
}

// latch is a writer that drops all until it is opened.
type latch struct {
	w    io.Writer
	open bool
}

func (l *latch) Write(p []byte) (int, error) {
	if !l.open {
		return len(p), nil
	}
	return l.w.Write(p)
}

func shorter(a, b string) bool {
	one, err := os.Stat(a)
	other, otherErr := os.Stat(b)
	return err == nil && otherErr == nil && one.Size() < other.Size()
}

// Tidy takes away what a verdict makes needless, where its supervisor did not
// come to. The output stays as the verdict covers it.
func Tidy(dir string) {
	for _, name := range []string{rawFile, cancelFile, socketFile} {
		_ = os.Remove(filepath.Join(dir, name)) // what stays is withheld
	}
}

// withdrawn takes the place of an intent.
const withdrawn = "{\"withdrawn\":true}\n"

// Withdraw makes sure that an order that was never started never will be: it
// takes the place of its intent. won is false if somebody else has begun it.
func Withdraw(dir string) (won bool, err error) {
	if err := durable.MkdirAll(dir, 0o700); err != nil {
		return false, fmt.Errorf("withdraw a command: %w", err)
	}
	started, err := os.OpenFile(filepath.Join(dir, startedFile), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("withdraw a command: %w", err)
	}
	_, err = started.WriteString(withdrawn)
	return true, errors.Join(err, started.Sync(), started.Close(), durable.SyncDir(dir))
}
