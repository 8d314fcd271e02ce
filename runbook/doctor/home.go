package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"runbook/runbook/book"
	"runbook/runbook/durable"
	"runbook/steps"
)

// home looks at the directory where runs are kept: whose it is, who else can
// write there, and whether it takes what a run puts there.
func (h Host) home(context.Context) []Finding {
	const what = "home"
	dir, err := standing(h.Dir)
	if err != nil {
		return one(steps.Fail, what, err.Error(), "", "")
	}
	info, err := os.Stat(dir)
	switch {
	case err != nil:
		return one(steps.Fail, what, err.Error(), "", "")
	case !info.IsDir():
		return one(steps.Fail, what, dir+" is no directory", "", "take it away, or set RUNBOOK_HOME")
	}
	if err := owned(dir); err != nil {
		saw, mend, _ := strings.Cut(err.Error(), "; ")
		return one(steps.Fail, what, saw, "", mend)
	}
	if err := takes(dir); err != nil {
		return one(steps.Fail, what, dir+" does not take a run: "+err.Error(), "", "make it writable, or set RUNBOOK_HOME")
	}
	mode := info.Mode().Perm()
	switch {
	case dir != h.Dir:
		return pass(what, h.Dir+" is not there yet, and "+dir+" takes it")
	case mode&0o007 != 0:
		limit := "0700"
		if durable.Shared(dir) {
			limit = "2750" // its group reads along
		}
		return one(steps.Warn, what, fmt.Sprintf("%s is open to everybody: %04o", dir, mode), limit, "chmod "+limit+" "+dir)
	}
	return pass(what, fmt.Sprintf("%s, %04o, takes a run", dir, mode))
}

// owned refuses a directory that others could change or replace, by its name
// and by where that leads.
func owned(dir string) error {
	if err := book.CheckOwner(dir); err != nil {
		return err
	}
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return err
	}
	return book.CheckOwner(real)
}

// takes tries what every run does: space is reserved, bytes are made durable,
// a lock is held, in a file that has no name and goes when it is closed.
func takes(dir string) (err error) {
	f, err := nameless(dir)
	if errors.Is(err, errors.ErrUnsupported) {
		f, err = removed(dir)
	}
	if err != nil {
		return bare(err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := durable.Reserve(f, 0, needed); err != nil {
		return fmt.Errorf("reserve %s: %w", size(needed), bare(err))
	}
	if _, err := f.WriteString("doctor\n"); err != nil {
		return fmt.Errorf("write: %w", bare(err))
	}
	if err := durable.SyncData(f); err != nil {
		return fmt.Errorf("sync: %w", bare(err))
	}
	if err := durable.LockFile(f); err != nil {
		return fmt.Errorf("lock: %w", bare(err))
	}
	return nil
}

// needed is what the log and the verdict of one command reserve, in bytes.
const needed = 512 << 10

// removed is a file whose name is taken away at once.
func removed(dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, ".doctor-*")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// bare is an error of a file without the name of a file that is none.
func bare(err error) error {
	if path := new(fs.PathError); errors.As(err, &path) {
		return path.Err
	}
	return err
}
