package supervise

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// broodWord makes the test binary a recorder that inherits what a supervisor
// leaves which is killed before it wrote anything down.
const broodWord = "_brood"

func init() {
	if len(os.Args) == 2 && os.Args[1] == broodWord {
		if err := inherited(); err != nil {
			fmt.Println(err)
		}
		os.Exit(0)
	}
}

// left is what such a recorder tells.
type left struct {
	Program, Daemon              int // as they say themselves
	Claimed                      int // with nothing written down
	Shared                       int // the same, where others may have left something
	SharedAlive                  int // and it lives
	Written, Wrong, Reused       int // with something written down
	Listed, Among                []int
	ProgramIsChild, ChildlessNow bool
}

// leaver leaves a program that leaves a daemon; both have the output open. The
// program ends when it may, and is no more than a name and an exit code then.
const leaver = `setsid bash -c 'setsid sleep 600 & echo $! >daemon; echo $$ >program; until [ -e go ]; do sleep 0.01; done; exit 7' &
until [ -s program ]; do sleep 0.01; done; kill -STOP $$`

func inherited() (err error) {
	if err := inherit(); err != nil {
		return err
	}
	raw, err := os.Create("raw")
	if err != nil {
		return err
	}
	info, err := raw.Stat()
	if err != nil {
		return err
	}
	var l left
	l.ChildlessNow = childless()
	supervisor := exec.Command("bash", "-c", leaver) //nolint:noctx // it is killed below
	supervisor.Stdout = raw
	supervisor.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := supervisor.Start(); err != nil {
		return err
	}
	until(func() bool { p, ok := look(supervisor.Process.Pid); return ok && p.stopped })
	began, _ := look(supervisor.Process.Pid)
	if err := supervisor.Process.Kill(); err != nil {
		return err
	}
	_ = supervisor.Wait() // it was killed
	l.Program, l.Daemon = pidIn("program"), pidIn("daemon")
	l.ProgramIsChild = isChild(l.Program)

	claim := func(alone bool, written identity) int {
		b := newBrood()
		b.supervisors[began.pid] = spawned{began.start, alone}
		return b.claim(began.pid, written, info).PID
	}
	l.SharedAlive = claim(false, identity{})
	if err := os.WriteFile("go", nil, 0o600); err != nil {
		return err
	}
	until(func() bool { p, ok := look(l.Program); return ok && p.zombie })
	id := identify(l.Program)
	l.Claimed, l.Shared, l.Written = claim(true, identity{}), claim(false, identity{}), claim(false, id)
	l.Reused = claim(false, identity{PID: id.PID, Start: "1", Boot: id.Boot})
	l.Wrong = claim(true, identity{PID: os.Getppid(), Start: id.Start, Boot: id.Boot})
	l.Listed, l.Among = children(), childrenAmongAll()
	reap(l.Program)
	err = syscall.Kill(l.Daemon, syscall.SIGKILL)
	until(func() bool { reap(l.Daemon); return childless() })
	return errors.Join(err, json.NewEncoder(os.Stdout).Encode(l))
}

func until(fact func() bool) {
	for end := time.Now().Add(20 * time.Second); !fact() && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
}

func pidIn(name string) int {
	data, err := os.ReadFile(name)
	if err != nil {
		return 0
	}
	pid, _ := strconv.Atoi(strings.TrimSpace(string(data)))
	return pid
}

// TestClaim: a program that nobody wrote down and that has ended is not taken
// for a daemon that it left, and where it may be another's it is nobody's.
func TestClaim(t *testing.T) {
	t.Parallel()
	self, err := filepath.Abs(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	recorder := exec.CommandContext(t.Context(), self, broodWord)
	recorder.Dir, recorder.Env = t.TempDir(), []string{"PATH=/usr/bin:/bin"}
	out, err := recorder.CombinedOutput()
	var l left
	if err = errors.Join(err, json.Unmarshal(out, &l)); err != nil || l.Program == 0 || l.Daemon == 0 || l.Program == l.Daemon {
		t.Fatalf("%s, %v", out, err)
	}
	if !l.ChildlessNow || !l.ProgramIsChild {
		t.Errorf("it had no child at first: %v, and inherited the program: %v", l.ChildlessNow, l.ProgramIsChild)
	}
	for what, got := range map[string][2]int{
		"nothing written down":                     {l.Claimed, l.Program},
		"it lives, others may have left something": {l.SharedAlive, l.Program},
		"it ended, others may have left something": {l.Shared, 0},
		"written down":                             {l.Written, l.Program},
		"its pid is another's now":                 {l.Reused, 0},
		"written down is no child":                 {l.Wrong, l.Program},
	} {
		if got[0] != got[1] {
			t.Errorf("%s: claimed %d, want %d; the program was %d, its daemon %d", what, got[0], got[1], l.Program, l.Daemon)
		}
	}
	slices.Sort(l.Listed)
	slices.Sort(l.Among)
	if !slices.Equal(l.Listed, l.Among) || len(l.Among) < 2 {
		t.Errorf("children %v, without the kernel's lists %v", l.Listed, l.Among)
	}
}
