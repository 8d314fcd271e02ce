package plain

import (
	"strings"
	"testing"
	"time"

	"runbook/runbook"
	"runbook/steps/check"
)

// waitingAt is a command that waits for these sessions, with some behind it.
func waitingAt(behind int, by ...check.Blocker) runbook.Live {
	return runbook.Live{Step: "migrate", App: "runbook 7f3a91c2 migrate.1", Running: true, Servers: []runbook.Server{{
		Where: "db1:5432/tickr", At: time.Now(),
		Activity: check.Activity{Behind: behind, Backends: []check.Backend{{
			PID: 5512, User: "tickr_deploy", State: "active", Wait: "Lock relation", InState: 29 * time.Second, InTransaction: 41 * time.Second,
			Query: `ALTER TABLE "users"."users" ADD "locale" character varying(8)`, Blocked: len(by) > 0, Waits: 29 * time.Second, Blockers: by,
		}}},
	}}}
}

func TestBlockedSaysByWhomAndWhoQueues(t *testing.T) {
	t.Parallel()
	eve := check.Blocker{PID: 4711, User: "eve", App: "psql", State: "idle in transaction", InState: 41*time.Minute + 7*time.Second, Direct: true, Root: true}
	root := eve
	root.Direct = false
	for _, one := range []struct {
		live runbook.Live
		want string
	}{
		{runbook.Live{}, ""},
		{waitingAt(0), ""},
		{waitingAt(3), "3 wait for it"},
		{waitingAt(6, eve), "BLOCKED 0:29 by pid 4711 (idle in transaction 41:07, psql, eve); 6 queue behind"},
		{waitingAt(0, eve, check.Blocker{PID: 7, Direct: true, Root: true}), "BLOCKED 0:29 by pid 4711 (idle in transaction 41:07, psql, eve) and 1 more; nobody queues behind"},
		{
			waitingAt(1, check.Blocker{PID: 7, User: "app", State: "active", Direct: true}, root),
			"BLOCKED 0:29 by pid 7 (active, app), who waits for pid 4711 (idle in transaction 41:07, psql, eve); 1 queue behind",
		},
		{waitingAt(0, check.Blocker{Direct: true, Root: true}), "BLOCKED 0:29 by a prepared transaction (pg_prepared_xacts lists it); nobody queues behind"},
		{waitingAt(0, check.Blocker{PID: 9, User: "eve", App: "psql", Direct: true, Root: true}), "BLOCKED 0:29 by pid 9 (psql, eve); nobody queues behind"},
	} {
		if got := Blocked(one.live); got != one.want {
			t.Errorf("%q, want %q", got, one.want)
		}
	}
}

func TestBackendsSayWhatIsSeenAndWhatIsNot(t *testing.T) {
	t.Parallel()
	live := waitingAt(0, check.Blocker{PID: 4711, Direct: true, Root: true})
	live.Servers[0].Activity.Blind = "role x does not see what others do: grant it pg_monitor"
	idle := live.Servers[0].Activity.Backends[0]
	idle.PID, idle.State, idle.Wait, idle.Query = 5513, "idle in transaction", "", ""
	live.Servers[0].Activity.Backends = append(live.Servers[0].Activity.Backends, idle)
	live.Servers = append(live.Servers, runbook.Server{Where: "db2:5432/x"}, runbook.Server{Where: "db3:5432/x", Unknown: "connection refused"})
	want := `backend 5512 at db1:5432/tickr, active 0:29, in its transaction 0:41, waits for Lock relation
  query: ALTER TABLE "users"."users" ADD "locale" character varying(8)
backend 5513 at db1:5432/tickr, idle in transaction 0:29, in its transaction 0:41; a cancel does not end that, pg_terminate_backend(5513) does
? role x does not see what others do: grant it pg_monitor
no session at db2:5432/x is called "runbook 7f3a91c2 migrate.1"
? sessions at db3:5432/x are not seen: connection refused`
	if got := strings.Join(Backends(live), "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestUsualDuration(t *testing.T) {
	t.Parallel()
	for want, u := range map[string]runbook.Usual{
		"": {}, "usual under 1 s (2 runs)": {Median: time.Millisecond, Runs: 2}, "usual 0:35 (1 run)": {Median: 35 * time.Second, Runs: 1}, "usual 1:02:03 (7 runs)": {Median: 3723 * time.Second, Runs: 7},
	} {
		if got := Usually(u); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestABlockIsToldOnceAndWhenItChanges(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	near := (&session{out: &out}).beside(nil)
	eve := check.Blocker{PID: 4711, User: "eve", App: "psql", State: "idle in transaction", Direct: true, Root: true}
	active := eve
	active.State = "active"
	short := waitingAt(0, eve)
	short.Servers[0].Activity.Backends[0].Waits = passing / 2
	for _, l := range []runbook.Live{waitingAt(0), short, waitingAt(0, eve), waitingAt(0, eve), waitingAt(3, eve), waitingAt(3, active), waitingAt(0), waitingAt(0)} {
		near.locks(l)
	}
	near.told = time.Now().Add(-queuePace)
	near.locks(waitingAt(2))
	want := `! BLOCKED 0:29 by pid 4711 (idle in transaction 0:00, psql, eve); nobody queues behind
! BLOCKED 0:29 by pid 4711 (active, psql, eve); 3 queue behind
  nobody waits any more
! 2 wait for it
`
	if out.String() != want {
		t.Errorf("told\n%s\nwant\n%s", out.String(), want)
	}
}
