package cluster

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPortThatWasTaken: somebody listens where the server is to; it says so, and
// that is told from whatever else ends a server.
func TestPortThatWasTaken(t *testing.T) {
	t.Parallel()
	bin, err := Find(os.Getenv("PATH"))
	if err != nil {
		t.Skip(err)
	}
	dir, err := os.MkdirTemp("", "rb-port-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	owner, err := serverUser()
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{Bin: bin, Dir: filepath.Join(dir, "pg"), Password: "x"}
	c := &Cluster{Socket: filepath.Join(cfg.Dir, "s"), bin: cfg.Bin, dir: cfg.Dir, password: cfg.Password, ended: make(chan struct{})}
	if err := c.prepare(t.Context(), cfg, owner); err != nil {
		t.Fatal(err)
	}
	if err := put(filepath.Join(c.data(), "postgresql.auto.conf"), []byte("listen_addresses = '127.0.0.1'\nunix_socket_directories = ''\n"), owner); err != nil {
		t.Fatal(err)
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it is closed with the test
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	c.Port = taken.Addr().(*net.TCPAddr).Port
	if err := c.launch(owner); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Stop)
	if err := c.waitReady(t.Context()); err == nil || !c.portTaken() || !strings.Contains(err.Error(), "could not create any TCP/IP sockets") {
		t.Errorf("taken %v: %v", c.portTaken(), err)
	}
}
