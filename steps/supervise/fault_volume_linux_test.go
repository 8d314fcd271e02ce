//go:build fault

package supervise_test

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"runbook/steps/supervise"
)

func TestFaultEachExitCode(t *testing.T) {
	t.Parallel()
	var all sync.WaitGroup
	r := recorder(t)
	for part := range 4 {
		all.Go(func() {
			for code := part; code < 256; code += 4 {
				o := order(t, "sh", "-c", "exit "+strconv.Itoa(code))
				s, err := supervise.Seal(o)
				if err != nil {
					t.Error(err)
					return
				}
				p, err := r.Start(s)
				if err != nil {
					t.Error(err)
					return
				}
				if end := p.End(); end.Class != supervise.Exited || end.Outcome.Exit != code || end.Outcome.Signal != "" || end.Outcome.Err != "" {
					t.Errorf("%d: %+v", code, end)
				}
			}
		})
	}
	all.Wait()
}

func TestFaultEachSignal(t *testing.T) {
	t.Parallel()
	for sig := syscall.Signal(1); sig <= 64; sig++ {
		switch sig {
		case syscall.SIGSTOP, syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGTTOU, 32, 33: // those stop, or are the C library's own
		default:
			eachSignal(t, sig)
		}
	}
}

func TestFaultCancelAtTheEnd(t *testing.T) {
	t.Parallel()
	var n atomic.Int32
	t.Run("each", func(t *testing.T) {
		for part := range 4 {
			t.Run(strconv.Itoa(part), func(t *testing.T) {
				t.Parallel()
				n.Add(int32(cancelAtTheEnd(t, 50)))
			})
		}
	})
	if n := n.Load(); n == 0 || n == 200 {
		t.Errorf("%d of 200 were cancelled: no race", n)
	}
}

func TestFaultVolume(t *testing.T) {
	t.Parallel()
	const rows = 1_000_000
	for name, c := range map[string]struct {
		sh   string
		size int64
	}{
		"lines":       {fmt.Sprintf(`yes 'INFO 2026-11-21 migrated a row of the table users, all is well' | head -c %d || :`, volume), volume},
		"one line":    {fmt.Sprintf(`head -c %d /dev/zero | tr '\0' x; printf '%%s' "postgres://app:correct-horse@db/users"`, volume), volume + int64(len("[redacted]"))},
		"many writes": {fmt.Sprintf(`for ((i = 0; i < %d; i++)); do echo "a row, and one more"; done`, rows), rows * int64(len("a row, and one more\n"))},
	} {
		t.Run(name, func(t *testing.T) {
			_, supervisor, recorder := flood(t, c.sh, c.size, "postgres://app:correct-horse@db/users", "battery-staple")
			if limit := 24<<10 + race; supervisor > limit || recorder > limit {
				t.Errorf("more than %d KiB", limit)
			}
		})
	}
}

// TestFaultNoZombiesOfMany has a command double-fork 2,000 processes.
func TestFaultNoZombiesOfMany(t *testing.T) {
	t.Parallel()
	o := script(t, `for ((i = 0; i < 2000; i++)); do (: &); done; echo $$ >pid; read -r _ <gate; exit 42`)
	open := gate(t, o)
	p := start(t, o)
	most := 0
	await(t, "the last of them", func() bool {
		if _, err := os.Stat(o.Files + "/pid"); err == nil {
			most = max(most, zombies(t, crewOf(t, o).Supervisor.PID))
		}
		_, err := os.Stat(o.Dir + "/pid")
		return err == nil
	})
	supervisor := crewOf(t, o).Supervisor.PID
	await(t, "no zombies", func() bool { return zombies(t, supervisor) == 0 })
	open()
	if got := p.End().Outcome; got.Exit != 42 || len(got.Leftovers) > 0 {
		t.Errorf("%+v", got)
	}
	if most > 500 {
		t.Errorf("%d zombies at once", most)
	}
}

// TestFaultTooManyProcesses lets an account have ever so few processes more:
// where one of ours can't live, what is executed is still told as it is.
func TestFaultTooManyProcesses(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can be another account, of which no other process counts")
	}
	outcomes := map[string]int{}
	for limit := 4; limit < 44; limit += 4 {
		r, o := newRig(t), script(t, quick)
		r.open(t, &o)
		cmd := exec.CommandContext(t.Context(), "prlimit", "--nproc="+strconv.Itoa(limit), r.self)
		asNobody(t, cmd)
		said := r.drive(t, cmd, o)
		r.idle(t)
		what, _, _ := strings.Cut(said, " ")
		outcomes[what]++
		s := classify(o)
		if s.Class == supervise.Exited && s.Outcome.Exit == 254 {
			continue // the script could not fork either
		}
		if ran(t, o) == 1 || s.Class != supervise.NeverStarted {
			wantTruth(t, fmt.Sprint(limit, " processes"), o, said)
		}
	}
	t.Logf("%v", outcomes)
	if outcomes["started"] == 0 || outcomes["started"] == 10 {
		t.Errorf("%v", outcomes)
	}
}
