package runbook

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"runbook/runbook/book"
	"runbook/runbook/durable"
)

// away begins the names of the homes that recoveries made where their own took
// no more. Behind it stands whose that is.
const away = "runbook-recovery-"

func (h Home) awayName() string { return away + sha(h.Dir)[:8] + "-" }

// awayRooms are the directories where such homes lie.
func awayRooms() []string { return []string{os.TempDir(), "/dev/shm"} }

// Away makes a home for a recovery where this one takes no more. Its runs are
// found from here, and moved here by BringHome.
func (h Home) Away() (Home, error) {
	var err error
	for _, room := range awayRooms() {
		if h.Dir, err = os.MkdirTemp(room, h.awayName()); err != nil {
			continue
		}
		probe := filepath.Join(h.Dir, "room")
		err = os.WriteFile(probe, make([]byte, 1<<20), 0o600)
		if err = errors.Join(err, os.Remove(probe)); err == nil {
			return h, nil
		}
		_ = os.Remove(h.Dir) // empty: there was no room for it
	}
	return h, fmt.Errorf("no room for the log of a recovery: %w", err)
}

// strays are the homes that were made for this one. Anybody may make a
// directory with such a name: only what is ours alone counts.
func (h Home) strays() []Home {
	var all []Home
	for _, room := range awayRooms() {
		names, err := filepath.Glob(filepath.Join(room, h.awayName()+"*"))
		if err != nil {
			continue
		}
		for _, dir := range names {
			if ours(dir) {
				stray := h
				stray.Dir = dir
				all = append(all, stray)
			}
		}
	}
	return all
}

// Away is the directory of a run that is not in its home, since that took no
// more; empty if it is.
func (r *Run) Away() string { return awayDir(r.Dir) }

func awayDir(dir string) string {
	if strings.Contains(dir, string(filepath.Separator)+away) {
		return dir
	}
	return ""
}

// BringHome moves what recoveries had to keep elsewhere into the home, as soon
// as there is room. What somebody drives stays, and what has a command that
// goes on. After an error the rest is where it was, and is found there.
func (h Home) BringHome() error {
	var failed error
	for _, stray := range h.strays() {
		for _, practice := range []bool{true, false} {
			from := stray.Runs(practice)
			dirs, err := os.ReadDir(from)
			if err != nil {
				continue // none of that kind
			}
			for _, d := range dirs {
				failed = errors.Join(failed, bring(filepath.Join(from, d.Name()), h.Runs(practice)))
			}
			_ = errors.Join(os.Remove(from), os.Remove(filepath.Dir(from))) // only what is empty goes
		}
	}
	return failed
}

// bring moves one run. Its copy has another name until it is whole.
func bring(dir, runs string) (err error) {
	lock, err := durable.TryLock(filepath.Join(dir, "lock"))
	if errors.Is(err, durable.ErrLocked) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("bring a run home: %w", err)
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	if goesOn(dir) {
		return nil
	}
	part := filepath.Join(filepath.Dir(runs), "."+filepath.Base(dir)+".part")
	if err := errors.Join(os.RemoveAll(part), durable.MkdirAll(runs, durable.DirMode(filepath.Dir(runs)))); err != nil {
		return fmt.Errorf("bring a run home: %w", err)
	}
	err = copyTree(dir, part, durable.DirMode(runs))
	if err == nil {
		err = os.Rename(part, filepath.Join(runs, filepath.Base(dir)))
	}
	if err != nil {
		return fmt.Errorf("bring a run home: %w", errors.Join(err, os.RemoveAll(part)))
	}
	if err := durable.SyncDir(runs); err != nil {
		return fmt.Errorf("bring a run home: %w", err)
	}
	return os.RemoveAll(dir)
}

// goesOn reports whether a command of a run is not over.
func goesOn(dir string) bool {
	r, b, _ := Load(dir)
	if r == nil {
		return false // what can't be read is kept as it is
	}
	for id, st := range r.Steps {
		if s := b.Step(id); s != nil && st.State == Running {
			if _, acts := s.Verb.(book.Run); acts {
				return true
			}
		}
	}
	return false
}

// copyTree copies directories and files, and makes them durable.
func copyTree(from, to string, mode fs.FileMode) error {
	if err := durable.MkdirAll(to, mode); err != nil {
		return err
	}
	all, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, d := range all {
		source, target := filepath.Join(from, d.Name()), filepath.Join(to, d.Name())
		switch {
		case d.IsDir():
			err = copyTree(source, target, mode)
		case d.Type().IsRegular():
			err = copyFile(source, target)
		}
		if err != nil {
			return err
		}
	}
	return durable.SyncDir(to)
}

func copyFile(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // read only
	info, err := in.Stat()
	if err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, info.Mode().Perm())
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Sync(), out.Close())
}
