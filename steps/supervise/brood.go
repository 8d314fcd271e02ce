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
	supervisors map[int]spawned // also one that died, until its program is claimed
	programs    map[int]bool
}

// spawned is a supervisor.
type spawned struct {
	start string
	alone bool // all that it leaves to us is its own: nobody else had any child
}

func newBrood() *brood {
	return &brood{supervisors: map[int]spawned{}, programs: map[int]bool{}}
}

// spawn starts a supervisor.
func (b *brood) spawn(log *os.File, files []*os.File) (*os.Process, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	alone := childless()
	child, err := spawn(superviseWord, log, files...)
	if err != nil {
		return nil, err
	}
	for pid, other := range b.supervisors {
		other.alone = false
		b.supervisors[pid] = other
	}
	p, _ := look(child.Pid)
	b.supervisors[child.Pid] = spawned{p.start, alone}
	return child, nil
}

// claim finds the program that a dead supervisor left to us, and waits for it
// from now on. What it wrote down counts, if that is a child of ours. If not,
// as when it was killed between the fork and that, the program is the eldest
// that it left: still of its session, or leader of its own. Where others may
// have left such a process, too, it must have the raw output open. The zero
// identity means that nothing was forked, or that nobody can say what.
func (b *brood) claim(supervisor int, written identity, raw os.FileInfo) identity {
	if !reparents {
		return written
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.supervisors[supervisor]
	delete(b.supervisors, supervisor)
	found := written
	if p, ok := look(written.PID); !isChild(written.PID) || b.waits(written.PID) || ok && p.start != written.Start {
		pid := b.eldest(supervisor, s, raw)
		if pid == 0 {
			return identity{}
		}
		found = identify(pid)
	}
	b.programs[found.PID] = true
	return found
}

// eldest is the first of the children that a supervisor may have left to us; 0
// if there is none, or it may be somebody else's. The caller holds b.mu.
func (b *brood) eldest(supervisor int, s spawned, raw os.FileInfo) int {
	first, known := proc{}, false
	for _, pid := range children() {
		p, ok := look(pid)
		if !ok || b.waits(pid) || older(p.start, s.start) || p.sid != supervisor && p.sid != pid {
			continue
		}
		if first.pid == 0 || older(p.start, first.start) {
			first, known = p, s.alone || p.sid == supervisor || p.hasOpen(raw)
		}
	}
	if !known {
		return 0
	}
	return first.pid
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
	all := children() // before the look at the supervisors: what one left is only ours once all of it dies
	for pid := range b.supervisors {
		if p, ok := look(pid); !ok || p.dying {
			return
		}
	}
	for _, pid := range all {
		if !b.waits(pid) {
			reap(pid)
		}
	}
}
