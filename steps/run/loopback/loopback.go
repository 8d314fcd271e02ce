// Package loopback is a real sshd for tests: on a port of its own, with keys,
// home and configuration of its own, for whoever runs the test.
package loopback

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"runbook/steps/run"
)

// Server is such an sshd. Each connection has a process of its own.
type Server struct {
	Home string // HOME of who logs in
	Dir  string // an empty directory, where commands run

	t      testing.TB
	keys   string // keys and configuration
	addr   string
	listen net.Listener
	mu     sync.Mutex
	conns  map[net.Conn]*exec.Cmd
	served int
	all    sync.WaitGroup
}

// Start is a server that goes with the test. The test is skipped where OpenSSH
// is missing.
func Start(tb testing.TB) *Server {
	tb.Helper()
	for _, program := range []string{"sshd", "ssh", "ssh-keygen"} {
		if find(program) == "" {
			tb.Skipf("%s is not installed", program)
		}
	}
	me, err := user.Current()
	must(tb, err)
	if shell := loginShell(me.Username); strings.HasSuffix(shell, "nologin") || strings.HasSuffix(shell, "false") {
		tb.Skipf("%s can't log in: its shell is %s", me.Username, shell)
	}
	dir, err := os.MkdirTemp("", "sshd")
	must(tb, err)
	s := &Server{t: tb, Home: dir + "/home", Dir: dir + "/srv", keys: dir + "/keys", conns: map[net.Conn]*exec.Cmd{}}
	for _, made := range []string{s.Home, s.Dir, s.keys} {
		must(tb, os.Mkdir(made, 0o700))
	}
	tb.Cleanup(func() {
		s.Down()
		if err := os.RemoveAll(dir); err != nil {
			tb.Error(err)
		}
	})
	s.Up()
	s.configure(me.Username)
	return s
}

// Host is [host.NAME] of a target.
func (s *Server) Host(name string) run.Host {
	return run.Host{Name: name, Via: []string{"ssh", "-F", s.keys + "/config", "app"}, Dir: s.Dir, Path: "/usr/bin:/bin"}
}

// configure makes the keys of both sides, who know each other.
func (s *Server) configure(name string) {
	s.t.Helper()
	for _, key := range []string{"host", "user", "stranger"} {
		out, err := exec.CommandContext(s.t.Context(), find("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-C", key, "-f", s.keys+"/"+key).CombinedOutput()
		if err != nil {
			s.t.Fatalf("%v: %s", err, out)
		}
	}
	_, port, err := net.SplitHostPort(s.addr)
	must(s.t, err)
	s.write("sshd_config", "HostKey %[1]s/host\nAuthorizedKeysFile %[1]s/user.pub\nStrictModes no\nUsePAM no\nPidFile none\nLogLevel ERROR\nMaxStartups 100\nSetEnv HOME=%[2]s\n", s.keys, s.Home)
	s.write("config", "Host app\nHostName 127.0.0.1\nPort %[1]s\nUser %[2]s\nIdentityFile %[3]s/user\nIdentitiesOnly yes\n"+
		"UserKnownHostsFile %[3]s/known\nGlobalKnownHostsFile /dev/null\n", port, name, s.keys)
	s.Known("host")
}

// Known lets clients expect that key of the server: "host", its own,
// "stranger", or none at all if it is empty.
func (s *Server) Known(key string) {
	s.t.Helper()
	if key == "" {
		s.write("known", "")
		return
	}
	public, err := os.ReadFile(s.keys + "/" + key + ".pub")
	must(s.t, err)
	_, port, err := net.SplitHostPort(s.addr)
	must(s.t, err)
	s.write("known", "[127.0.0.1]:%s %s", port, public)
}

// Configure adds lines to the server's own configuration.
func (s *Server) Configure(lines string) {
	s.t.Helper()
	f, err := os.OpenFile(s.keys+"/sshd_config", os.O_APPEND|os.O_WRONLY, 0)
	must(s.t, err)
	_, err = f.WriteString(lines + "\n")
	must(s.t, errors.Join(err, f.Close()))
}

func (s *Server) write(name, format string, args ...any) {
	s.t.Helper()
	must(s.t, os.WriteFile(s.keys+"/"+name, fmt.Appendf(nil, format, args...), 0o600))
}

// Up lets it answer, at the same port each time.
func (s *Server) Up() {
	s.t.Helper()
	if s.addr == "" {
		s.addr = "127.0.0.1:0"
	}
	listen, err := new(net.ListenConfig).Listen(s.t.Context(), "tcp", s.addr)
	must(s.t, err)
	s.listen, s.addr = listen, listen.Addr().String()
	s.all.Go(func() {
		for {
			conn, err := listen.Accept()
			if err != nil {
				return
			}
			s.serve(conn)
		}
	})
}

// serve starts the sshd of a connection, as inetd would.
func (s *Server) serve(conn net.Conn) {
	tcp, _ := conn.(*net.TCPConn)
	socket, err := tcp.File()
	if err != nil {
		s.t.Error(err)
		return
	}
	cmd := exec.Command(find("sshd"), "-i", "-e", "-f", s.keys+"/sshd_config") //nolint:noctx // it is killed by Cut
	cmd.Stdin, cmd.Stdout = socket, socket
	errs, err := cmd.StderrPipe()
	if err = errors.Join(err, cmd.Start(), socket.Close()); err != nil {
		s.t.Error(err)
		return
	}
	s.mu.Lock()
	s.conns[conn] = cmd
	s.served++
	s.mu.Unlock()
	s.all.Go(func() {
		for lines := bufio.NewScanner(errs); lines.Scan(); {
			s.t.Log("sshd:", lines.Text())
		}
		_ = cmd.Wait() // it was killed, or its client left
		s.mu.Lock()
		delete(s.conns, conn)
		s.mu.Unlock()
		_ = conn.Close()
	})
}

// Cut kills the sshd of every connection, and reports how many that were.
func (s *Server) Cut() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	for conn, cmd := range s.conns {
		signal(cmd.Process.Pid, syscall.SIGKILL)
		if tcp, ok := conn.(*net.TCPConn); ok { // for all who hold it
			_ = errors.Join(tcp.CloseRead(), tcp.CloseWrite())
		}
	}
	return len(s.conns)
}

