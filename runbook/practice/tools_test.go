package practice

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// get sends one request to the service; the answer is its JSON.
func get(t *testing.T, w *World, method, path, token string, body any) (int, map[string]any) {
	t.Helper()
	return getFrom(t, w.info.Load().Service, method, path, token, body)
}

func getFrom(t *testing.T, addr, method, path, token string, body any) (int, map[string]any) {
	t.Helper()
	code, answer, err := apiClient{base: "http://" + addr}.send(deadline(t), method, path, token, body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return code, answer
}

// rows reads public.migrations with the deploy role.
func rows(t *testing.T, w *World) []string {
	t.Helper()
	conn, err := pgx.Connect(deadline(t), databaseURL(t, w))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background()) //nolint:errcheck // only read
	found, err := conn.Query(t.Context(), "SELECT name FROM public.migrations ORDER BY id")
	if err != nil {
		t.Fatal(err)
	}
	names, err := pgx.CollectRows(found, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func databaseURL(t *testing.T, w *World) string {
	t.Helper()
	secret, err := w.Steps().Secret(t.Context(), "database_url")
	if err != nil {
		t.Fatal(err)
	}
	return secret.Reveal()
}

// TestRelease takes one world through what changes its state, one after the
// other; each leaves the files of the application as they were.
func TestRelease(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, part := range []struct {
		name string
		test func(*testing.T, *World)
	}{{"docker", testDocker}, {"scripts", testScripts}, {"failed migration", testFailedMigration}, {"migrations", testMigrations}} {
		t.Run(part.name, func(t *testing.T) { part.test(t, w) })
	}
}

func testMigrations(t *testing.T, w *World) {
	t.Helper()
	url := []string{"DATABASE_URL=" + databaseURL(t, w)}
	before := rows(t, w)
	if len(before) != appliedAtStart {
		t.Fatalf("at start: %v", before)
	}
	show := doEnv(t, w, url, "npm", "run", "typeorm", "--", "migration:show", "-d", "src/data-source.ts").want(t, 0)
	if strings.Count(show.out, "[X]") != 3 || strings.Count(show.out, "[ ]") != 3 {
		t.Errorf("show: %s", show.out)
	}
	if r := do(t, w, "npm", "run", "migration:run").want(t, 1); !strings.Contains(r.err, "DATABASE_URL is not set") || !slices.Equal(rows(t, w), before) {
		t.Errorf("without DATABASE_URL: %+v", r)
	}
	doEnv(t, w, []string{"DATABASE_URL=postgres://u@198.51.100.7/tickr"}, "npm", "run", "migration:run").want(t, 97)

	ran := doEnv(t, w, url, "npm", "run", "migration:run").want(t, 0)
	if !strings.Contains(ran.out, "query: ALTER TABLE users.users ADD COLUMN locale") || len(rows(t, w)) != 6 {
		t.Errorf("run: %s\n%v", ran.out, rows(t, w))
	}
	doEnv(t, w, url, "npm", "run", "migration:revert").want(t, 0)
	if after := rows(t, w); len(after) != 5 || slices.Contains(after, "CreateAuditEvents1763596800000") {
		t.Errorf("after the revert: %v", after)
	}
	if r := doEnv(t, w, url, "npm", "run", "typeorm", "--", "migration:show").want(t, 1); !strings.Contains(r.err, "dataSource") {
		t.Errorf("without -d: %+v", r)
	}
	one := doEnv(t, w, url, "npm", "run", "typeorm", "--", "query", "SELECT 1 AS one", "-d", "src/data-source.ts").want(t, 0)
	if !strings.Contains(one.out, `"one": 1`) {
		t.Errorf("query: %s", one.out)
	}
}

func testFailedMigration(t *testing.T, w *World) {
	t.Helper()
	file := filepath.Join(w.Steps().Dir, "src", "migrations", "1763596800000-CreateAuditEvents.ts")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	broken := strings.Replace(string(text), "CREATE INDEX", "CREATE NONSENSE", 1)
	if broken == string(text) {
		t.Fatal("nothing was broken")
	}
	if err := os.WriteFile(file, []byte(broken), 0o600); err != nil { // #nosec G703 -- in the world
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.WriteFile(file, text, 0o600); err != nil { // #nosec G703 -- in the world
			t.Error(err)
		}
	})
	before := rows(t, w)
	r := doEnv(t, w, []string{"DATABASE_URL=" + databaseURL(t, w)}, "npm", "run", "migration:run").want(t, 1)
	if !strings.Contains(r.out, "ROLLBACK") || !slices.Equal(rows(t, w), before) {
		t.Errorf("after a failure: %v\n%s", rows(t, w), r.out)
	}
}

func testDocker(t *testing.T, w *World) {
	t.Helper()
	addr := w.info.Load().Service
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	docker := func(args ...string) result { t.Helper(); return do(t, w, "docker", args...) }
	old := strings.TrimSpace(docker("inspect", "-f", "{{.Image}}", "tickr-backend").want(t, 0).out)
	if !strings.HasPrefix(old, "sha256:") || len(old) != 71 {
		t.Errorf("image id %q", old)
	}
	// It tells what it did, and of a Dockerfile that nothing of it was run.
	built := docker("build", "-t", "tickr-backend:1.8.2", ".").want(t, 0).err
	id := strings.TrimSpace(docker("image", "inspect", "--format", "{{.Id}}", "tickr-backend:1.8.2").want(t, 0).out)
	if !strings.Contains(built, "7 instructions, read; the practice world runs none") || !strings.Contains(built, "image "+id) || strings.Contains(built, "npm ci") {
		t.Errorf("build says %s", built)
	}
	broken := filepath.Join(t.TempDir(), "Dockerfile")
	if err := os.WriteFile(broken, []byte("FROM node \\\n  AS build\nRAN npm ci\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	relative, err := filepath.Rel(w.Steps().Dir, broken)
	if err != nil {
		t.Fatal(err)
	}
	if r := docker("build", "-f", relative, ".").want(t, 1); !strings.Contains(r.err, "line 3: unknown instruction: RAN") {
		t.Errorf("build of a broken Dockerfile: %+v", r)
	}
	docker("tag", "tickr-backend:1.8.1", "tickr-backend:previous").want(t, 0)
	if same := strings.TrimSpace(docker("image", "inspect", "--format", "{{.Id}}", "tickr-backend:previous").want(t, 0).out); same != old {
		t.Errorf("tagged %s, want %s", same, old)
	}
	run := []string{"run", "-d", "--name", "tickr-backend", "-p", port + ":" + port, "--env-file", ".env.production", "--", "tickr-backend:1.8.2"}
	if r := docker(run...).want(t, 125); !strings.Contains(r.err, `Conflict. The container name "/tickr-backend" is already in use`) {
		t.Errorf("conflict: %s", r.err)
	}
	docker("rename", "tickr-backend", "tickr-backend-old").want(t, 0)
	if r := docker(run...).want(t, 125); !strings.Contains(r.err, "port is already allocated") {
		t.Errorf("port: %s", r.err)
	}
	docker("rm", "tickr-backend").want(t, 0)
	if r := docker("stop", "tickr-backend-old").want(t, 0); r.out != "tickr-backend-old\n" {
		t.Errorf("stop says %q", r.out)
	}
	if listens(t, addr) {
		t.Fatal("the port is open after docker stop")
	}
	docker(run...).want(t, 0)
	if code, health := get(t, w, "GET", "/api/health", "", nil); code != 200 || health["version"] != "1.8.2" {
		t.Errorf("health: %d %v", code, health)
	}
	state := docker("inspect", "--format", "{{.State.Status}} {{.State.Running}} {{.RestartCount}}", "tickr-backend").want(t, 0)
	if state.out != "running true 0\n" {
		t.Errorf("state %q", state.out)
	}
	if names := docker("ps", "-a", "--filter", "name=tickr-backend", "--format", "{{.Names}} {{.State}}").want(t, 0).out; names != "tickr-backend running\ntickr-backend-old exited\n" {
		t.Errorf("ps: %q", names)
	}
	if log := docker("logs", "tickr-backend", "--tail", "1").want(t, 0).out; !strings.Contains(log, `"path":"/api/health"`) || strings.Count(log, "\n") != 1 {
		t.Errorf("logs: %q", log)
	}
}

func TestDockerRefusals(t *testing.T) {
	t.Parallel()
	w := sharedWith(t)
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"stop", "nope"}, 1, "Error response from daemon: No such container: nope"},
		{[]string{"logs", "nope"}, 1, "No such container: nope"},
		{[]string{"inspect", "nope"}, 1, "No such object: nope"},
		{[]string{"run", "-d", "nope:1"}, 125, "Unable to find image 'nope:1' locally"},
		{[]string{"run", "-d", "--env-file", "nope.env", "tickr-backend:1.8.1"}, 125, "open nope.env: no such file or directory"},
		{[]string{"rm", "tickr-backend"}, 1, "container is running"},
		{[]string{"run", "-d", "--privileged", "tickr-backend:1.8.1"}, 97, "docker: not simulated in the practice world"},
		{[]string{"system", "prune"}, 97, "docker: not simulated in the practice world: docker system prune"},
		{[]string{"exec", "tickr-backend", "sh"}, 97, "not simulated"},
	} {
		if r := do(t, w, "docker", c.args...); r.code != c.code || !strings.Contains(r.err, c.says) {
			t.Errorf("docker %v: %+v", c.args, r)
		}
	}
	for _, name := range []string{"npx", "systemctl", "git"} {
		if r := do(t, w, name, "get", "pods"); r.code != 97 || !strings.Contains(r.err, name+": not simulated in the practice world") {
			t.Errorf("%s: %+v", name, r)
		}
	}
	do(t, w, "npm", "install").want(t, 97)
	if r := do(t, w, "npm", "run", "nope").want(t, 1); !strings.Contains(r.err, "Missing script") {
		t.Errorf("npm run nope: %+v", r)
	}
}

