package runbook

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

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
	err  error             // what is not as it was recorded, the first of it
}

func newCopies(dir string) *copies { return &copies{run: newRun(dir), keys: map[string]string{}} }

func (c *copies) look(e journal.Entry) {
	if c.err == nil {
		c.err = checkBeside(c.run, e, c.keys)
	}
}

func checkBeside(r *Run, e journal.Entry, keys map[string]string) error {
	switch e.Kind {
	case kindRunStart:
		body, err := readStart(e)
		if err != nil {
			return err
		}
		return errors.Join(sameFile(r.Dir, "book.toml", body.BookSHA, e.N), sameFile(r.Dir, "target.toml", body.TargetSHA, e.N))
	case kindRollbackStart:
		body, err := decode[rollbackBody](e)
		r.ID, r.Plan = e.Run, body.Plan // its commands may have their files elsewhere
		return err
	case kindRunIntent:
		body, err := decode[runIntentBody](e)
		keys[r.filesOn(body.Step, body.Attempt, body.Host)] = body.VerdictKey
		return err
	case kindRunResult:
		body, err := decode[runResultBody](e)
		if err != nil || body.OutSHA256 == "" {
			return err
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
	got, err := supervise.FileSHA(filepath.Join(dir, name))
	if err != nil {
		return fmt.Errorf("%s, which entry %d recorded, can't be read: %w", name, entry, err)
	}
	if got != sum {
		return fmt.Errorf("%s is not what entry %d recorded", name, entry)
	}
	return nil
}
