package supervise

import (
	"errors"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ending is how a child ended.
type ending struct {
	code   int
	signal syscall.Signal // that ended it; 0 if it exited
	core   bool
}

// alone reports whether the program has no relative left: what outlives it is
// our child by now. Where the system lists no children it can't be told.
func alone(program int) bool {
	all := children()
	return len(all) == 1 && all[0] == program
}

// childInfo is what waitid(2) fills in for a child: siginfo_t of <signal.h> on
// 64-bit systems.
type childInfo struct {
	_      [4]int32
	pid    int32
	uid    uint32
	status int32
	_      [100]byte
}

// The values of si_code for a child, from <signal.h>.
const (
	childExited = 1
	childDumped = 3
)

// await waits for the end of a child and leaves it unreaped: its pid can't
// belong to anybody else, and its end can be read again.
func await(pid int) (ending, error) {
	var info unix.Siginfo
	for {
		err := unix.Waitid(unix.P_PID, pid, &info, unix.WEXITED|unix.WNOWAIT, nil)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return ending{}, os.NewSyscallError("waitid", err)
		}
		break
	}
	child := (*childInfo)(unsafe.Pointer(&info)) //nolint:gosec // G103: the package has no names for these fields
	if info.Code == childExited {
		return ending{code: int(child.status)}, nil
	}
	return ending{code: -1, signal: syscall.Signal(child.status), core: info.Code == childDumped}, nil
}

// reparents says that what loses its parent comes to us: see inherit.
const reparents = true

// reapOrphans takes away what ended among the processes we inherited, except
// the program itself: see await.
func reapOrphans(program int) {
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGCHLD)
	for range ended {
		for pid := endedChild(); pid != 0 && pid != program; pid = endedChild() {
			reap(pid)
		}
	}
}

// reap takes away a child if it has ended.
func reap(pid int) {
	_, _ = unix.Wait4(pid, nil, unix.WNOHANG, nil) // it lives, or is gone, whatever it answers
}

// endedChild is a child that has ended and that nobody reaped, 0 if there is
// none.
func endedChild() int {
	var info unix.Siginfo
	if waitNothing(unix.P_ALL, 0, &info) != nil {
		return 0
	}
	return int((*childInfo)(unsafe.Pointer(&info)).pid) //nolint:gosec // G103: as above
}

// isChild reports whether a process is a child of ours, be it dead, as long as
// nobody reaped it.
func isChild(pid int) bool {
	return waitNothing(unix.P_PID, pid, new(unix.Siginfo)) == nil
}

// childless reports whether we have no child at all, dead or alive.
func childless() bool {
	return errors.Is(waitNothing(unix.P_ALL, 0, new(unix.Siginfo)), unix.ECHILD)
}

// waitNothing looks at children without waiting, and without reaping one.
func waitNothing(kind, id int, info *unix.Siginfo) error {
	for {
		err := unix.Waitid(kind, id, info, unix.WEXITED|unix.WNOWAIT|unix.WNOHANG, nil)
		if err != unix.EINTR {
			return err
		}
	}
}

// children are the processes whose parent is this one, the dead too, in the
// order in which they came to us. The kernel lists them by the thread that
// forked them; where it lists none, all processes are asked.
func children() []int {
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return nil
	}
	var all []int
	listed := false
	for _, thread := range threads {
		data, err := os.ReadFile("/proc/self/task/" + thread.Name() + "/children")
		if err != nil {
			continue // the thread has ended
		}
		listed = true
		for _, word := range strings.Fields(string(data)) {
			if pid, err := strconv.Atoi(word); err == nil {
				all = append(all, pid)
			}
		}
	}
	if !listed {
		return childrenAmongAll()
	}
	return all
}

// childrenAmongAll is children for a kernel that was built without their lists.
func childrenAmongAll() (all []int) {
	us := os.Getpid()
	for _, p := range everybody() {
		if p.ppid == us {
			all = append(all, p.pid)
		}
	}
	return all
}
