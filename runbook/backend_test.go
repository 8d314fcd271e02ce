package runbook

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"runbook/runbook/book"
	"runbook/runbook/journal"
	"runbook/steps"
	"runbook/steps/check"
)

// inDatabase is a book of one command that psql executes over the secret
// token, whose file holds a database's address.
func inDatabase(sql string) string {
	return `
schema = 1
name = "one"
[vars]
token = { secret = true }
[[phase]]
id = "act"
  [[phase.step]]
  id = "it"
  undo = "none: a test"
  verify = "done"
  during = ["done", "nobody-waits"]
  run.command = { secrets = ["token"], sh = '''psql -X -v ON_ERROR_STOP=1 "$TOKEN" -c "` + sql + `" & echo $! > pid; wait $!''' }
  [[phase.step]]
  id = "done"
  check.file = { path = "done" }
  [[phase.step]]
  id = "nobody-waits"
  check.postgres = { query = "blocking_tree", dsn = "token" }
`
}

// onServer begins a run whose secret leads to a server, with a role.
func onServer(t *testing.T, s *server, role, toml string) *fixture {
	t.Helper()
	f := begin(t, toml)
	f.write("token", s.url(role))
	return f
}

// start lets the command of step it run, and answers how it ends.
func (f *fixture) start() <-chan error {
	f.t.Helper()
	ended := make(chan error, 1)
	go func() {
		ended <- f.Do(context.WithoutCancel(f.t.Context()), Intent{Kind: RunStep, Step: "it", Seen: f.seen("it")})
	}()
	f.t.Cleanup(func() { // whatever fails: nothing goes on
		if f.State().Steps["it"].State == Running {
			_ = f.cancel("it")
			<-ended
		}
	})
	return ended
}

func (f *fixture) seen(step string) uint64 {
	if st := f.State().Steps[step]; st != nil {
		return st.Seen
	}
	return 0
}

// backend waits until the one session of the command is as wanted.
func (f *fixture) backend(wanted func(check.Backend) bool) check.Backend {
	f.t.Helper()
	var found check.Backend
	waitFor(f.t, func() bool {
		for _, server := range f.Live("it").Servers {
			for _, b := range server.Activity.Backends {
				if wanted(b) {
					found = b
					return true
				}
			}
		}
		return false
	})
	return found
}

func works(b check.Backend) bool { return b.Works() }

func TestBackends(t *testing.T) {
	t.Parallel()
	s := postgres(t)
	admin := s.session(t, "admin", "test")
	exe(t, admin, `CREATE ROLE mig LOGIN PASSWORD '`+serverPassword+`'; CREATE ROLE eve LOGIN PASSWORD '`+serverPassword+`' IN ROLE mig; GRANT pg_monitor TO mig;
		GRANT CREATE ON SCHEMA public TO mig; CREATE ROLE plain LOGIN PASSWORD '`+serverPassword+`'`)
	for name, test := range map[string]func(*testing.T, *server){
		"a migration blocked by an idle transaction":     blockedMigration,
		"a client that was killed":                       killedClient,
		"a session over which its run was left":          leftSession,
		"a server that can't be asked":                   unaskedServer,
		"nobody else's session is cancelled":             foreignSession,
		"a verify that passes while the session works":   passedTooEarly,
		"a secret that leads to no database asks nobody": noDatabase,
		"a database of the command's own host":           ownHost,
		"a migration of which a part is done":            halfMigration,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, s)
		})
	}
}

