package plain

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"runbook/runbook"
	"runbook/runbook/book"
	"runbook/steps"
	"runbook/steps/check"
	"runbook/steps/safetext"
	"runbook/steps/supervise"
)

// Blocked says whom a command waits for, for how long, and how many wait
// behind it: "BLOCKED 0:29 by pid 4711 (idle in transaction 41:07, psql, eve);
// 6 queue behind". It is empty if nobody waits.
func Blocked(l runbook.Live) string {
	var longest check.Backend
	behind := 0
	for _, server := range l.Servers {
		behind += server.Activity.Behind
		for _, b := range server.Activity.Backends {
			if b.Blocked && (!longest.Blocked || b.Waits > longest.Waits) {
				longest = b
			}
		}
	}
	queue := strconv.Itoa(behind) + " queue behind"
	switch {
	case !longest.Blocked && behind == 0:
		return ""
	case !longest.Blocked:
		return strconv.Itoa(behind) + " wait for it"
	case behind == 0:
		queue = "nobody queues behind"
	}
	return fmt.Sprintf("BLOCKED %s by %s; %s", Clock(longest.Waits), blockers(longest.Blockers), queue)
}

// blockers names who is waited for: the first of them, and at whom the waiting
// ends if that is another.
func blockers(all []check.Blocker) string {
	if len(all) == 0 {
		return "somebody who can't be told"
	}
	direct := len(slices.DeleteFunc(slices.Clone(all), func(b check.Blocker) bool { return !b.Direct }))
	text := blocker(all[0])
	if direct > 1 {
		text += fmt.Sprintf(" and %d more", direct-1)
	}
	if root := slices.IndexFunc(all, func(b check.Blocker) bool { return b.Root }); root > 0 && !all[0].Root {
		text += ", who waits for " + blocker(all[root])
	}
	return text
}

func blocker(b check.Blocker) string {
	if b.PID == 0 {
		return "a prepared transaction (pg_prepared_xacts lists it)"
	}
	state := b.State
	if strings.HasPrefix(state, "idle") {
		state += " " + Clock(b.InState)
	}
	known := slices.DeleteFunc([]string{state, b.App, b.User}, func(s string) bool { return s == "" })
	return fmt.Sprintf("pid %d (%s)", b.PID, strings.Join(known, ", "))
}

// Usually is how long a command usually takes: "usual 0:35 (3 runs)", or
// nothing.
func Usually(u runbook.Usual) string {
	took, runs := Clock(u.Median), "runs"
	switch {
	case u.Runs == 0:
		return ""
	case u.Median < time.Second:
		took = "under 1 s"
	}
	if u.Runs == 1 {
		runs = "run"
	}
	return fmt.Sprintf("usual %s (%d %s)", took, u.Runs, runs)
}

// Backends are the lines of a command's sessions: what each does, or why
// nothing is seen of them.
func Backends(l runbook.Live) []string {
	var lines []string
	for _, server := range l.Servers {
		where := safetext.Line(server.Where)
		switch {
		case server.Unknown != "":
			lines = append(lines, "? sessions at "+where+" are not seen: "+server.Unknown)
		case len(server.Activity.Backends) == 0:
			lines = append(lines, fmt.Sprintf("no session at %s is called %q", where, l.App))
		}
		for _, b := range server.Activity.Backends {
			lines = append(lines, backend(where, b))
			if b.Query != "" {
				lines = append(lines, "  query: "+b.Query)
			}
		}
		if server.Activity.Blind != "" {
			lines = append(lines, "? "+server.Activity.Blind)
		}
	}
	return lines
}

// Standing says what is wrong with a running command's processes and output:
// who was stopped, that nobody supervises it, what found no room.
func Standing(l runbook.Live) []string {
	var all []string
	p := l.Process
	switch p.Stopped {
	case "supervisor":
		all = append(all, "ITS SUPERVISOR IS STOPPED by a signal: its output and its end are not seen until it goes on; a cancel wakes it")
	case "program":
		all = append(all, fmt.Sprintf("IT IS STOPPED by a signal and does not go on by itself: kill -CONT -- -%d", p.PID))
	}
	if p.Class == supervise.Orphan {
		all = append(all, fmt.Sprintf("NOBODY SUPERVISES IT: it goes on, and its end will be unknown; %d bytes of output are withheld", p.Withheld))
	}
	if p.Lost > 0 {
		all = append(all, fmt.Sprintf("THE DISK IS FULL: %d bytes of its output found no room; it goes on", p.Lost))
	}
	return all
}