// signal is for an sshd and the parts of it that serve the connection, where it
// has some. They may have ended by themselves.
func signal(sshd int, sig syscall.Signal) {
	all := []int{sshd}
	for i := 0; i < len(all); i++ {
		all = append(all, parts(all[i])...)
	}
	for _, pid := range all {
		_ = syscall.Kill(pid, sig)
	}
}

// parts are the children of an sshd that are sshd too.
func parts(sshd int) []int {
	var all []int
	files, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is good
	for _, file := range files {
		data, err := os.ReadFile(file)
		name, rest, _ := strings.Cut(string(data), ") ")
		fields := strings.Fields(rest)
		if err != nil || len(fields) < 2 || fields[1] != strconv.Itoa(sshd) || !strings.Contains(name, "(sshd") {
			continue
		}
		if pid, err := strconv.Atoi(strings.Split(file, "/")[2]); err == nil {
			all = append(all, pid)
		}
	}
	return all
}

// Freeze stops the sshd of every connection, as a network that swallows all
// does, and reports how many that were. Cut ends it.
func (s *Server) Freeze() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, cmd := range s.conns {
		signal(cmd.Process.Pid, syscall.SIGSTOP)
	}
	return len(s.conns)
}

// Down cuts every connection and answers nobody any more.
func (s *Server) Down() {
	_ = s.listen.Close() // twice is no harm
	s.Cut()
	s.all.Wait()
}

// Served counts the connections there were.
func (s *Server) Served() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.served
}

// Kept lists what commands have left in their directories.
func (s *Server) Kept() []string {
	found, err := filepath.Glob(s.Home + "/.local/state/runbook/*")
	must(s.t, err)
	return found
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// find looks for a program where only root's PATH leads, too.
func find(program string) string {
	for _, dir := range []string{"/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"} {
		if info, err := os.Stat(filepath.Join(dir, program)); err == nil && info.Mode().IsRegular() {
			return filepath.Join(dir, program)
		}
	}
	return ""
}

func loginShell(name string) string {
	data, err := os.ReadFile("/etc/passwd")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(data)) {
		if fields := strings.Split(strings.TrimSpace(line), ":"); fields[0] == name {
			return fields[len(fields)-1]
		}
	}
	return ""
}