func blockedMigration(t *testing.T, s *server) {
	owner, eve := s.session(t, "mig", "test"), s.session(t, "eve", "psql")
	exe(t, owner, "CREATE TABLE blocked (id int)")
	exe(t, eve, "BEGIN")
	exe(t, eve, "SELECT count(*) FROM blocked")
	f := onServer(t, s, "mig", inDatabase("ALTER TABLE blocked ADD locale text DEFAULT 'x'"))
	ended := f.start()
	ours := f.backend(func(b check.Backend) bool { return b.Blocked })
	if by := ours.Blockers; len(by) != 1 || by[0].PID != int(eve.PgConn().PID()) || by[0].App != "psql" || by[0].User != "eve" || by[0].State != "idle in transaction" {
		t.Errorf("blocked by %+v", by)
	}
	for range 2 {
		waiter := s.session(t, "mig", "tickr")
		ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, _ = waiter.Exec(ctx, "SELECT count(*) FROM blocked")
		}()
		t.Cleanup(func() { stop(); <-done })
	}
	waitFor(t, func() bool { return f.Live("it").Servers[0].Activity.Behind == 2 })
	l := f.Live("it")
	if !l.Running || l.Attempt != 1 || l.App != "runbook "+f.run.ID[:8]+" it.1" || l.Servers[0].Where != "127.0.0.1:"+s.port+"/postgres" || l.Servers[0].Unknown != "" {
		t.Errorf("live is %+v", l)
	}
	waitFor(t, func() bool { return f.Live("it").During[1].Result.Verdict == steps.Fail })
	if during := f.Live("it").During; during[0].Step != "done" || during[0].Result.Verdict != steps.Fail || !strings.Contains(during[1].Result.Reason, "eve (idle in transaction)") {
		t.Errorf("during: %+v", during)
	}
	f.write("done", "")
	waitFor(t, func() bool { return f.Live("it").During[0].Result.Verdict == steps.Pass })
	must(t, os.Remove(filepath.Join(f.dir, "done")))

	f.do(Cancel, "it")
	must(t, <-ended)
	f.want("it", Unknown)
	// psql has its session cancel the statement, unless it is killed before.
	if left := f.LiveNow(t.Context(), "it").Servers[0]; left.has(ours.PID) {
		if err := f.try(CancelBackend, "it", strconv.Itoa(ours.PID)); err != nil && !errors.Is(err, ErrNotNow) {
			t.Error(err)
		}
	}
	waitFor(t, func() bool { l := f.Live("it"); return !l.Running && len(l.Servers[0].Activity.Backends) == 0 })
	if during := f.Live("it").During; during != nil {
		t.Errorf("still looked at after its end: %+v", during)
	}
	saw := fmt.Sprint(f.State().Steps["it"].Result.Evidence)
	if want := fmt.Sprintf(`by pid %d, "psql" of "eve", idle in transaction`, eve.PgConn().PID()); !strings.Contains(saw, want) {
		t.Errorf("its result says %s, want %s", saw, want)
	}
	f.do(Recheck, "it")
	f.want("it", Failed)
	exe(t, eve, "COMMIT") // it was left alone
}

func killedClient(t *testing.T, s *server) {
	f := onServer(t, s, "mig", inDatabase("SELECT pg_sleep(600)"))
	ended := f.start()
	ours := f.backend(works)
	text, err := os.ReadFile(filepath.Join(f.dir, "pid"))
	must(t, err)
	psql, err := strconv.Atoi(strings.TrimSpace(string(text)))
	must(t, err)
	must(t, syscall.Kill(psql, syscall.SIGKILL))
	must(t, <-ended)
	f.want("it", Failed) // and its session goes on
	waitFor(t, func() bool { l := f.Live("it"); return !l.Running && len(l.Servers) == 1 && l.Servers[0].has(ours.PID) })

	f.do(Recheck, "it")
	f.want("it", Unknown)
	if st := f.State().Steps["it"]; !strings.Contains(st.Result.Reason, fmt.Sprintf("still running: pid %d at 127.0.0.1:%s/postgres, active", ours.PID, s.port)) {
		t.Errorf("verify says %q", st.Result.Reason)
	}
	f.do(CancelBackend, "it", strconv.Itoa(ours.PID))
	waitFor(t, func() bool { return len(f.Live("it").Servers[0].Activity.Backends) == 0 })
	want := []string{
		fmt.Sprintf("it: asking PostgreSQL to cancel pid %d, if it is of %q", ours.PID, f.run.appName("it", 1)),
		fmt.Sprintf("it: pid %d at 127.0.0.1:%s/postgres was cancelled, and works no longer", ours.PID, s.port),
	}
	if got := f.notes(); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("the log says %q", got)
	}
	if err := f.try(CancelBackend, "it", strconv.Itoa(ours.PID)); !errors.Is(err, ErrNotNow) {
		t.Errorf("cancelling it twice: %v", err)
	}
	f.do(Recheck, "it")
	f.want("it", Failed)
	if st := f.State().Steps["it"]; !strings.HasPrefix(st.Reason, "not done") {
		t.Errorf("verify says %q", st.Reason)
	}
}

