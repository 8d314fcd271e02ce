package check

import (
	"cmp"
	"context"
	"math"
	"slices"
	"time"
)

// Activity is what the sessions of one command do on one server.
type Activity struct {
	Backends []Backend
	Behind   int    // sessions of others that wait for these, directly or not; counted to 200
	Blind    string // why the state of one of them, or of a blocker, is not known
}

// Backend is one session of a command. Its text is safe to show.
type Backend struct {
	PID           int
	User          string
	Database      string
	State         string        // active, idle, idle in transaction, …; empty if it may not be seen
	Wait          string        // Lock relation, IO DataFileRead, …; empty if it waits for nothing
	InTransaction time.Duration // how long it has been in one; 0 if it is in none
	InState       time.Duration
	Query         string        // the last or only one, without its literals
	Blocked       bool          // it waits for somebody's lock
	Waits         time.Duration // for how long
	Blockers      []Blocker     // whom it waits for, directly first
}

// Works reports whether it does anything, or holds anything: all but a session
// that is idle outside of a transaction.
func (b Backend) Works() bool { return b.State != "idle" }

// Cancellable reports whether a cancel would end what it does: a session that
// is idle, in a transaction or not, goes on being so.
func (b Backend) Cancellable() bool {
	return b.State == "" || b.State == "active" || b.State == "fastpath function call"
}

// Blocker is somebody's session that a command waits for. Pid 0 is a prepared
// transaction: no session is left of it.
type Blocker struct {
	PID           int
	User          string
	App           string // application name; of a server process its kind
	State         string // empty if it may not be seen
	InTransaction time.Duration
	InState       time.Duration // idle in transaction for so long, if that is its state
	Query         string
	Direct        bool // the command waits for it, and not for one that waits for it
	Root          bool // it waits for nobody: the one to look at
}

// maxBlockers bounds how many are told.
const maxBlockers = 5

// Backends looks for the sessions that carry an application name. It touches no
// relation of a user and waits for no lock. None found means that the server
// has none of that name, which a program that sets its own never has.
func (d *Database) Backends(ctx context.Context, app string) (Activity, error) {
	var seen Activity
	err := d.ask(ctx, func(ctx context.Context, s *session) error {
		rows, err := s.shippedQuery(ctx, "sessions", app, []int32{})
		if err != nil || len(rows) == 0 {
			return err
		}
		seen.Backends = make([]Backend, len(rows))
		for i, one := range rows {
			seen.Backends[i] = backend(one)
			seen.blind(s, one)
		}
		return seen.queue(ctx, s)
	})
	return seen, err
}

// queue finds out who stands before these sessions, and how many behind.
func (a *Activity) queue(ctx context.Context, s *session) error {
	ours := make([]int32, len(a.Backends))
	for i, b := range a.Backends {
		ours[i] = int32(b.PID) //nolint:gosec // a pid
	}
	rows, err := s.shippedQuery(ctx, "lock_queue", ours)
	if err != nil || len(rows) == 0 {
		return err
	}
	ahead, behind := map[int][]int{}, map[int][]int{}
	for _, one := range rows {
		waiter, blocker := one.count("waiter"), one.count("blocker")
		ahead[waiter] = append(ahead[waiter], blocker)
		behind[blocker] = append(behind[blocker], waiter)
	}
	a.Behind = len(reached(behind, pids(ours)...)) // without ours: they are where it begins
	chains := make([][]int, len(a.Backends))
	var named []int32
	for i, b := range a.Backends {
		chain := reached(ahead, b.PID)
		slices.SortStableFunc(chain, func(x, y int) int { // whom it waits for, then whom they wait for in the end
			return cmp.Or(cmp.Compare(rank(ahead, b.PID, x), rank(ahead, b.PID, y)), cmp.Compare(x, y))
		})
		chains[i] = chain[:min(len(chain), maxBlockers)]
		for _, pid := range chains[i] {
			named = append(named, int32(pid)) //nolint:gosec // a pid
		}
	}
	if len(named) == 0 {
		return nil
	}
	rows, err = s.shippedQuery(ctx, "sessions", nil, named)
	for i, chain := range chains {
		for _, pid := range chain {
			a.Backends[i].Blockers = append(a.Backends[i].Blockers, a.blocker(s, rows, ahead, a.Backends[i].PID, pid))
		}
	}
	return err
}

// rank orders who stands before a waiter: direct ones first, and of all the
// others first those who wait for nobody.
func rank(ahead map[int][]int, waiter, pid int) int {
	switch {
	case slices.Contains(ahead[waiter], pid):
		return 0
	case len(ahead[pid]) == 0:
		return 1
	}
	return 2
}

// reached are all that can be come to from some, without those.
func reached(edges map[int][]int, from ...int) []int {
	seen := map[int]bool{}
	for _, pid := range from {
		seen[pid] = true
	}
	var found []int
	for todo := slices.Clone(from); len(todo) > 0; todo = todo[1:] {
		for _, next := range edges[todo[0]] {
			if !seen[next] {
				seen[next] = true
				found, todo = append(found, next), append(todo, next)
			}
		}
	}
	return found
}

func pids(all []int32) []int {
	wide := make([]int, len(all))
	for i, pid := range all {
		wide[i] = int(pid)
	}
	return wide
}

func backend(one row) Backend {
	wait := one.text("wait_event_type")
	if wait == "Client" || wait == "Activity" { // it waits to be told what to do
		wait = ""
	} else if wait != "" {
		wait += " " + one.text("wait_event")
	}
	b := Backend{
		PID: one.count("pid"), User: outside(one.text("user")), Database: outside(one.text("database")), State: outside(one.text("state")),
		Wait: outside(wait), InTransaction: one.lasted("xact_s"), InState: one.lasted("state_s"), Blocked: one.yes("waits"),
	}
	if !hidden(one) {
		b.Query = statement(one.text("query"))
	}
	if b.Blocked {
		b.Waits = one.lasted("waiting_s")
	}
	return b
}

// blocker tells whom a backend waits for, from the sessions that were found.
func (a *Activity) blocker(s *session, rows []row, ahead map[int][]int, waiter, pid int) Blocker {
	b := Blocker{PID: pid, Direct: slices.Contains(ahead[waiter], pid), Root: len(ahead[pid]) == 0}
	for _, one := range rows {
		if one.count("pid") != pid {
			continue
		}
		b.User, b.App, b.State = outside(one.text("user")), outside(one.text("app")), outside(one.text("state"))
		if kind := one.text("kind"); kind != "" && kind != "client backend" {
			b.App = outside(kind)
		}
		b.InTransaction, b.InState = one.lasted("xact_s"), one.lasted("state_s")
		if a.blind(s, one); !hidden(one) {
			b.Query = statement(one.text("query"))
		}
	}
	return b
}

// hidden reports whether the server keeps from us what a session does.
func hidden(one row) bool { return one.text("state") == "" && one.text("kind") == "" }

func (a *Activity) blind(s *session, one row) {
	if hidden(one) {
		a.Blind = "role " + outside(s.at.user) + " does not see what others do: grant it pg_monitor"
	}
}

// lasted is a column of seconds.
func (r row) lasted(column string) time.Duration {
	n, _ := r.number(column)
	return length(n)
}

// length is a number of seconds; one of more than 292 years is as long as can be
// told.
func length(seconds float64) time.Duration {
	switch {
	case seconds <= 0:
		return 0
	case seconds >= math.MaxInt64/float64(time.Second):
		return math.MaxInt64
	}
	return time.Duration(seconds * float64(time.Second))
}
