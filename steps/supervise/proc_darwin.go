package supervise

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// proc is what the system says about a process.
type proc struct {
	pid, ppid, pgid, sid int
	start                string // when it began, in the system's own terms
	comm                 string
	zombie, stopped      bool
	dying                bool // before it is a zombie: not to be seen here
}

// States of sys/proc.h.
const (
	stateStopped = 4 // SSTOP
	stateZombie  = 5 // SZOMB
)

// bootID names this boot of the machine; empty if it can't be told.
func bootID() string {
	id, err := unix.Sysctl("kern.bootsessionuuid")
	if err != nil {
		return ""
	}
	return id
}

// look reads one process.
func look(pid int) (proc, bool) {
	k, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if err != nil || int(k.Proc.P_pid) != pid {
		return proc{}, false
	}
	return read(k), true
}

// processes reads all that live.
func processes() []proc {
	list, err := unix.SysctlKinfoProcSlice("kern.proc.all")
	if err != nil {
		return nil
	}
	var all []proc
	for i := range list {
		if p := read(&list[i]); !p.zombie {
			all = append(all, p)
		}
	}
	return all
}

func read(k *unix.KinfoProc) proc {
	p := proc{
		pid: int(k.Proc.P_pid), ppid: int(k.Eproc.Ppid), pgid: int(k.Eproc.Pgid),
		start:  fmt.Sprintf("%d.%06d", k.Proc.P_starttime.Sec, k.Proc.P_starttime.Usec),
		comm:   strings.TrimRight(unix.ByteSliceToString(k.Proc.P_comm[:]), "\x00"),
		zombie: k.Proc.P_stat == stateZombie, stopped: k.Proc.P_stat == stateStopped,
	}
	if sid, err := unix.Getsid(p.pid); err == nil {
		p.sid = sid
	}
	return p
}

// holds can't be told here without rights over the other process.
func (proc) holds(os.FileInfo) bool { return false }

func (proc) hasOpen(os.FileInfo) bool { return false }