func TestBrokenEnvironmentExits(t *testing.T) {
	t.Parallel()
	w := sharedWith(t)
	if err := os.WriteFile(filepath.Join(w.Steps().Dir, "broken.env"), []byte("NODE_ENV=production\nBCRYPT_ROUNDS=many\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	do(t, w, "docker", "run", "-d", "--name", "broken", "--env-file", "broken.env", "tickr-backend:1.8.1").want(t, 0)
	if state := do(t, w, "docker", "inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", "broken").want(t, 0).out; state != "exited 1\n" {
		t.Errorf("state %q", state)
	}
	if log := do(t, w, "docker", "logs", "broken").want(t, 0).out; !strings.Contains(log, "JWT_SECRET is required") || !strings.Contains(log, "BCRYPT_ROUNDS") {
		t.Errorf("log %q", log)
	}
}

func testScripts(t *testing.T, w *World) {
	t.Helper()
	for _, name := range []string{"test", "test:e2e", "test:arch", "build", "lint:check"} {
		do(t, w, "npm", "run", name).want(t, 0)
	}
	do(t, w, "npm", "test").want(t, 0)
	// A suite that can't fail shows nothing.
	file := filepath.Join(w.Steps().Dir, "src", "migrations", "1763596800001-Wrong.ts")
	if err := os.WriteFile(file, []byte("export class Wrong1763596800000 implements MigrationInterface {} \n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.Remove(file); err != nil {
			t.Error(err)
		}
	})
	for _, name := range []string{"test:arch", "lint:check"} {
		if r := do(t, w, "npm", "run", name).want(t, 1); !strings.Contains(r.out, "up runs no query") {
			t.Errorf("%s: %s", name, r.out)
		}
	}
}

func TestClientsLeadHome(t *testing.T) {
	t.Parallel()
	w := sharedWith(t)
	if _, err := exec.LookPath("psql"); err != nil {
		t.Skip(err)
	}
	url := databaseURL(t, w)
	if r := do(t, w, "psql", "-At", "-c", "select count(*) > 100 from users.users", url).want(t, 0); r.out != "t\n" {
		t.Errorf("psql: %+v", r)
	}
	do(t, w, "pg_restore", "-f", "/dev/null", "users_backup.dump").want(t, 0)
	// A restore drill beside the database, as the deploying role.
	do(t, w, "psql", "-c", "CREATE DATABASE users_restore", url).want(t, 0)
	scratch := strings.Replace(url, "/tickr?", "/users_restore?", 1)
	do(t, w, "pg_restore", "--exit-on-error", "--single-transaction", "--no-owner", "--dbname="+scratch, "users_backup.dump").want(t, 0)
	if r := do(t, w, "psql", "-At", "-c", "select count(*) from users.users", scratch).want(t, 0); r.out != "400\n" {
		t.Errorf("restored: %+v", r)
	}
	do(t, w, "psql", "-c", "DROP DATABASE users_restore", url).want(t, 0)
	for _, args := range [][]string{
		{"-h", "198.51.100.7", "-c", "select 1"},
		{"-c", "select 1"},
		{"host=198.51.100.7"},
		{"--dbname=postgres://u@198.51.100.7/x"},
		{url, "-h", "198.51.100.7"},
		{url + "&hostaddr=198.51.100.7"},
	} {
		if r := do(t, w, "psql", args...); r.code != 97 || strings.Contains(r.err, url) {
			t.Errorf("psql %v: %+v", args, r)
		}
	}
}

func TestNodeInTheForeground(t *testing.T) {
	t.Parallel()
	w := newBare(t, t.TempDir())
	world := w.Steps()
	do(t, w, "docker", "stop", "tickr-backend").want(t, 0)
	do(t, w, "node", "dist/main.js").want(t, 1)
	do(t, w, "npm", "run", "build").want(t, 0)
	cmd := exec.CommandContext(deadline(t), filepath.Join(w.Dir(), "bin", "node"), "dist/main.js")
	cmd.Dir, cmd.Env = world.Dir, append(world.Env, "NODE_ENV=production")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 256)
	if n, err := out.Read(buf); err != nil || !strings.Contains(string(buf[:n]), " listening") {
		t.Errorf("node says %q, %v", buf[:n], err)
	}
	conn, err := world.Dial(deadline(t), "tcp", w.info.Load().Service)
	if err != nil {
		t.Error(err)
	} else if err := conn.Close(); err != nil {
		t.Error(err)
	}
	end(t, w)
	if err := cmd.Wait(); err == nil {
		t.Error("the service outlived its world")
	}
	// newWorld stops it once more, and finds it gone.
}

