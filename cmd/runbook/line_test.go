package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
)

// line is an ssh client in a terminal of its own.
type line struct {
	t    *testing.T
	pty  *os.File
	cmd  *exec.Cmd
	gone chan struct{} // closed when the client has ended
	from int           // bytes that had come when keys were typed last

	mu  sync.Mutex
	got []byte
}

// dial opens a terminal of that size and has the account's shell execute a
// script there, over a connection of its own.
func (b *bastion) dial(t *testing.T, w, h uint16, script string) *line {
	t.Helper()
	path, err := exec.LookPath("ssh")
	must(t, err)
	cmd := exec.CommandContext(t.Context(), path, "-F", "none", "-tt", "-i", filepath.Join(b.dir, "login"), "-p", b.port, "-l", b.name,
		"-oBatchMode=yes", "-oIdentitiesOnly=yes", "-oIdentityAgent=none", "-oStrictHostKeyChecking=yes",
		"-oUserKnownHostsFile="+filepath.Join(b.dir, "known_hosts"), "127.0.0.1", script)
	cmd.Env = []string{"TERM=xterm-256color", "HOME=" + b.dir}
	p, err := pty.StartWithSize(cmd, &pty.Winsize{Cols: w, Rows: h})
	must(t, err)
	l := &line{t: t, pty: p, cmd: cmd, gone: make(chan struct{})}
	read := make(chan struct{})
	go func() { l.read(); close(read) }()
	go func() {
		_ = cmd.Wait() // how it ended its state tells
		<-read         // what it said last counts
		close(l.gone)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-l.gone
		_ = p.Close()
	})
	return l
}

// read keeps what comes, after it answered cursor reports as terminals do.
func (l *line) read() {
	var all []byte
	answered := 0
	for buf := make([]byte, 32<<10); ; {
		n, err := l.pty.Read(buf)
		all = append(all, buf[:n]...)
		for at := bytes.Index(all[answered:], []byte(seen)); at >= 0; at = bytes.Index(all[answered:], []byte(seen)) {
			answered += at + len(seen)
			_, _ = l.pty.WriteString("\x1b[1;1R") // the line may be cut by now
		}
		l.mu.Lock()
		l.got = all
		l.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// seen is what the screen asks the terminal behind the frame of a question,
// which takes keys from then on, or after a second.
const (
	seen      = "\x1b[6n"
	seenAfter = 1100 * time.Millisecond
)

// since is what came after the first n bytes.
func (l *line) since(n int) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.got[n:])
}

// cut reports whether the client has ended.
func (l *line) cut() bool {
	select {
	case <-l.gone:
		return true
	default:
		return false
	}
}

// sees waits until a text came since keys were typed last. It is false if the
// line was cut before.
func (l *line) sees(text string) bool {
	l.t.Helper()
	came := false
	defer func() {
		if !came && !l.cut() {
			l.t.Logf("the terminal got %q", l.since(l.from))
		}
	}()
	await(l.t, fmt.Sprintf("%q on the terminal", text), func() bool {
		ended := l.cut()
		came = inOrder(l.since(l.from), text)
		return came || ended
	})
	return came
}

func inOrder(got string, texts ...string) bool {
	for _, text := range texts {
		_, after, found := strings.Cut(got, text)
		if !found {
			return false
		}
		got = after
	}
	return true
}

// press is keys, and what is then on the screen: their own text if nothing is
// named. A question must have been seen before it is answered.
type press struct {
	keys     string
	then     string
	question bool
}

// pace is between the keys of a person; closer together they are a paste.
const pace = 40 * time.Millisecond

// does types keys and waits for what they do. It is false if the line was cut
// before.
func (l *line) does(p press) bool {
	l.t.Helper()
	for i, k := range p.keys {
		<-time.After(pace)
		l.from = len(l.since(0))
		_, _ = l.pty.WriteString(string(k)) // sees tells whether the line is cut
		if (i < len(p.keys)-1 || p.then == "") && !l.sees(string(k)) {
			return false
		}
	}
	if !p.question {
		return l.sees(p.then)
	}
	if !l.sees(p.then) {
		return false
	}
	late := time.Now().Add(seenAfter)
	await(l.t, "a question that is seen", func() bool {
		return inOrder(l.since(l.from), p.then, seen) || l.cut() || time.Now().After(late)
	})
	return !l.cut()
}

// doesAll types one after the other what must work.
func (l *line) doesAll(all ...press) {
	l.t.Helper()
	for _, p := range all {
		if !l.does(p) {
			l.t.Fatalf("the line was cut at %+v; it got %q", p, l.since(0))
		}
	}
}

// left is the exit code of the client, which is that of the program; 255 if
// the connection broke, -1 if a signal ended the client.
func (l *line) left() int {
	l.t.Helper()
	await(l.t, "the end of the connection", l.cut)
	return l.cmd.ProcessState.ExitCode()
}

// alive reports whether a process lives; one that is only not reaped does not.
func alive(pid int) bool {
	state, _ := stat(pid)
	return state != "" && state != "Z" && state != "X"
}

// stat is a process's state and parent; empty if there is none.
func stat(pid int) (state string, parent int) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", 0
	}
	fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
	parent, _ = strconv.Atoi(fields[1])
	return fields[0], parent
}

// kill sends a signal to a process that lives: a fault that hits nobody tests
// nothing.
func kill(t *testing.T, pid int, sig syscall.Signal) {
	t.Helper()
	if pid <= 1 || !alive(pid) {
		t.Fatalf("there is no process %d to send %v to", pid, sig)
	}
	must(t, syscall.Kill(pid, sig))
}

// await waits for a visible fact.
func await(t *testing.T, what string, fact func() bool) {
	t.Helper()
	late := time.NewTimer(20 * time.Second)
	tick := time.NewTicker(3 * time.Millisecond)
	defer late.Stop()
	defer tick.Stop()
	for !fact() {
		select {
		case <-tick.C:
		case <-late.C:
			t.Fatalf("waited 20 s for %s", what)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
