package supervise

import (
	"bytes"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// proc is what the system says about a process.
type proc struct {
	pid, ppid, pgid, sid int
	start                string // when it began, in the system's own terms
	comm                 string
	zombie, stopped      bool
	dying                bool // before it is a zombie, and may leave its children already
}

// exiting is the flag of a thread that ends: PF_EXITING of <linux/sched.h>.
const exiting = 0x4

// bootID names this boot of the machine; empty if it can't be told.
var bootID = sync.OnceValue(func() string {
	data, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
})

// look reads one process. It makes as few system calls as can be: the end of
// every command waits for a look at all processes.
func look(pid int) (proc, bool) {
	fd, err := unix.Open("/proc/"+strconv.Itoa(pid)+"/stat", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return proc{}, false
	}
	var buf [1024]byte
	n, err := unix.Read(fd, buf[:])
	if closeErr := unix.Close(fd); err != nil || closeErr != nil {
		return proc{}, false
	}
	return parse(pid, buf[:n])
}

// parse reads /proc/PID/stat.
func parse(pid int, data []byte) (proc, bool) {
	open, end := bytes.IndexByte(data, '('), bytes.LastIndexByte(data, ')')
	if open < 0 || end < open {
		return proc{}, false
	}
	f := strings.Fields(string(data[end+1:])) // from field 3, the state
	if len(f) < 20 {
		return proc{}, false
	}
	p := proc{pid: pid, start: f[19], comm: string(data[open+1 : end]), zombie: f[0] == "Z" || f[0] == "X", stopped: f[0] == "T" || f[0] == "t"}
	if flags, err := strconv.ParseUint(f[6], 10, 64); err == nil {
		p.dying = p.zombie || flags&exiting != 0
	}
	for i, field := range []*int{&p.ppid, &p.pgid, &p.sid} {
		n, err := strconv.Atoi(f[i+1])
		if err != nil {
			return proc{}, false
		}
		*field = n
	}
	return p, true
}

// processes reads all that live.
func processes() []proc {
	return slices.DeleteFunc(everybody(), func(p proc) bool { return p.zombie })
}

// everybody reads all, the dead too that nobody has reaped.
func everybody() []proc {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer func() { _ = dir.Close() }() // read only: nothing to lose
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil
	}
	var all []proc
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		if p, ok := look(pid); ok {
			all = append(all, p)
		}
	}
	return all
}

// holds reports whether the process has file as its output: that finds one
// that left the session and lost its parent.
func (p proc) holds(file os.FileInfo) bool { return p.hasOneOf(file, []string{"1", "2"}) }

// hasOpen reports whether the process has file open at all.
func (p proc) hasOpen(file os.FileInfo) bool {
	dir, err := os.Open("/proc/" + strconv.Itoa(p.pid) + "/fd")
	if err != nil {
		return false
	}
	defer func() { _ = dir.Close() }() // read only: nothing to lose
	fds, err := dir.Readdirnames(-1)
	return err == nil && p.hasOneOf(file, fds)
}

func (p proc) hasOneOf(file os.FileInfo, fds []string) bool {
	want, ok := file.Sys().(*syscall.Stat_t)
	if !ok {
		return false
	}
	for _, fd := range fds {
		var st syscall.Stat_t
		if syscall.Stat("/proc/"+strconv.Itoa(p.pid)+"/fd/"+fd, &st) == nil && st.Dev == want.Dev && st.Ino == want.Ino {
			return true
		}
	}
	return false
}
