package supervise

import (
	"fmt"
	"maps"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"runbook/steps/safetext"
)

// Cancel asks the command to end: SIGINT to its group, after the grace period
// SIGTERM, after another SIGKILL. Asked again, the next signal goes at once.
// When the program is gone, what is left of its group and below it is killed
// and named. Cancel does not wait; Done tells.
func (p *Process) Cancel() {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.over:
	case p.cancelled:
		select {
		case p.again <- struct{}{}:
		default: // one escalation is on its way already
		}
	default:
		p.cancelled = true
		go p.escalate()
	}
}

// escalate sends the signals until the program ends.
func (p *Process) escalate() {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGKILL} {
		if !p.signal(sig) {
			return
		}
		grace := time.NewTimer(p.order.Grace)
		select {
		case <-p.exited:
		case <-grace.C:
		case <-p.again:
		}
		grace.Stop()
	}
}

// signal sends sig to the group, as a terminal would, and reports false once
// the program has ended. Who runs below it is remembered first: a signal may
// orphan them out of sight.
func (p *Process) signal(sig syscall.Signal) bool {
	all := processes()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over {
		return false
	}
	maps.Copy(p.family, p.members(all))
	if err := syscall.Kill(-p.id.PID, sig); err != nil {
		p.sent = append(p.sent, fmt.Sprintf("%s (%v)", unix.SignalName(sig), err))
		return true
	}
	p.sent = append(p.sent, unix.SignalName(sig))
	return true
}

// members are the processes of all that belong to the command, by pid and
// without the program itself: of its session or group, remembered, with its
// output as theirs, or below one of these. The caller holds p.mu.
func (p *Process) members(all []proc) map[int]proc {
	found := map[int]proc{}
	mine := func(q proc) bool {
		known, ok := p.family[q.pid]
		_, below := found[q.ppid]
		return ok && known.start == q.start || below || q.ppid == p.id.PID ||
			q.sid == p.id.PID || q.pgid == p.id.PID || q.holds(p.raw)
	}
	for grown := true; grown; {
		grown = false
		for _, q := range all {
			if _, ok := found[q.pid]; !ok && q.pid != p.id.PID && !older(q.start, p.id.Start) && mine(q) {
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
func (p *Process) leftovers() []string {
	left, cancelled := p.remaining()
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
		still, _ = p.remaining()
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
func (p *Process) remaining() (map[int]proc, bool) {
	all := processes()
	p.mu.Lock()
	defer p.mu.Unlock()
	found := p.members(all)
	maps.Copy(p.family, found)
	return found, p.cancelled
}

// names lists processes by pid, each with its name and what mark says.
func names(set map[int]proc, mark func(proc) string) []string {
	var list []string
	for _, pid := range slices.Sorted(maps.Keys(set)) {
		list = append(list, fmt.Sprintf("%d %s%s", pid, safetext.Line(set[pid].comm), mark(set[pid])))
	}
	return list
}