func leftSession(t *testing.T, s *server) {
	f := onServer(t, s, "mig", inDatabase("SELECT pg_sleep(600)"))
	f.start()
	ours := f.backend(works)
	f.reopen()
	l := f.LiveNow(t.Context(), "it")
	if !l.Running || len(l.Servers) != 1 || !l.Servers[0].has(ours.PID) {
		t.Fatalf("after resume: %+v", l)
	}
	f.do(CancelBackend, "it", strconv.Itoa(ours.PID)) // psql ends with an error, and so does the command
	waitFor(t, func() bool { return f.State().Steps["it"].State == Failed })
	if exit := f.State().Steps["it"].Exit; exit == nil || *exit != 1 {
		t.Errorf("exit %v", exit)
	}
	if got := f.notes(); len(got) != 2 || !strings.HasSuffix(got[1], "works no longer") {
		t.Errorf("the log says %q", got)
	}
}

func unaskedServer(t *testing.T, s *server) {
	f := onServer(t, s, "mig", inDatabase("SELECT pg_sleep(600)"))
	f.write("token", strings.Replace(s.url("mig"), serverPassword, "wr0ng-Passw", 1))
	ended := f.start()
	waitFor(t, func() bool { return len(f.Live("it").Servers) == 1 })
	if l := f.Live("it"); !strings.Contains(l.Servers[0].Unknown, "credentials of token are refused") || strings.Contains(fmt.Sprint(l), "wr0ng") {
		t.Errorf("live is %+v", l)
	}
	must(t, <-ended)
	f.want("it", Failed)
	f.do(Recheck, "it")
	st := f.State().Steps["it"]
	if st.State != Failed || !strings.Contains(fmt.Sprint(st.Result.Evidence), "its sessions not seen: the credentials of token are refused") {
		t.Errorf("verify says %s, %+v", st.State, st.Result)
	}
}

func foreignSession(t *testing.T, s *server) {
	f := onServer(t, s, "mig", inDatabase("SELECT pg_sleep(600)"))
	f.start()
	ours := f.backend(works)
	other := s.session(t, "mig", "test")
	for _, pid := range []string{strconv.Itoa(int(other.PgConn().PID())), "0", "-1", "", "x", strconv.Itoa(ours.PID) + " "} {
		if err := f.Do(t.Context(), Intent{Kind: CancelBackend, Step: "it", Text: pid}); !errors.Is(err, ErrNotNow) {
			t.Errorf("cancel-backend of %q: %v", pid, err)
		}
	}
	// What was seen may have moved on: the server itself holds pid against name.
	c := f.company["it"]
	if sent, err := f.cancelAt(t.Context(), c, c.doors[0], int(other.PgConn().PID())); sent || err != nil {
		t.Errorf("sent %v, %v", sent, err)
	}
	if notes := f.notes(); notes != nil {
		t.Errorf("the log says %q", notes)
	}
	// A role that sees the session, and may not cancel it.
	f.write("token", s.url("plain"))
	f.reopen()
	waitFor(t, func() bool { l := f.Live("it"); return len(l.Servers) == 1 && l.Servers[0].has(ours.PID) })
	err := f.try(CancelBackend, "it", strconv.Itoa(ours.PID))
	if err == nil || !strings.Contains(err.Error(), "role plain may not cancel it") {
		t.Errorf("cancel by a role that may not: %v", err)
	}
	if notes := f.notes(); len(notes) != 2 || !strings.Contains(notes[1], "was not cancelled: role plain may not cancel it") {
		t.Errorf("the log says %q", notes)
	}
	f.want("it", Running)
}

func passedTooEarly(t *testing.T, s *server) {
	f := onServer(t, s, "mig", strings.Replace(inDatabase("SELECT pg_sleep(600)"), "wait $!", "exit 7", 1))
	f.write("done", "")
	must(t, <-f.start()) // it leaves psql behind
	f.want("it", Failed)
	ours := f.backend(works)
	f.do(Recheck, "it")
	f.want("it", Unknown)
	f.do(CancelBackend, "it", strconv.Itoa(ours.PID))
	waitFor(t, func() bool { return len(f.Live("it").Servers[0].Activity.Backends) == 0 })
	f.do(Recheck, "it")
	f.want("it", Passed)
	if l := f.Live("it"); l.Step != "" {
		t.Errorf("still looked at: %+v", l)
	}
}

