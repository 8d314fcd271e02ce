//go:build !linux

package supervise

import (
	"fmt"
	"os"
	"syscall"
	"time"
)

// ending is how a child ended.
type ending struct {
	code   int
	signal syscall.Signal // that ended it; 0 if it exited
	core   bool
}

// await waits for the end of a child. Of another process, whose supervisor was
// killed, it can only tell that it has ended.
func await(pid int) (ending, error) {
	child, err := os.FindProcess(pid)
	if err != nil {
		return ending{}, err
	}
	id := identify(pid)
	state, err := child.Wait()
	if err != nil {
		for id.alive() {
			time.Sleep(attachPace)
		}
		return ending{}, err
	}
	ws, ok := state.Sys().(syscall.WaitStatus)
	if !ok {
		return ending{}, fmt.Errorf("the system said %v", state)
	}
	if ws.Signaled() {
		return ending{code: -1, signal: ws.Signal(), core: ws.CoreDump()}, nil
	}
	return ending{code: ws.ExitStatus()}, nil
}

// alone can't be told here.
func alone(int) bool { return false }

// reparents says that orphans go to the init process here: nothing to reap.
const reparents = false

func reapOrphans(int) {}

func reap(int) {}

// children can't be told; only what a supervisor wrote down is known.
func children() []int { return nil }

func isChild(int) bool { return false }

func childless() bool { return false }
