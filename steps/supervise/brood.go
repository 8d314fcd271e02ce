package supervise

import (
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// brood is a recorder's children. Those it waits for are its supervisors, and
// the programs of supervisors that died. The rest is what commands left
// behind: nobody asks how that ended, but it must not stay as zombies, which a
// later step would take for alive.
type brood struct {
	mu          sync.Mutex
	supervisors map[int]proc // also one that died, until its program is claimed
	programs    map[int]bool
}

func newBrood() *brood { return &brood{supervisors: map[int]proc{}, programs: map[int]bool{}} }

// spawn starts a supervisor.
func (b *brood) spawn(log *os.File, files []*os.File) (*os.Process, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	child, err := spawn(superviseWord, log, files...)
	if err == nil {
		p, _ := look(child.Pid)
		b.supervisors[child.Pid] = p
	}
	return child, err
}

// claim finds the program that a dead supervisor left to us, and waits for it
// from now on: the one that it wrote down; or a child of ours that it had
// forked and that is not yet more than that; or one that leads a session, best
// with raw open. The zero identity means that nothing was forked.
func (b *brood) claim(supervisor int, written identity, raw os.FileInfo) identity {
	if !reparents {
		return written
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	began := b.supervisors[supervisor].start
	delete(b.supervisors, supervisor)
	best, rank := 0, 0
	for _, pid := range children() {
		p, ok := look(pid)
		r := 0
		switch {
		case b.waits(pid):
		case pid == written.PID && (!ok || p.start == written.Start):
			r = 4
		case !ok || older(p.start, began):
		case p.sid == supervisor:
			r = 3
		case p.sid == pid && p.hasOpen(raw):
			r = 2
		case p.sid == pid: // what the program left is younger, and stands behind it
			r = 1
		}
		if r > rank {
			best, rank = pid, r
		}
	}
	if best == 0 {
		return identity{}
	}
	b.programs[best] = true
	return identify(best)
}

// waits reports whether somebody waits for a child. The caller holds b.mu.
func (b *brood) waits(pid int) bool {
	_, ok := b.supervisors[pid]
	return ok || b.programs[pid]
}

// release lets go of a supervisor that ended, or of a program.
func (b *brood) release(pid int) {
	b.mu.Lock()
	delete(b.supervisors, pid)
	delete(b.programs, pid)
	b.mu.Unlock()
	b.reap()
}

// reapOnSignal reaps whenever a child has ended.
func (b *brood) reapOnSignal() {
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGCHLD)
	for range ended {
		b.reap()
	}
}

// reap takes away the zombies that nobody waits for. Where a supervisor has
// died one of them may be its program: then they wait until that is claimed.
func (b *brood) reap() {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := children() // before the look at the supervisors: what one left is only ours once it is dead
	for pid := range b.supervisors {
		if p, ok := look(pid); ok && p.zombie || !ok && syscall.Kill(pid, 0) != nil {
			return
		}
	}
	for _, pid := range all {
		if !b.waits(pid) {
			reap(pid)
		}
	}
}