// ownHost: what 127.0.0.1 means to a command on another host is not here.
func ownHost(t *testing.T, s *server) {
	c := &companion{step: &book.Step{On: []string{"app"}}, app: "test"}
	for url, local := range map[string]bool{s.url("mig"): true, "postgres://a@localhost/x": true, "host=/run/pg user=a": true, "postgres://a@192.0.2.1/x": false} {
		d, ok := check.NewDatabase("token", steps.NewSecret(url), &steps.World{})
		if !ok || d.Local() != local {
			t.Errorf("%s: local %v", url, d.Local())
		}
		if _, err := c.backends(t.Context(), d); local && (err == nil || !strings.Contains(err.Error(), "own host")) {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func halfMigration(t *testing.T, s *server) {
	owner := s.session(t, "mig", "test")
	exe(t, owner, `CREATE TABLE public.migrations (id serial, "timestamp" bigint, name varchar); INSERT INTO migrations ("timestamp", name) VALUES (1700000000001, 'A1700000000001')`)
	toml := inDatabase(`INSERT INTO migrations (\"timestamp\", name) VALUES (1700000000002, 'B1700000000002')`)
	toml = strings.Replace(toml, "wait $!", "wait $!; exit 1", 1)
	toml = strings.Replace(toml, `check.file = { path = "done" }`, `check.postgres = { query = "migrations", dsn = "token", files = "*.ts" }`, 1)
	toml = strings.Replace(toml, `  [[phase.step]]
  id = "it"`, `  [[phase.step]]
  id = "plan"
  check.postgres = { query = "migrations", dsn = "token", files = "*.ts", pending = "any" }
  [[phase.step]]
  id = "it"`, 1)
	f := onServer(t, s, "mig", toml)
	for _, name := range []string{"A1700000000001", "B1700000000002", "C1700000000003"} {
		f.write(name+".ts", "export class "+name+" implements MigrationInterface {}")
	}
	f.do(Check, "")
	f.want("plan", Passed)
	must(t, <-f.start())
	f.want("it", Failed)
	f.do(Recheck, "it")
	f.want("it", Failed)
	if st := f.State().Steps["it"]; !st.Partly || !strings.HasPrefix(st.Reason, "partly done: pending 1 of 2: 1 pending, the first is C1700000000003") {
		t.Errorf("verify says %+v", st)
	}
}

func noDatabase(t *testing.T, _ *server) {
	f := begin(t, strings.Replace(tiny, "test ! -e broken", "echo $PGAPPNAME > app; while test ! -e go; do sleep 0.02; done", 1))
	f.toAct()
	ended := make(chan error, 1)
	go func() { ended <- f.try(RunStep, "make") }()
	waitFor(t, func() bool {
		app, _ := os.ReadFile(filepath.Join(f.dir, "app"))
		return strings.HasSuffix(string(app), "make.1\n")
	})
	waitFor(t, func() bool { return f.Live("make").Running })
	if l := f.LiveNow(t.Context(), "make"); len(l.Servers) != 0 || l.Step != "make" {
		t.Errorf("live is %+v", l)
	}
	f.write("go", "")
	must(t, <-ended)
	entries, err := journal.Read(f.run.Dir)
	must(t, err)
	for _, e := range entries {
		if body, err := decode[runIntentBody](e); e.Kind == kindRunIntent && (err != nil || !strings.Contains(strings.Join(body.Env, " "), "PGAPPNAME")) {
			t.Errorf("the intent names the variables %q", body.Env)
		}
	}
}

func TestApplicationNamesFitAndDiffer(t *testing.T) {
	t.Parallel()
	r := &Run{ID: "7f3a91c2d4e5f60718293a4b5c6d7e8f"}
	if name := r.appName("migrate", 1); name != "runbook 7f3a91c2 migrate.1" {
		t.Errorf("%q", name)
	}
	long := strings.Repeat("a", 63)
	one, two := r.appName(long+"b", 12), r.appName(long+"c", 12)
	if len(one) != maxApp || len(two) != maxApp || one == two || !strings.HasSuffix(one, ".12") {
		t.Errorf("%q and %q", one, two)
	}
}
