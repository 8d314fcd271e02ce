package check_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// cluster is a real, throwaway PostgreSQL server: scram, TLS, its own uid.
type cluster struct {
	dir, port string
	roots     *x509.CertPool
	account   *syscall.Credential // nil if we are not root
	process   *exec.Cmd
}

const adminPassword = "Adm1n-Pa55word"

var theCluster = sync.OnceValues(startCluster)

// stopCluster is nil until a test needed the cluster.
var stopCluster func()

func TestMain(m *testing.M) {
	code := m.Run()
	if stopCluster != nil {
		stopCluster()
	}
	os.Exit(code)
}

var errNoPostgres = errors.New("no PostgreSQL binaries on this machine")

func postgresBinaries() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		path, err = filepath.EvalSymlinks(path) // a link may stand alone
		return filepath.Dir(path), err
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", errNoPostgres
	}
	return filepath.Dir(found[len(found)-1]), nil
}

func startCluster() (*cluster, error) {
	bin, err := postgresBinaries()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("/tmp", "rbpg")
	if err != nil {
		return nil, err
	}
	c := &cluster{dir: dir}
	stopCluster = func() {
		if c.process != nil {
			_ = c.process.Process.Signal(syscall.SIGQUIT)
			_ = c.process.Wait()
		}
		_ = os.RemoveAll(dir)
	}
	if err := c.ownFiles(); err != nil {
		return nil, err
	}
	data := filepath.Join(dir, "data")
	made := c.command(filepath.Join(bin, "initdb"), "-D", data, "-U", "admin", "-A", "scram-sha-256", "--pwfile", filepath.Join(dir, "pw"), "-E", "UTF8", "--locale=C", "--data-checksums", "--no-sync")
	if out, err := made.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	// Not on the command line: a test changes it, and that would win.
	if err := appendLine(filepath.Join(data, "postgresql.conf"), "archive_command = 'true'"); err != nil {
		return nil, err
	}
	// Clients that come from an address that is not loopback's.
	if err := appendLine(filepath.Join(data, "pg_hba.conf"), "host all all samehost scram-sha-256"); err != nil {
		return nil, err
	}
	if c.port, err = freePort(); err != nil {
		return nil, err
	}
	return c, c.serve(bin, data)
}

// serve starts the server and waits until it answers.
func (c *cluster) serve(bin, data string) error {
	server := c.command(filepath.Join(bin, "postgres"), "-D", data, "-p", c.port, "-k", c.dir, "-h", "127.0.0.1", "-F",
		"-c", "ssl=on", "-c", "ssl_cert_file="+filepath.Join(c.dir, "crt"), "-c", "ssl_key_file="+filepath.Join(c.dir, "key"),
		"-c", "shared_preload_libraries=pg_stat_statements", "-c", "pg_stat_statements.max=50000", "-c", "max_prepared_transactions=4", "-c", "archive_mode=on")
	if err := server.Start(); err != nil {
		return err
	}
	c.process = server
	return c.answers()
}

// ownFiles writes the password, and a certificate for 127.0.0.1 by an
// authority of its own.
func (c *cluster) ownFiles() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	c.roots = x509.NewCertPool()
	c.roots.AppendCertsFromPEM(certificate)
	files := map[string][]byte{"crt": certificate, "key": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), "pw": []byte(adminPassword)}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(c.dir, name), content, 0o600); err != nil {
			return err
		}
	}
	if os.Geteuid() != 0 {
		return nil
	}
	account, err := user.Lookup("postgres")
	if err != nil {
		return err
	}
	uid, err := strconv.Atoi(account.Uid)
	if err != nil {
		return err
	}
	gid, err := strconv.Atoi(account.Gid)
	if err != nil {
		return err
	}
	c.account = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	for _, path := range []string{"", "crt", "key", "pw"} {
		if err := os.Chown(filepath.Join(c.dir, path), uid, gid); err != nil {
			return err
		}
	}
	return nil
}

func (c *cluster) command(name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(context.Background(), name, args...)
	cmd.Dir, cmd.Env = c.dir, []string{"PATH=/usr/bin:/bin", "LANG=C"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.account}
	return cmd
}

func appendLine(path, line string) error {
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = file.WriteString(line + "\n")
	return errors.Join(err, file.Close())
}

func freePort() (string, error) {
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, errors.Join(err, l.Close())
}

// answers waits until the server takes connections.
func (c *cluster) answers() error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, c.url("admin", adminPassword, "postgres", "disable"))
		if err == nil {
			return conn.Close(ctx)
		}
		if ctx.Err() != nil {
			return fmt.Errorf("the cluster did not start: %w", err)
		}
	}
}

func (c *cluster) url(role, password, database, sslmode string) string {
	return fmt.Sprintf("postgres://%s:%s@127.0.0.1:%s/%s?sslmode=%s", role, password, c.port, database, sslmode)
}

// postgres is the cluster, started by the first test that needs it.
func postgres(t *testing.T) *cluster {
	t.Helper()
	c, err := theCluster()
	if errors.Is(err, errNoPostgres) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// connect is a session of the superuser, closed with the test.
func (c *cluster) connect(t *testing.T, database string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), c.url("admin", adminPassword, database, "disable"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func exe(t *testing.T, conn *pgx.Conn, sql string) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// database makes one of its own, with a role of the same name that owns
// nothing, and a schema with tables as the users module has them.
func (c *cluster) database(t *testing.T, name string) *pgx.Conn {
	t.Helper()
	exe(t, c.connect(t, "postgres"), "CREATE DATABASE "+name)
	conn := c.connect(t, name)
	exe(t, conn, fmt.Sprintf(`CREATE ROLE %[1]s LOGIN PASSWORD 'R0le-Pa55'; CREATE ROLE %[1]s_sees LOGIN PASSWORD 'R0le-Pa55' IN ROLE pg_monitor;
		CREATE SCHEMA users; GRANT USAGE ON SCHEMA users TO %[1]s, %[1]s_sees;
		CREATE TABLE users.users (id serial PRIMARY KEY, password_hash text, created_at timestamp NOT NULL DEFAULT (now() AT TIME ZONE 'UTC'), email_verified bool NOT NULL DEFAULT true);
		CREATE TABLE users.verification_tokens (token_type text, created_at timestamp NOT NULL DEFAULT (now() AT TIME ZONE 'UTC'), used_at timestamp, expires_at timestamp);
		GRANT SELECT ON ALL TABLES IN SCHEMA users TO %[1]s_sees`, name))
	return conn
}
