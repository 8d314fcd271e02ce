package runbook

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"runbook/runbook/durable"
	"runbook/runbook/journal"
	"runbook/steps/safetext"
	"runbook/steps/supervise"
)

// shreddedBody says which file beside the log was taken away.
type shreddedBody struct {
	File   string `json:"file"` // under the run's directory
	Reason string `json:"reason"`
	SHA256 string `json:"sha256"` // of what it held
}

// errNothingKept says that a step has no output that could be taken away.
var errNothingKept = errors.New("nothing of what it printed is kept")

// Shred takes away what is kept here of what the commands of a step printed, of
// all hosts and attempts: the log says first that it goes, and why, and can't
// forget what it says itself. A host that was not settled keeps its own copy. It
// returns the files, under dir. The run must not be driven; o
// says who writes. Errors: journal.ErrBusy, and what kept a file here.
func Shred(ctx context.Context, dir, step, reason string, o journal.Options) ([]string, error) {
	if err := Owned(dir); err != nil {
		return nil, err
	}
	r, b, err := Load(dir)
	if err != nil {
		return nil, err
	}
	known := b.Step(step)
	switch {
	case known == nil:
		return nil, fmt.Errorf("no step is called %s in this run", step)
	case r.Step(known).State == Running:
		return nil, fmt.Errorf("%s runs: what it prints can be taken away once it has ended", step)
	}
	files, err := printed(dir, step)
	if err != nil {
		return nil, err
	}
	log, _, err := journal.Open(dir, only(o, "shred", onlyTakesAway))
	if err != nil {
		return nil, err
	}
	for i, file := range files {
		body := shreddedBody{File: file, Reason: safetext.Line(reason)}
		if body.SHA256, err = supervise.FileSHA(filepath.Join(dir, file)); err == nil {
			_, err = log.Append(ctx, journal.KindShredded, body)
		}
		if err == nil {
			err = os.Remove(filepath.Join(dir, file))
		}
		if err == nil { // else a power cut brings it back, and the log says it is gone
			err = durable.SyncDir(filepath.Dir(filepath.Join(dir, file)))
		}
		if err != nil {
			return files[:i], errors.Join(fmt.Errorf("take away %s: %w", file, err), log.Close())
		}
	}
	return files, log.Close()
}

// printed are the files of what the commands of a step printed.
func printed(dir, step string) ([]string, error) {
	attempts, err := os.ReadDir(filepath.Join(dir, "steps"))
	if err != nil {
		return nil, err
	}
	ours := regexp.MustCompile(`^` + regexp.QuoteMeta(step) + `\.[0-9]+(\..*)?$`)
	var files []string
	for _, a := range attempts {
		if !ours.MatchString(a.Name()) {
			continue
		}
		inside, err := os.ReadDir(filepath.Join(dir, "steps", a.Name()))
		if err != nil {
			return nil, err
		}
		for _, f := range inside {
			again := strings.HasPrefix(f.Name(), "again.") && strings.HasSuffix(f.Name(), ".red")
			if f.Name() == supervise.OutputFile || again {
				files = append(files, filepath.Join("steps", a.Name(), f.Name()))
			}
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s: %w", step, errNothingKept)
	}
	return files, nil
}

// shredded is the file that e says was taken away, in words, if it says so.
func shredded(e journal.Entry) []string {
	if e.Kind != journal.KindShredded {
		return nil
	}
	body, err := decode[shreddedBody](e)
	if err != nil {
		return nil
	}
	return []string{fmt.Sprintf("%s at entry %d (%s)", body.File, e.N, body.Reason)}
}
