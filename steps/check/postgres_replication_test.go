package check_test

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"runbook/steps"
	"runbook/steps/check"
)

// standby copies the cluster, as pg_basebackup does, into one that will stream
// from it; it is not started yet.
func (c *cluster) standby(t *testing.T, bin string) (copied *cluster, data string) {
	t.Helper()
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	data = filepath.Join(c.dir, "standby")
	cmd := c.command(filepath.Join(bin, "pg_basebackup"), "--pgdata="+data, "--host=127.0.0.1", "--port="+c.port, "--username=admin", "--write-recovery-conf", "--checkpoint=fast", "--no-sync", "--no-verify-checksums")
	cmd.Env = append(cmd.Env, "PGPASSWORD="+adminPassword)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("pg_basebackup: %v\n%s", err, out)
	}
	return &cluster{dir: c.dir, port: port, roots: c.roots, account: c.account}, data
}

func (c *cluster) stop() {
	_ = c.process.Process.Signal(syscall.SIGINT)
	_ = c.process.Wait() // it ends by a signal
}

func TestPostgresReplication(t *testing.T) {
	t.Parallel()
	c := postgres(t)
	bin, err := postgresBinaries()
	if err != nil {
		t.Fatal(err)
	}
	conn := c.database(t, "streamed")
	ask := func(of *cluster, role string, q check.Postgres) steps.Result {
		t.Helper()
		q.DSN = "db"
		return do(t, &q, of.asks(t, role, "streamed", "verify-full"))
	}
	want(t, ask(c, "streamed", check.Postgres{Query: "replication"}), steps.Unknown, "grant it pg_monitor")
	want(t, ask(c, "streamed_sees", check.Postgres{Query: "replication"}), steps.Fail, "0 standbys stream, wanted at least 1")
	want(t, ask(c, "streamed_sees", check.Postgres{Query: "standby"}), steps.Fail, "the server is no standby")
	want(t, ask(c, "streamed_sees", check.Postgres{Query: "checksums"}), steps.Pass, "")

	slots(t, c, conn)
	silence(t, c, conn)
	untilSome(t, conn, "SELECT count(*) FROM (SELECT 1 HAVING NOT EXISTS (SELECT 1 FROM pg_stat_replication)) s")
	// With checksums the first who reads a page, autovacuum too, marks its rows and
	// logs all of it, which would mend the standby's. Of frozen rows nothing is left
	// to mark.
	exe(t, conn, "CREATE TABLE pages WITH (autovacuum_enabled = off) AS SELECT n FROM generate_series(1, 1000) n; GRANT SELECT ON pages TO streamed_sees")
	exe(t, conn, "COMMENT ON DATABASE streamed IS 'shared by all databases'")
	exe(t, conn, "VACUUM (FREEZE) pages, pg_shdescription")
	exe(t, conn, "CHECKPOINT")
	var path, shared string
	if err := conn.QueryRow(t.Context(), "SELECT pg_relation_filepath('pages'), pg_relation_filepath('pg_shdescription')").Scan(&path, &shared); err != nil {
		t.Fatal(err)
	}
	s, data := c.standby(t, bin)
	spoil(t, filepath.Join(data, path))
	spoil(t, filepath.Join(data, shared))
	if err := s.serve(bin, data); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.stop() })
	untilSome(t, conn, "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'")
	exe(t, conn, "CREATE TABLE replayed AS SELECT 1 AS n")
	untilSome(t, conn, "SELECT count(*) FROM pg_stat_replication WHERE replay_lag IS NOT NULL OR replay_lsn = pg_current_wal_lsn()")
	want(t, ask(c, "streamed_sees", check.Postgres{Query: "replication"}), steps.Pass, "")
	want(t, ask(c, "streamed_sees", check.Postgres{Query: "replication", Min: "2"}), steps.Fail, "1 standbys stream, wanted at least 2")
	want(t, ask(s, "streamed_sees", check.Postgres{Query: "standby", Max: short(time.Hour)}), steps.Pass, "")
	want(t, ask(s, "streamed", check.Postgres{Query: "standby"}), steps.Unknown, "grant it pg_monitor")
	want(t, ask(s, "streamed_sees", check.Postgres{Query: "replication"}), steps.Unknown, "ask the primary")
	want(t, ask(s, "streamed_sees", check.Postgres{Query: "version", Min: "14"}), steps.Fail, "the server is a standby")

	there := s.connect(t, "streamed")
	want(t, ask(s, "streamed_sees", check.Postgres{Query: "checksums"}), steps.Pass, "")
	if _, err := there.Exec(t.Context(), "SELECT count(*) FROM pg_shdescription"); err == nil || !strings.Contains(err.Error(), "invalid page") {
		t.Fatalf("a spoilt page was read: %v", err)
	}
	want(t, ask(s, "streamed_sees", check.Postgres{Query: "checksums"}), steps.Fail, "1 pages were read damaged")
	exe(t, conn, "SELECT count(*) FROM pages; CREATE TABLE afterwards AS SELECT 1 AS n")
	untilSome(t, there, "SELECT count(*) FROM pg_class WHERE relname = 'afterwards'")
	if _, err := there.Exec(t.Context(), "SELECT count(*) FROM pages"); err == nil || !strings.Contains(err.Error(), "invalid page") {
		t.Fatalf("a spoilt page was read: %v", err)
	}
	want(t, ask(s, "streamed_sees", check.Postgres{Query: "checksums"}), steps.Fail, "2 pages were read damaged")

	exe(t, there, "SELECT pg_wal_replay_pause()")
	exe(t, conn, "CREATE TABLE more AS SELECT 1 AS n")
	untilSome(t, conn, "SELECT count(*) FROM pg_stat_replication WHERE replay_lag > interval '1 millisecond'")
	want(t, ask(c, "streamed_sees", check.Postgres{Query: "replication", Max: short(time.Nanosecond)}), steps.Fail, "behind, wanted at most 1ns")
	untilSome(t, there, "SELECT count(*) WHERE pg_get_wal_replay_pause_state() = 'paused'")
	want(t, ask(s, "streamed_sees", check.Postgres{Query: "standby"}), steps.Fail, "replay is paused")
	exe(t, there, "SELECT pg_wal_replay_resume()")
	exe(t, there, "ALTER SYSTEM SET primary_conninfo = ''")
	exe(t, there, "SELECT pg_reload_conf()")
	untilSome(t, conn, "SELECT count(*) FROM (SELECT 1 HAVING NOT EXISTS (SELECT 1 FROM pg_stat_replication)) s")
	want(t, ask(s, "streamed_sees", check.Postgres{Query: "standby"}), steps.Fail, "the receiver is none")

	s.stop()
	if out, err := c.command(filepath.Join(bin, "pg_checksums"), "--disable", "--pgdata="+data).CombinedOutput(); err != nil {
		t.Fatalf("pg_checksums: %v\n%s", err, out)
	}
	if err := s.serve(bin, data); err != nil {
		t.Fatal(err)
	}
	want(t, ask(s, "streamed_sees", check.Postgres{Query: "checksums"}), steps.Unknown, "has no data checksums")

	s.stop()
	if err := errors.Join(os.Remove(filepath.Join(data, "standby.signal")), appendLine(filepath.Join(data, "postgresql.conf"), "wal_level = logical")); err != nil {
		t.Fatal(err)
	}
	if err := s.serve(bin, data); err != nil {
		t.Fatal(err)
	}
	subscriber(t, s)
	want(t, ask(s, "streamed_sees", check.Postgres{Query: "replication"}), steps.Fail, "0 standbys stream, wanted at least 1")
}

