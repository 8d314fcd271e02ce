package doctor

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Host is the machine and the account that runs would be started from.
type Host struct {
	Root     string                                            // of the system's files: "/" for the real ones
	User     string                                            // the login name
	UID      int                                               // effective
	Dir      string                                            // where runs are kept
	Config   string                                            // where allowed_signers is
	Temp     string                                            // the directory of temporary files
	Terminal string                                            // "/dev/tty" for the controlling one
	Getenv   func(name string) string                          // of this process
	Postgres func(ctx context.Context) (where string, _ error) // the PostgreSQL of the practice world
}

// Probes are the looks at the host.
func (h Host) Probes() []Probe {
	look := func(what string, look func(context.Context) []Finding) Probe { return Probe{What: what, Look: look} }
	return []Probe{
		look("logout", h.logout),
		look("process 1", h.first),
		look("home", h.home),
		look("disk", h.disks),
		look("kernel", kernel),
		look("limits", h.limits),
		look("/proc", h.proc),
		look("agent", h.agent),
		look("key", h.key),
		look("allowed_signers", h.signers),
		look("clock", h.clock),
		look("terminal", h.terminal),
		look("programs", h.programs),
	}
}

// path is where a file of the system lies.
func (h Host) path(name string) string { return filepath.Join(h.Root, name) }

func (h Host) exists(name string) bool {
	_, err := os.Stat(h.path(name))
	return err == nil
}

// standing is the nearest directory to dir that is there already: dir itself,
// or where it will be made.
func standing(dir string) (string, error) {
	for {
		_, err := os.Stat(dir)
		if !errors.Is(err, fs.ErrNotExist) || dir == filepath.Dir(dir) {
			return dir, err
		}
		dir = filepath.Dir(dir)
	}
}
