package runbook

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"runbook/runbook/journal"
	"runbook/steps/supervise"
)

// copies goes through a log with an eye on what lies beside it: the copies of
// book and target, and of every command its redacted output and the signature of
// its verdict. Outputs and verdicts may be taken away; what is there must be what
// was recorded.
type copies struct {
	run  *Run
	keys map[string]string // of verdicts, by the directory of an attempt
	err  error             // what is not as it was recorded, as worst has it
}

func newCopies(dir string) *copies {
	return &copies{run: newRun(dir, journal.Signers{}), keys: map[string]string{}}
}

func (c *copies) look(e journal.Entry) {
	if c.err == nil || unread(c.err) {
		c.err = worst(c.err, checkBeside(c.run, e, c.keys))
	}
}

// VerdictBeside is the verdict on a log that is whole, and beside which err was
// found: tampered, unless it only could not be read here.
func VerdictBeside(err error) journal.Verdict {
	if unread(err) {
		return journal.Verdict{Word: journal.Unreadable, Text: err.Error()}
	}
	return journal.Verdict{Word: journal.Tampered, Text: err.Error()}
}

// unread reports whether err says of a file neither that it is gone nor that it
// is another: a permission, a disk, too many open files.
func unread(err error) bool {
	var errno syscall.Errno
	return errors.As(err, &errno) && !slices.Contains([]syscall.Errno{syscall.ENOENT, syscall.ENOTDIR, syscall.ELOOP, syscall.ENXIO}, errno)
}

// worst is the first of what is not as it was recorded, and only then what can't be read.
func worst(all ...error) error {
	var first error
	for _, err := range all {
		if err != nil && !unread(err) {
			return err
		}
		if first == nil {
			first = err
		}
	}
	return first
}

// checkBeside holds what lies beside the log against e. A field of another type
// than ours is what was signed, and no tampering: it names no file, and the
// fields that can be read still do.
func checkBeside(r *Run, e journal.Entry, keys map[string]string) error {
	switch e.Kind {
	case kindRunStart:
		body, err := readStart(e)
		if err != nil {
			return err
		}
		return worst(sameFile(r.Dir, "book.toml", body.BookSHA, e.N), sameFile(r.Dir, "target.toml", body.TargetSHA, e.N))
	case kindRollbackStart:
		body, _ := decode[rollbackBody](e)
		r.ID, r.Plan = e.Run, body.Plan // its commands may have their files elsewhere
	case kindRunIntent:
		body, _ := decode[runIntentBody](e)
		keys[r.filesOn(body.Step, body.Attempt, body.Host)] = body.VerdictKey
	case kindRunResult:
		body, _ := decode[runResultBody](e)
		if body.OutSHA256 == "" {
			return nil
		}
		files, output := r.filesOn(body.Step, body.Attempt, body.Host), supervise.OutputFile
		if body.Again {
			output = againFile(body.OutSHA256)
		}
		name, err := filepath.Rel(r.Dir, files)
		if err != nil {
			return err
		}
		if err := sameFile(r.Dir, filepath.Join(name, output), body.OutSHA256, e.N); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if supervise.Forged(files, keys[files]) {
			return fmt.Errorf("%s is not signed by the key that its intent names, before entry %d", filepath.Join(name, "verdict"), e.N)
		}
	}
	return nil
}

// sameFile holds a file of a run against the hash in an entry.
func sameFile(dir, name, sum string, entry uint64) error {
	path := filepath.Join(dir, name)
	got, err := supervise.FileSHA(path)
	if err != nil {
		return fmt.Errorf("%s, which entry %d recorded, can't be read: %w", name, entry, err)
	}
	if info, err := os.Lstat(path); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		return fmt.Errorf("%s, which entry %d recorded, is a link", name, entry)
	}
	if got != sum {
		return fmt.Errorf("%s is not what entry %d recorded", name, entry)
	}
	return nil
}