// subscriber takes changes as a subscription does, or what feeds a search index:
// nobody can go on from there.
func subscriber(t *testing.T, c *cluster) {
	t.Helper()
	conn := c.connect(t, "streamed")
	exe(t, conn, "CREATE PUBLICATION everything FOR ALL TABLES")
	exe(t, conn, "SELECT pg_create_logical_replication_slot('reader', 'pgoutput')")
	walsender, err := pgconn.Connect(t.Context(), c.url("admin", adminPassword, "streamed", "disable")+"&replication=database")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = walsender.Close(context.Background()) })
	server := walsender.Frontend()
	server.SendQuery(&pgproto3.Query{String: "START_REPLICATION SLOT reader LOGICAL 0/0 (proto_version '1', publication_names 'everything')"})
	if err := server.Flush(); err != nil {
		t.Fatal(err)
	}
	untilSome(t, conn, "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'")
}

// spoil turns bits of a page.
func spoil(t *testing.T, path string) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteAt([]byte("spoilt"), 4000); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
}

// silence is of a standby that had caught up, and since then says nothing: the
// server has no lag of it, and bytes that it did not tell to have replayed.
func silence(t *testing.T, c *cluster, conn *pgx.Conn) {
	t.Helper()
	at, err := pgconn.ParseConfig(c.url("admin", adminPassword, "streamed", "disable"))
	if err != nil {
		t.Fatal(err)
	}
	at.RuntimeParams["replication"], at.RuntimeParams["application_name"] = "true", "mute"
	walsender, err := pgconn.ConnectConfig(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = walsender.Close(context.Background()) }()
	var start string
	if err := conn.QueryRow(t.Context(), "SELECT pg_current_wal_flush_lsn()::text").Scan(&start); err != nil {
		t.Fatal(err)
	}
	server := walsender.Frontend()
	server.SendQuery(&pgproto3.Query{String: "START_REPLICATION PHYSICAL " + start})
	for caughtUp := false; !caughtUp; {
		var sent int64
		if err := conn.QueryRow(t.Context(), "SELECT replay_lsn IS NOT NULL AND replay_lag IS NULL, coalesce(sent_lsn - '0/0', 0)::bigint FROM pg_stat_replication UNION ALL SELECT false, 0 LIMIT 1").Scan(&caughtUp, &sent); err != nil {
			t.Fatal(err)
		}
		if sent > 0 && !caughtUp {
			said := []byte{'r'}
			for _, n := range []int64{sent, sent, sent, 0} { // written, flushed, replayed, and when
				said = binary.BigEndian.AppendUint64(said, uint64(n))
			}
			server.Send(&pgproto3.CopyData{Data: append(said, 0)})
		}
		if err := server.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	exe(t, conn, "CREATE TABLE unheard AS SELECT 1 AS n")
	r := do(t, &check.Postgres{Query: "replication", DSN: "db"}, c.asks(t, "streamed_sees", "streamed", "verify-full"))
	want(t, r, steps.Unknown, "bytes to replay, and for how long is not known")
}

// slots are looked at while nothing replicates yet.
func slots(t *testing.T, c *cluster, conn *pgx.Conn) {
	t.Helper()
	ask := func(most string) steps.Result {
		t.Helper()
		return do(t, &check.Postgres{Query: "slots", DSN: "db", MaxSize: most}, c.asks(t, "streamed", "streamed", "verify-full"))
	}
	want(t, ask(""), steps.Pass, "")
	exe(t, conn, "SELECT pg_create_physical_replication_slot('dead', true)")
	want(t, ask(""), steps.Warn, "nobody reads slot dead")
	exe(t, conn, "CREATE TABLE filler AS SELECT n FROM generate_series(1, 1000) n")
	want(t, ask("1"), steps.Fail, "slot dead keeps")
	exe(t, conn, "SELECT pg_drop_replication_slot('dead')")
	want(t, ask("big"), steps.Unknown, "max_size")
}
