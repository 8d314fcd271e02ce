package check_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"runbook/steps"
	"runbook/steps/check"
)

// dumps puts PostgreSQL's programs into the path of a world.
func dumps(t *testing.T, w *steps.World) {
	t.Helper()
	bin, err := postgresBinaries()
	if err != nil {
		t.Fatal(err)
	}
	w.Env = []string{"PATH=" + bin + ":/usr/bin:/bin", "LANG=C.UTF-8"}
}

// dump writes a database as pg_dump does.
func (c *cluster) dump(t *testing.T, database, path string, args ...string) {
	t.Helper()
	bin, err := postgresBinaries()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), filepath.Join(bin, "pg_dump"), append(args, "--host=127.0.0.1", "--port="+c.port, "--username=admin", "--file="+path, database)...)
	cmd.Env = []string{"PATH=/usr/bin:/bin", "PGPASSWORD=" + adminPassword}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("pg_dump: %v\n%s", err, out)
	}
}

func TestBackupOfPostgreSQL(t *testing.T) {
	t.Parallel()
	c := postgres(t)
	conn := c.database(t, "dumped")
	exe(t, conn, "INSERT INTO users.users (password_hash) SELECT md5(n::text) FROM generate_series(1, 5000) n")
	w := world(t, nil)
	dumps(t, w)
	at := func(name string) string { return filepath.Join(w.Dir, name) }
	c.dump(t, "dumped", at("whole.dump"), "--format=custom")
	c.dump(t, "dumped", at("whole.tar"), "--format=tar")
	c.dump(t, "dumped", at("text.sql"))
	whole, err := os.ReadFile(at("whole.dump"))
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"cut.dump": whole[:len(whole)-200], "other.dump": append([]byte("PGDMP\x01\x63\x00"), whole[8:]...), "empty.dump": nil} {
		if err := os.WriteFile(at(name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// This is why all of it is read: the list is whole.
	want(t, do(t, &check.Command{Argv: []string{"pg_restore", "--list", "cut.dump"}}, w), steps.Pass, "")
	for file, expected := range map[string]struct {
		verdict steps.Verdict
		reason  string
	}{
		"whole.dump": {steps.Pass, ""},
		"whole.tar":  {steps.Pass, ""},
		"cut.dump":   {steps.Fail, "pg_restore can't read it"},
		"text.sql":   {steps.Fail, "text format dump"},
		"empty.dump": {steps.Fail, "pg_restore can't read it"},
		"other.dump": {steps.Unknown, "unsupported version"},
	} {
		want(t, do(t, &check.Backup{Files: file, Read: "pg_restore"}, w), expected.verdict, expected.reason)
	}
	w.Env = []string{"PATH=/nowhere"}
	want(t, do(t, &check.Backup{Files: "whole.dump", Read: "pg_restore"}, w), steps.Unknown, "pg_restore is not in the target's path")
}
