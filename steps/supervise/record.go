package supervise

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"runbook/runbook/durable"
)

// wait sees the program end.
func (p *Process) wait() {
	state, err := reap(p.child, func() {
		p.mu.Lock()
		p.over = true
		p.mu.Unlock()
		p.outcome.Took = time.Since(p.began)
		p.outcome.Leftovers = p.leftovers()
	})
	p.outcome.Exit = -1
	if err != nil {
		p.outcome.Unseen = "its end was not seen: " + err.Error()
	} else if ws, ok := state.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		p.outcome.Signal = unix.SignalName(ws.Signal())
	} else {
		p.outcome.Exit = state.ExitCode()
	}
	close(p.exited)
}

// record follows the output, and after the program's end makes output and
// verdict durable, in this order, before the raw output goes.
func (p *Process) record() {
	defer close(p.done)
	if f := p.follower; f != nil {
		f.follow(p.exited)
		p.warn(f.close())
		p.outcome.Bytes, p.outcome.SHA256 = f.size, hex.EncodeToString(f.hash.Sum(nil))
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.outcome.Began, p.outcome.Cancelled, p.outcome.Sent = p.began.UTC(), p.cancelled, p.sent
	if p.warnings != nil {
		p.outcome.Warn = p.warnings.Error()
	}
	if err := p.conclude(); err != nil {
		p.outcome.Warn = errors.Join(p.warnings, err).Error()
	}
}

// conclude writes the verdict and removes the raw output. On a full disk it
// is the raw output that makes room for the verdict.
func (p *Process) conclude() error {
	data, err := json.Marshal(p.outcome)
	if err != nil {
		return fmt.Errorf("write verdict: %w", err)
	}
	verdict, raw := filepath.Join(p.order.Files, verdictFile), filepath.Join(p.order.Files, rawFile)
	data = append(data, '\n')
	if durable.WriteFile(verdict, data, 0o600) != nil {
		// Whoever still holds the raw output would keep its blocks after the
		// removal; if the truncation fails, so does what follows.
		_ = os.Truncate(raw, 0)
		err = durable.WriteFile(verdict, data, 0o600)
	}
	if rmErr := os.Remove(raw); !errors.Is(rmErr, fs.ErrNotExist) {
		err = errors.Join(err, rmErr)
	}
	return err
}
