package doctor

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"runbook/steps"
)

// What the limits of this account must leave.
const (
	lowFiles              = 256     // open ones, for a command
	lowThreads, noThreads = 200, 50 // a command has a recorder and a supervisor beside it
)

// limits looks at the limits that every command inherits.
func (h Host) limits(ctx context.Context) []Finding {
	var found []Finding
	found = append(found, openFiles(ctx)...)
	found = append(found, h.threads()...)
	found = append(found, fileSize()...)
	if most, err := soft(unix.RLIMIT_CPU); err == nil && most != unlimited {
		found = append(found, one(steps.Warn, "limit of CPU time", fmt.Sprintf("a command is ended after %d s of it", most), "unlimited", "ulimit -t unlimited")...)
	}
	if len(found) == 0 {
		return pass("limits", "nothing a command would run into")
	}
	return found
}

const unlimited = ^uint64(0) >> 1 // and above

func soft(resource int) (uint64, error) {
	var limit unix.Rlimit
	err := unix.Getrlimit(resource, &limit)
	return min(limit.Cur, unlimited), err
}

// openFiles asks a shell: our own limit was raised when we started, and is put
// back for what we start.
func openFiles(ctx context.Context) []Finding {
	const what = "limit of open files"
	out, err := exec.CommandContext(ctx, "/bin/sh", "-c", "ulimit -n").Output()
	if err != nil {
		return one(steps.Unknown, what, "ask /bin/sh: "+err.Error(), "", "")
	}
	text := strings.TrimSpace(string(out))
	if n, err := strconv.Atoi(text); err == nil && n < lowFiles {
		return one(steps.Warn, what, text+" for each command", fmt.Sprintf("at least %d", lowFiles), fmt.Sprintf("ulimit -n %d", 4*lowFiles))
	}
	return nil
}

// threads holds what the account runs against what it may. Root may always.
func (h Host) threads() []Finding {
	const what = "limit of processes"
	most, err := soft(unix.RLIMIT_NPROC)
	if err != nil || most == unlimited || h.UID == 0 {
		return nil
	}
	left := int64(most) - int64(h.running()) //nolint:gosec // both are far below
	limit := fmt.Sprintf("of %d, at least %d", most, lowThreads)
	switch {
	case left < noThreads:
		return one(steps.Fail, what, fmt.Sprintf("%d are left", max(left, 0)), limit, "end what is not needed, or raise ulimit -u")
	case left < lowThreads:
		return one(steps.Warn, what, fmt.Sprintf("%d are left", left), limit, "end what is not needed, or raise ulimit -u")
	}
	return nil
}

// running counts the threads of this account; each counts against the limit.
func (h Host) running() int {
	files, err := filepath.Glob(h.path("proc/[0-9]*/status"))
	if err != nil {
		return 0
	}
	n := 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			continue // gone meanwhile
		}
		threads, ours := 0, false
		for line := range strings.Lines(string(data)) {
			fields := strings.Fields(line)
			switch {
			case len(fields) < 2:
			case fields[0] == "Uid:":
				ours = fields[1] == strconv.Itoa(h.UID)
			case fields[0] == "Threads:":
				threads, _ = strconv.Atoi(fields[1])
			}
		}
		if ours {
			n += threads
		}
	}
	return n
}

// fileSize looks at the limit that ends whoever writes beyond it.
func fileSize() []Finding {
	const what, mend = "limit of file size", "ulimit -f unlimited"
	most, err := soft(unix.RLIMIT_FSIZE)
	switch {
	case err != nil || most == unlimited:
		return nil
	case most < noSpace:
		return one(steps.Fail, what, "whoever writes more than "+size(most)+" is ended: an output, a dump", "unlimited", mend)
	}
	return one(steps.Warn, what, "whoever writes more than "+size(most)+" is ended: an output, a dump", "unlimited", mend)
}
