package cluster

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// access lets nobody in without a password, and nobody over TCP without TLS.
const access = `local   all all              scram-sha-256
hostssl all all 127.0.0.1/32 scram-sha-256
`

// settings trade durability for speed, as nothing here outlives the world.
// Shared memory lies in the data directory, so that it goes with it.
const settings = `
listen_addresses = '127.0.0.1'
unix_socket_directories = '%s'
unix_socket_permissions = 0700
archive_mode = on
archive_command = 'cp "%%p" "%s/%%f"'
ssl = on
ssl_cert_file = 'server.crt'
ssl_key_file = 'server.key'
ssl_min_protocol_version = 'TLSv1.2'
password_encryption = 'scram-sha-256'
fsync = off
synchronous_commit = off
full_page_writes = off
max_connections = 60
shared_buffers = 32MB
dynamic_shared_memory_type = mmap
log_connections = on
log_disconnections = on
log_statement = 'ddl'
timezone = 'UTC'
log_timezone = 'UTC'
`

func (c *Cluster) prepare(ctx context.Context, cfg Config, owner *syscall.Credential) error {
	for _, dir := range []string{c.dir, c.Socket, c.archive(), c.data()} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			return fmt.Errorf("prepare PostgreSQL: %w", err)
		}
		if err := give(dir, owner); err != nil {
			return err
		}
	}
	password := filepath.Join(c.dir, "pw")
	if err := put(password, []byte(c.password), owner); err != nil {
		return err
	}
	initdb := c.program(ctx, owner, "initdb", "-D", c.data(), "-U", Superuser, "--pwfile="+password, "-A", "scram-sha-256",
		"--no-sync", "-E", "UTF8", "--locale=C", "--wal-segsize=1", "--data-checksums")
	if out, err := initdb.CombinedOutput(); err != nil {
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		return fmt.Errorf("initdb as uid %d: %w: %s", uid(owner), err, lines[len(lines)-1])
	}
	if err := os.Remove(password); err != nil {
		return fmt.Errorf("prepare PostgreSQL: %w", err)
	}
	return c.configure(ctx, cfg, owner)
}

func (c *Cluster) configure(ctx context.Context, cfg Config, owner *syscall.Credential) error {
	conf := fmt.Sprintf(settings, c.Socket, c.archive())
	if c.Statements = c.hasStatements(ctx); c.Statements {
		conf += "shared_preload_libraries = 'pg_stat_statements'\n"
	}
	for name, content := range map[string][]byte{
		"pg_hba.conf": []byte(access), "postgresql.auto.conf": []byte(conf), "server.crt": cfg.Cert, "server.key": cfg.Key,
	} {
		if err := put(filepath.Join(c.data(), name), content, owner); err != nil {
			return err
		}
	}
	return nil
}

// hasStatements reports whether the contrib library pg_stat_statements is
// installed; without it the server would not start.
func (c *Cluster) hasStatements(ctx context.Context) bool {
	out, err := exec.CommandContext(ctx, filepath.Join(c.bin, "pg_config"), "--pkglibdir").Output() // #nosec G204 -- found by Find
	if err != nil {
		return false
	}
	_, err = os.Stat(filepath.Join(strings.TrimSpace(string(out)), "pg_stat_statements.so"))
	return err == nil
}

func put(file string, content []byte, owner *syscall.Credential) error {
	if err := os.WriteFile(file, content, 0o600); err != nil {
		return fmt.Errorf("prepare PostgreSQL: %w", err)
	}
	return give(file, owner)
}

func give(file string, owner *syscall.Credential) error {
	if owner == nil {
		return nil
	}
	if err := os.Chown(file, int(owner.Uid), int(owner.Gid)); err != nil {
		return fmt.Errorf("prepare PostgreSQL: %w", err)
	}
	return nil
}

func uid(owner *syscall.Credential) int {
	if owner == nil {
		return os.Geteuid()
	}
	return int(owner.Uid)
}
