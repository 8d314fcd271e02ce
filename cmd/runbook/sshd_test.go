package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/crypto/ssh"
)

const sshdPath = "/usr/sbin/sshd"

// account is who logs in, and owns what is made there.
type account struct {
	name     string
	uid, gid int
}

// ourselves is the account of this process.
func ourselves(t *testing.T) account {
	t.Helper()
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	return account{me.Username, os.Getuid(), os.Getgid()}
}

// bastion is a real sshd on loopback that lets one account in. Its directory
// belongs to that account.
type bastion struct {
	account
	dir, port string
	sshd      *exec.Cmd
}

// openBastions starts an sshd for ourselves, and as root one for somebody
// without any rights.
func openBastions(t *testing.T) []*bastion {
	t.Helper()
	all := []*bastion{openBastion(t, ourselves(t))}
	if os.Getuid() == 0 && exec.CommandContext(t.Context(), "unshare", "--mount", "setpriv", "--reuid", "65534", "true").Run() == nil {
		all = append(all, openBastion(t, account{"oncall", 65534, 65534}))
	}
	return all
}

// openBastion starts an sshd with a host key of its own, for the length of the
// test.
func openBastion(t *testing.T, who account) *bastion {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("the processes of a login are found through /proc")
	}
	for _, tool := range []string{sshdPath, "ssh"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("no %s on this machine", tool)
		}
	}
	dir, err := os.MkdirTemp("", "rb-sshd-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	b := &bastion{account: who, dir: dir}
	must(t, os.Chmod(dir, 0o755))
	must(t, os.Link(binary, b.program()))
	host, login := b.newKey(t, "host"), b.newKey(t, "login")
	b.put(t, "authorized", login)
	for range 5 { // a port that is free now may not be so a moment later
		if b.listen(t) {
			b.put(t, "known_hosts", fmt.Sprintf("[127.0.0.1]:%s %s", b.port, host))
			if l := b.dial(t, 80, 24, "exit 7"); l.left() != 7 {
				t.Skipf("%s can't log in on this machine: %s", b.name, l.since(0))
			}
			return b
		}
	}
	log, _ := os.ReadFile(filepath.Join(dir, "sshd.log"))
	t.Fatalf("sshd does not listen:\n%s", log)
	return nil
}

// program is the real one, where the account may execute it.
func (b *bastion) program() string { return filepath.Join(b.dir, "runbook") }

func (b *bastion) put(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join(b.dir, name)
	must(t, errors.Join(os.WriteFile(path, []byte(text), 0o600), os.Chown(path, b.uid, b.gid)))
}

// newKey makes a key in the directory and returns its public half.
func (b *bastion) newKey(t *testing.T, name string) string {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	block, err := ssh.MarshalPrivateKey(private, "")
	must(t, err)
	b.put(t, name, string(pem.EncodeToMemory(block)))
	half, err := ssh.NewPublicKey(public)
	must(t, err)
	return string(ssh.MarshalAuthorizedKey(half))
}

// listen starts sshd on a port that was free, and reports whether it came up.
func (b *bastion) listen(t *testing.T) bool {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it only asks for a port
	must(t, err)
	_, b.port, err = net.SplitHostPort(free.Addr().String())
	must(t, errors.Join(err, free.Close()))
	b.configure(t)
	log, err := os.OpenFile(filepath.Join(b.dir, "sshd.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	must(t, err)
	defer func() { must(t, log.Close()) }()
	b.sshd = b.command(t)
	b.sshd.Stderr = log
	must(t, b.sshd.Start())
	gone := make(chan struct{})
	go func() { _ = b.sshd.Wait(); close(gone) }()
	for {
		if b.greets(t.Context()) {
			t.Cleanup(func() { _ = b.sshd.Process.Kill(); <-gone })
			return true
		}
		select {
		case <-gone:
			return false
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// command is sshd, as the account. Somebody else's has to be one that can log
// in: in a namespace of its own sshd finds it so.
func (b *bastion) command(t *testing.T) *exec.Cmd {
	t.Helper()
	config := filepath.Join(b.dir, "sshd_config")
	if b.uid == os.Getuid() {
		if b.uid == 0 {
			must(t, os.MkdirAll("/run/sshd", 0o755)) // as its service does; sshd of root wants it
		}
		return exec.CommandContext(t.Context(), sshdPath, "-D", "-e", "-f", config)
	}
	b.put(t, "passwd", fmt.Sprintf("root:x:0:0::/:/bin/sh\n%s:x:%d:%d::%s:/bin/sh\n", b.name, b.uid, b.gid, b.dir))
	b.put(t, "group", fmt.Sprintf("tty:x:%d:\n", b.ttyGroup(t)))
	return exec.CommandContext(t.Context(), "unshare", "--mount", "sh", "-c",
		`mount --bind "$1/passwd" /etc/passwd && mount --bind "$1/group" /etc/group &&
			exec setpriv --reuid "$2" --regid "$3" --clear-groups "$4" -D -e -f "$1/sshd_config"`,
		"sh", b.dir, strconv.Itoa(b.uid), strconv.Itoa(b.gid), sshdPath)
}

// ttyGroup is the group that a terminal of the account has by itself: sshd
// wants it to be that of terminals, and only root could change it.
func (b *bastion) ttyGroup(t *testing.T) int {
	t.Helper()
	p, tty, err := pty.Open()
	must(t, err)
	defer func() { must(t, errors.Join(p.Close(), tty.Close())) }()
	info, err := tty.Stat()
	must(t, err)
	if st, ok := info.Sys().(*syscall.Stat_t); ok && int(st.Gid) != os.Getgid() {
		return int(st.Gid) // the file system names it
	}
	return b.gid
}

// configure writes the sshd's settings. The home is not the account's own: what
// its shell does at a login can take long, or wait for what a drop left locked.
// A newer sshd keeps a client out whose last session was killed; an older does
// not know that.
func (b *bastion) configure(t *testing.T) {
	t.Helper()
	text := fmt.Sprintf(`ListenAddress 127.0.0.1
Port %s
HostKey %s/host
AuthorizedKeysFile %s/authorized
AuthenticationMethods publickey
PermitRootLogin prohibit-password
PidFile none
StrictModes no
UsePAM no
MaxStartups 100
SetEnv HOME=%s
`, b.port, b.dir, b.dir, b.dir)
	for _, more := range []string{"PerSourcePenalties no\n", ""} {
		b.put(t, "sshd_config", text+more)
		test := exec.CommandContext(t.Context(), sshdPath, "-t", "-f", filepath.Join(b.dir, "sshd_config"))
		if test.Run() == nil {
			return
		}
	}
}

// greets reports whether an sshd answers.
func (b *bastion) greets(ctx context.Context) bool {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort("127.0.0.1", b.port))
	if err != nil {
		return false
	}
	defer func() { _ = conn.Close() }()
	hello := make([]byte, 4)
	_, err = conn.Read(hello)
	return err == nil && string(hello) == "SSH-"
}
