package practice

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// intrude is what another user on the machine tries: it prints one line each,
// "open" where it got in.
func intrude(args []string) int {
	control, socket, database := args[0], args[1], args[2]
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	fmt.Println("uid", os.Getuid())
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", control)
	if err == nil {
		var answer reply
		err = errors.Join(json.NewEncoder(conn).Encode(request{Op: "status"}), json.NewDecoder(conn).Decode(&answer))
		if err == nil && answer.Refused {
			err = fmt.Errorf("refused: %s", answer.Error)
		}
	}
	attempt("control", err)
	_, err = pgx.Connect(ctx, "host="+filepath.Dir(socket)+" port="+strings.TrimPrefix(filepath.Ext(socket), ".")+" user=postgres dbname=postgres sslmode=disable")
	attempt("socket", err)
	host, port, _ := net.SplitHostPort(database)
	for _, mode := range []string{"disable", "require"} {
		_, err = pgx.Connect(ctx, "host="+host+" port="+port+" user=postgres dbname=postgres sslmode="+mode)
		attempt("tcp "+mode, err)
	}
	_, err = os.ReadFile(filepath.Join(filepath.Dir(control), "nonce")) // #nosec G703 -- what is tried
	attempt("nonce", err)
	return 0
}

func attempt(what string, err error) {
	if err == nil {
		fmt.Println(what, "open")
		return
	}
	fmt.Println(what, "closed:", strings.ReplaceAll(err.Error(), "\n", " "))
}

func TestAnotherUserIsRefused(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can become another user")
	}
	w := sharedWith(t)
	st := w.info.Load()
	out := asNobody(t, socketPath(w.Dir()), st.Socket, st.Database)
	if strings.Contains(out, " open\n") || strings.Count(out, "closed:") != 5 {
		t.Errorf("as nobody:\n%s", out)
	}
	// Even through a socket that everybody may write to, the kernel's word
	// about the peer counts.
	if err := os.Chmod(socketPath(w.Dir()), 0o666); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.Chmod(socketPath(w.Dir()), 0o600); err != nil {
			t.Error(err)
		}
	})
	out = asNobody(t, socketPath(w.Dir()), st.Socket, st.Database)
	if !strings.Contains(out, "control closed: refused: ") || !strings.Contains(out, "another user") {
		t.Errorf("as nobody, through an open socket:\n%s", out)
	}
}

func asNobody(t *testing.T, args ...string) string {
	t.Helper()
	nobody, err := user.Lookup("nobody")
	if err != nil {
		t.Skip(err)
	}
	// The test binary lies in a directory that nobody can't enter.
	dir, err := os.MkdirTemp("/tmp", "rb-intruder-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	exe, err := os.ReadFile(os.Args[0]) // #nosec G703 -- this test
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "intruder")
	if err := errors.Join(os.Chmod(dir, 0o755), os.WriteFile(program, exe, 0o755)); err != nil { // #nosec G703 -- in our directory
		t.Fatal(err)
	}
	cmd := exec.CommandContext(deadline(t), program, append([]string{"_intrude"}, args...)...)
	cmd.Dir, cmd.Env = dir, []string{}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(atoi(t, nobody.Uid)), Gid: uint32(atoi(t, nobody.Gid))}} // #nosec G115 -- ids are small
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "uid "+nobody.Uid) {
		t.Fatalf("become nobody: %v\n%s", err, out)
	}
	return string(out)
}

func TestWrongNonceIsRefused(t *testing.T) {
	t.Parallel()
	w := newBare(t, t.TempDir())
	if err := os.WriteFile(filepath.Join(w.Dir(), "nonce"), []byte("0000\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Status(deadline(t)); !errors.Is(err, ErrRefused) {
		t.Errorf("with a wrong nonce: %v", err)
	}
	if r := do(t, w, "docker", "ps"); r.code != 97 {
		t.Errorf("docker with a wrong nonce: %+v", r)
	}
	if err := syscall.Kill(w.info.Load().PID, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for ctx := deadline(t); ctx.Err() == nil; {
		if _, err := os.Lstat(w.Dir()); errors.Is(err, os.ErrNotExist) {
			return
		}
	}
	t.Error("SIGTERM did not end the world")
}

func atoi(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(strings.TrimSpace(s))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func zombie(t *testing.T, pid int) bool {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return true // gone meanwhile
	}
	after := string(text)[strings.LastIndex(string(text), ")")+1:]
	return strings.HasPrefix(after, " Z")
}
