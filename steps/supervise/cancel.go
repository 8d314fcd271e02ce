package supervise

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"runbook/steps/safetext"
)

// end asks the command to end; asked again, the next signal goes at once.
func (c *command) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.over:
	case c.cancelled:
		select {
		case c.again <- struct{}{}:
		default: // one escalation is on its way already
		}
	default:
		c.cancelled = true
		go c.escalate()
	}
}

// escalate sends the signals until the program ends.
func (c *command) escalate() {
	if c.CallOff != nil && c.callOff() {
		return
	}
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGKILL} {
		if !c.signal(sig) {
			return
		}
		grace := time.NewTimer(c.Grace)
		select {
		case <-c.exited:
		case <-grace.C:
		case <-c.again:
		}
		grace.Stop()
	}
}

// signal sends sig to the group, as a terminal would, and reports false once
// the program has ended. Who runs below it is remembered first: a signal may
// orphan them out of sight.
func (c *command) signal(sig syscall.Signal) bool {
	all := processes()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		return false
	}
	maps.Copy(c.family, c.members(all))
	if err := syscall.Kill(-c.who.Program.PID, sig); err != nil {
		c.sent = append(c.sent, fmt.Sprintf("%s (%v)", unix.SignalName(sig), err))
		return true
	}
	c.sent = append(c.sent, unix.SignalName(sig))
	_ = syscall.Kill(-c.who.Program.PID, syscall.SIGCONT) // one that is stopped would not hear it
	return true
}

// members are the processes of all that belong to the command, by pid and
// without the program itself: of its session or group, remembered, with its
// output as theirs, left to its supervisor, or below one of these. The caller
// holds c.mu.
func (c *command) members(all []proc) map[int]proc {
	found := map[int]proc{}
	heir := -1 // a recorder inherits from other commands too
	if c.outcome.Source == sourceSupervisor {
		heir = os.Getpid()
	}
	mine := func(q proc) bool {
		known, ok := c.family[q.pid]
		_, below := found[q.ppid]
		return ok && known.start == q.start || below || q.ppid == c.who.Program.PID || q.ppid == heir && !c.callers[q.pid] ||
			q.sid == c.who.Program.PID || q.pgid == c.who.Program.PID || q.holds(c.rawInfo)
	}
	for grown := true; grown; {
		grown = false
		for _, q := range all {
			if _, ok := found[q.pid]; !ok && q.pid != c.who.Program.PID && !older(q.start, c.who.Program.Start) && mine(q) {
				found[q.pid], grown = q, true
			}
		}
	}
	return found
}

// older compares start times: both systems count upwards, without padding.
func older(a, b string) bool { return len(a) < len(b) || len(a) == len(b) && a < b }

// killWithin is how long leftovers of a cancelled command get to vanish.
const killWithin = 2 * time.Second

// leftovers names what outlived the program. Of a cancelled command they are
// killed, and so is what they started meanwhile.
func (c *command) leftovers() []string {
	left, cancelled := c.remaining()
	if !cancelled {
		return names(left, func(proc) string { return "" })
	}
	seen, still := maps.Clone(left), left
	for until := time.Now().Add(killWithin); len(still) > 0 && time.Now().Before(until); {
		for _, q := range still {
			if now, ok := look(q.pid); ok && now.start == q.start {
				_ = syscall.Kill(q.pid, syscall.SIGKILL) // gone already, or named below
			}
		}
		time.Sleep(5 * time.Millisecond)
		still, _ = c.remaining()
		maps.Copy(seen, still)
	}
	return names(seen, func(q proc) string {
		if _, ok := still[q.pid]; ok {
			return " (still runs)"
		}
		return " (killed)"
	})
}

// remaining looks for members now, remembers them, and reports whether the
// command was cancelled.
func (c *command) remaining() (map[int]proc, bool) {
	all := processes()
	c.mu.Lock()
	defer c.mu.Unlock()
	found := c.members(all)
	maps.Copy(c.family, found)
	return found, c.cancelled
}

// maxNamed is how many leftovers are named: their list must fit into the room
// that is reserved for a verdict.
const maxNamed = 50

// names lists processes by pid, each with its name and what mark says.
func names(set map[int]proc, mark func(proc) string) []string {
	var list []string
	for i, pid := range slices.Sorted(maps.Keys(set)) {
		if i == maxNamed {
			return append(list, fmt.Sprintf("and %d more", len(set)-i))
		}
		list = append(list, fmt.Sprintf("%d %s%s", pid, safetext.Line(set[pid].comm), mark(set[pid])))
	}
	return list
}