func TestShimWithoutWorld(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	shim := filepath.Join(dir, "docker")
	if err := os.Symlink(exe, shim); err != nil {
		t.Fatal(err)
	}
	for _, env := range [][]string{{}, {worldEnv + "=" + dir}, {worldEnv + "=relative"}} {
		cmd := exec.CommandContext(deadline(t), shim, "ps")
		cmd.Env = env
		if out, _ := cmd.CombinedOutput(); cmd.ProcessState.ExitCode() != 97 {
			t.Errorf("with %v: exit %d, %s", env, cmd.ProcessState.ExitCode(), out)
		}
	}
}

// A docker of the host leaves a mark if anything runs it.
func TestHostDockerStaysUntouched(t *testing.T) {
	host := t.TempDir()
	mark := filepath.Join(host, "mark")
	for _, name := range []string{"docker", "npm", "kubectl", "git"} {
		if err := os.WriteFile(filepath.Join(host, name), []byte("#!/bin/sh\necho $0 >> "+mark+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", host+":"+os.Getenv("PATH"))
	if out, err := exec.CommandContext(deadline(t), "docker").CombinedOutput(); err != nil {
		t.Fatalf("the sentinel does not work: %v %s", err, out)
	}
	if err := os.Remove(mark); err != nil {
		t.Fatal(err)
	}
	w := newBare(t, t.TempDir())
	do(t, w, "sh", "-c", "docker ps && npm test && kubectl get pods; git status; exit 0").want(t, 0)
	if text, err := os.ReadFile(mark); err == nil {
		t.Errorf("the host's programs ran: %s", text)
	}
}
