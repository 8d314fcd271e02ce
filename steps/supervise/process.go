package supervise

import (
	"errors"
	"os"
	"sync"
	"time"
)

// Process is a command that runs, or ran.
type Process struct {
	order  Order
	began  time.Time
	child  *os.Process // nil if it was never executed
	id     identity
	raw    os.FileInfo   // of the raw output, to recognise who holds it
	exited chan struct{} // the program ended
	done   chan struct{} // and that is recorded

	follower *follower     // nil if there are no files to follow
	again    chan struct{} // a cancel was asked for once more

	mu        sync.Mutex
	over      bool // the program ended: signal nobody by its pid
	cancelled bool
	sent      []string
	family    map[int]proc // seen below the program while it was cancelled
	warnings  error
	outcome   Outcome
}

func newProcess(o Order) *Process {
	if o.Grace == 0 {
		o.Grace = 10 * time.Second
	}
	return &Process{
		order: o, began: time.Now(),
		exited: make(chan struct{}), done: make(chan struct{}),
		again: make(chan struct{}, 1), family: map[int]proc{},
	}
}

// PID is the process id, also its session and group; 0 if the program could
// not be executed.
func (p *Process) PID() int { return p.id.PID }

// Done is closed when the command has ended and its verdict is durable.
func (p *Process) Done() <-chan struct{} { return p.done }

// Outcome is how it ended; call it after Done.
func (p *Process) Outcome() Outcome {
	<-p.done
	return p.outcome
}

// LastOutput is when the command last wrote something, or when it began.
func (p *Process) LastOutput() time.Time {
	if p.follower != nil {
		if at := p.follower.last.Load(); at != 0 {
			return time.Unix(0, at)
		}
	}
	return p.began
}

// warn keeps an error that must not stop the command.
func (p *Process) warn(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.warnings = errors.Join(p.warnings, err)
}
