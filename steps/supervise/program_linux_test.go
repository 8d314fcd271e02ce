package supervise_test

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"

	"runbook/steps/supervise"
)

func TestCoreDump(t *testing.T) {
	t.Parallel()
	for limit, core := range map[string]bool{"unlimited": true, "0": false} {
		o := script(t, "ulimit -c "+limit+"; kill -SEGV $$")
		if got := finish(t, o); got.Signal != "SIGSEGV" || got.Core != core {
			t.Errorf("core %s: %+v", limit, got)
		}
	}
}

// TestNotExecuted tells what could not be executed from what ended with 127.
func TestNotExecuted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	sum, err := supervise.FileSHA("/bin/true")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		path, sum string
		dir       string
		err       string
	}{
		"missing":                  {filepath.Join(dir, "none"), "", "", "no such file"},
		"without an interpreter":   {write("script", "#!"+dir+"/none\nexit 127\n", 0o700), "", "", "no such file"},
		"a script without a first": {write("plain", "exit 127\n", 0o700), "", "", "exec format error"},
		"a directory":              {dir, "", "", "permission denied"},
		"not executable":           {write("text", "#!/bin/sh\nexit 127\n", 0o600), "", "", "permission denied"},
		"removed since":            {filepath.Join(dir, "gone"), sum, "", "no longer the program that was approved"},
		"changed since":            {write("changed", "#!/bin/sh\nexit 127\n", 0o700), sum, "", "no longer the program that was approved"},
		"in no directory":          {"/bin/true", sum, filepath.Join(dir, "nowhere"), "no such file"},
	} {
		o := order(t, "true")
		o.Path, o.ProgramSHA = c.path, c.sum
		if c.dir != "" {
			o.Dir = c.dir
		}
		got := finish(t, o)
		if got.Exit != -1 || got.Signal != "" || !strings.HasPrefix(got.Err, "program not executed: ") || !strings.Contains(got.Err, c.err) || got.Unseen != "" {
			t.Errorf("%s: %+v", name, got)
		}
		if s := classify(o); s.Class != supervise.Exited || s.PID != 0 {
			t.Errorf("%s: %+v", name, s)
		}
	}
	if got := finish(t, script(t, "exit 127")); got.Exit != 127 || got.Err != "" {
		t.Errorf("%+v", got)
	}
	o := order(t, "true")
	o.ProgramSHA = sum
	if got := finish(t, o); got.Exit != 0 || got.Err != "" {
		t.Errorf("unchanged: %+v", got)
	}
}

// TestPromptsFailAtOnce has programs that want to ask somebody, where nobody
// is.
func TestPromptsFailAtOnce(t *testing.T) {
	t.Parallel()
	web := peer(t, func(conn net.Conn) {
		_, _ = conn.Read(make([]byte, 4096))
		_, _ = conn.Write([]byte("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"))
	})
	database := peer(t, func(conn net.Conn) {
		_, _ = conn.Read(make([]byte, 4096))
		_, _ = conn.Write([]byte{'R', 0, 0, 0, 8, 0, 0, 0, 3}) // a password, please
		_, _ = conn.Read(make([]byte, 4096))
	})
	host := peer(t, passwordOnly(t))
	const nobody = `setpriv --reuid=65534 --regid=65534 --clear-groups `
	for name, c := range map[string]struct{ sh, says string }{
		"terminal":   {`read -r x </dev/tty`, "No such device"},
		"git":        {`exec git -c credential.helper= ls-remote http://127.0.0.1:` + web + `/x.git`, "could not read Username"},
		"psql":       {`exec psql -X "host=127.0.0.1 port=` + database + ` user=x dbname=x sslmode=disable gssencmode=disable"`, "password"},
		"ssh":        {`exec ssh -F none -o UserKnownHostsFile=known -o StrictHostKeyChecking=accept-new -o PreferredAuthentications=password,keyboard-interactive -p ` + host + ` x@127.0.0.1 true`, "Permission denied"},
		"ssh's host": {`exec ssh -F none -o UserKnownHostsFile=none -o StrictHostKeyChecking=ask -p ` + host + ` x@127.0.0.1 true`, "Host key verification failed"},
		"key":        {`ssh-keygen -q -t ed25519 -N s3cret-phrase -f key; exec ssh-keygen -y -f key`, ""},
		"sudo":       {`if type -P sudo; then ` + nobody + `sudo -k true; else echo no sudo; exit 1; fi`, "sudo"},
		"su":         {`if [ "$(id -u)" = 0 ]; then ` + nobody + `su -c true; else su -c true; fi`, "Authentication failure"},
		"passwd":     {`exec passwd`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := script(t, c.sh)
			o.Env = append(o.Env, "HOME="+o.Dir, "LANG=C")
			p := start(t, o)
			await(t, "an end that nobody was asked for", func() bool { return !p.Status().Class.Alive() })
			if got := p.End().Outcome; got.Exit <= 0 || got.Exit == 127 || !strings.Contains(output(t, o), c.says) {
				t.Errorf("%q, %+v", output(t, o), got)
			}
		})
	}
}

// peer listens and does something with whoever connects, and returns its port.
func peer(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return // closed
			}
			go func() {
				serve(conn)
				_ = conn.Close()
			}()
		}
	}()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// passwordOnly is an SSH server that wants a password, and takes none.
func passwordOnly(t *testing.T) func(net.Conn) {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	refused := errors.New("wrong")
	config := &ssh.ServerConfig{
		PasswordCallback: func(ssh.ConnMetadata, []byte) (*ssh.Permissions, error) { return nil, refused },
		KeyboardInteractiveCallback: func(_ ssh.ConnMetadata, ask ssh.KeyboardInteractiveChallenge) (*ssh.Permissions, error) {
			_, _ = ask("", "", []string{"Password: "}, []bool{false})
			return nil, refused
		},
	}
	config.AddHostKey(signer)
	return func(conn net.Conn) { _, _, _, _ = ssh.NewServerConn(conn, config) }
}

func TestEachSignalIsNamed(t *testing.T) {
	t.Parallel()
	eachSignal(t, syscall.SIGHUP, syscall.SIGKILL, syscall.SIGUSR1, syscall.SIGALRM, syscall.SIGSYS, 34, 64)
}

func eachSignal(t *testing.T, signals ...syscall.Signal) {
	t.Helper()
	r := recorder(t)
	for _, sig := range signals {
		o := script(t, fmt.Sprintf("kill -%d $$; exit 3", sig))
		o.Argv = []string{"sh", "-c", o.Argv[len(o.Argv)-1]}
		o.Path = "/bin/sh"
		got := startBy(t, r, o).End().Outcome
		want := unix.SignalName(sig)
		if want == "" {
			want = fmt.Sprintf("signal %d", sig)
		}
		switch sig {
		case syscall.SIGCHLD, syscall.SIGCONT, syscall.SIGURG, syscall.SIGWINCH:
			if got.Exit != 3 || got.Signal != "" {
				t.Errorf("%v: %+v", sig, got)
			}
		default:
			if got.Exit != -1 || got.Signal != want || got.Err != "" || got.Unseen != "" || classify(o).Class != supervise.Exited {
				t.Errorf("%v: %+v, want %s", sig, got, want)
			}
		}
	}
}