// liveLines are what is known of a command beside its output.
func liveLines(l runbook.Live) []string {
	var lines []string
	for _, text := range Standing(l) {
		lines = append(lines, "! "+text)
	}
	if text := Blocked(l); text != "" {
		lines = append(lines, "! "+text)
	}
	return append(lines, Backends(l)...)
}

func backend(where string, b check.Backend) string {
	line := fmt.Sprintf("backend %d at %s, %s %s", b.PID, where, cmp.Or(b.State, "in a state we may not see, for"), Clock(b.InState))
	if b.InTransaction > 0 {
		line += ", in its transaction " + Clock(b.InTransaction)
	}
	if b.Wait != "" {
		line += ", waits for " + b.Wait
	}
	if b.Works() && !b.Cancellable() {
		line += fmt.Sprintf("; a cancel does not end that, pg_terminate_backend(%d) does", b.PID)
	}
	return line
}

// Clock is a length of time as a clock shows it: "0:41", "1:02:03".
func Clock(d time.Duration) string {
	t := int(max(0, d).Seconds())
	if t >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", t/3600, t/60%60, t%60)
	}
	return fmt.Sprintf("%d:%02d", t/60, t%60)
}

// beside tells what is seen beside a command's output: each thing once, and
// anew when it changes.
type beside struct {
	*session
	step *book.Step

	usual   bool
	silent  bool
	process supervise.Status // as told
	blocked string           // by whom, as told
	queue   int              // behind us, as told
	told    time.Time
	during  map[string]steps.Verdict
	unseen  map[string]string // by server
}

// queuePace is how often a queue that only grew or shrank is told.
const queuePace = 10 * time.Second

func (p *session) beside(step *book.Step) *beside {
	return &beside{session: p, step: step, told: time.Now(), during: map[string]steps.Verdict{}, unseen: map[string]string{}}
}

func (b *beside) more() {
	l := b.Live(b.step.ID)
	if !l.Running {
		return
	}
	if usual := Usually(l.Usual); usual != "" && !b.usual {
		b.usual = true
		b.print("  %s", usual)
	}
	if l.Silent && !b.silent {
		b.print("! it has printed nothing for %s", Clock(time.Since(l.Output)))
	}
	b.silent = l.Silent
	b.standing(l)
	for _, server := range l.Servers {
		if b.unseen[server.Where] != server.Unknown {
			b.unseen[server.Where] = server.Unknown
			for _, line := range Backends(runbook.Live{App: l.App, Servers: []runbook.Server{server}}) {
				b.print("%s", line)
			}
		}
	}
	b.locks(l)
	for _, d := range l.During {
		before, known := b.during[d.Step]
		now := d.Result.Verdict
		if d.Result.Began.IsZero() || known && now == before {
			continue
		}
		b.during[d.Step] = now
		if known || now != steps.Pass {
			b.print("%s", Aside(d.Step, d.Result))
		}
	}
}

// standing tells what has become of the command's processes and output.
func (b *beside) standing(l runbook.Live) {
	was, now := b.process, l.Process
	b.process = now
	if now.Source == "" || was.Class == now.Class && was.Stopped == now.Stopped && (was.Lost > 0) == (now.Lost > 0) {
		return
	}
	all := Standing(l)
	for _, text := range all {
		b.print("! %s", text)
	}
	if len(all) == 0 && was.Stopped != "" {
		b.print("  it goes on again")
	}
}

// locks tells who waits for whom when that changes, a queue now and then.
func (b *beside) locks(l runbook.Live) {
	who, queue := waiting(l)
	if who == b.blocked && (queue == b.queue || time.Since(b.told) < queuePace) {
		return
	}
	b.blocked, b.queue, b.told = who, queue, time.Now()
	if text := Blocked(l); text != "" {
		b.print("! %s", text)
		return
	}
	b.print("  nobody waits any more")
}

// passing is how long everybody may wait for a lock: nobody is told.
const passing = time.Second

// waiting is who blocks a command, without the times, and how many it blocks.
func waiting(l runbook.Live) (who string, queue int) {
	for _, server := range l.Servers {
		queue += server.Activity.Behind
		for _, b := range server.Activity.Backends {
			if b.Waits < passing {
				continue
			}
			for _, by := range b.Blockers {
				who += fmt.Sprintf("%d %s ", by.PID, by.State)
			}
		}
	}
	return who, queue
}
