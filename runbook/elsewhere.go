package runbook

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"

	"runbook/steps"
	"runbook/steps/supervise"
)

// elsewhere are the places of a directory of a command for which the run's own
// disk has no room. They follow from the run, the step and the attempt, so that
// whoever comes later finds it without a word in the log.
func (r *Run) elsewhere(meant string) []string {
	name := "runbook-" + r.ID + "-" + filepath.Base(meant)
	return []string{filepath.Join("/dev/shm", name), filepath.Join(os.TempDir(), name)}
}

// place is where the directory of a command lies: only a recovery has any
// elsewhere.
func (r *Run) place(meant string) string {
	if r.Plan != "" {
		for _, dir := range r.elsewhere(meant) {
			if ours(dir) {
				return dir
			}
		}
	}
	return meant
}

// ours reports whether dir is a real directory that is open to us alone.
// Anybody may make one with its name where it lies.
func ours(dir string) bool {
	info, err := os.Lstat(dir)
	if err != nil || !info.IsDir() || info.Mode().Perm() != 0o700 {
		return false
	}
	uid, _ := owner(dir)
	return uid == os.Geteuid()
}

// fork starts a command. In a recovery a full disk does not stop it: then its
// files lie in memory, or wherever there is room.
func (s *Session) fork(order *supervise.Sealed, r *Run) (*supervise.Process, error) {
	meant := order.Files
	process, err := s.recorder.Start(order)
	if r.Plan == "" || filepath.Dir(meant) != filepath.Join(r.Dir, "steps") {
		return process, err
	}
	for _, dir := range r.elsewhere(meant) {
		if !errors.Is(err, syscall.ENOSPC) && !errors.Is(err, syscall.EDQUOT) {
			break
		}
		if os.Mkdir(dir, 0o700) != nil {
			continue // nobody else's is taken
		}
		order.Files = dir
		if process, err = s.recorder.Start(order); err != nil && !errors.Is(err, supervise.ErrStarted) {
			_ = os.RemoveAll(dir) // nothing was forked, and what is empty would be found
		}
	}
	return process, err
}

// unforked is the result of a command that this session could not start. Of one
// that an earlier session began, whose log was lost, no more than that is known.
func unforked(err error, files string) *runResultBody {
	if !errors.Is(err, supervise.ErrStarted) || supervise.Classify(files, "").Class == supervise.NeverStarted {
		return notStarted(err.Error())
	}
	body := &runResultBody{Outcome: "unknown", Source: "an intent in its directory"}
	body.Verdict = steps.Unknown
	body.Reason = "an earlier session began it, and could not write that down: its files are in " + files
	return body
}
