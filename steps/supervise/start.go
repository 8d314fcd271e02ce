package supervise

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"runbook/runbook/durable"
)

// ErrStarted says that this intent has forked already, or may have: one
// intent forks at most once.
var ErrStarted = errors.New("already started")

// Start executes the order. Before the fork it makes the intent durable; an
// error means that nothing was forked, and after ErrStarted that somebody
// else did or died trying: Classify tells. A program that can't be executed
// is no error but an outcome with Err.
//
// The process has its own session and no terminal, reads from /dev/null and
// writes straight into a file, so nothing that happens to us reaches it.
func Start(o Order) (*Process, error) {
	if len(o.Argv) == 0 || !filepath.IsAbs(o.Path) || !filepath.IsAbs(o.Dir) || !filepath.IsAbs(o.Files) {
		return nil, fmt.Errorf("start command: order needs argv and absolute path, dir and files, has path %q, dir %q, files %q", o.Path, o.Dir, o.Files)
	}
	if err := durable.MkdirAll(o.Files, 0o700); err != nil {
		return nil, fmt.Errorf("start %s: %w", o.Argv[0], err)
	}
	if err := publishIntent(o.Files); err != nil {
		return nil, fmt.Errorf("start %s: %w", o.Argv[0], err)
	}
	p := newProcess(o)
	if err := p.launch(); err != nil {
		p.outcome.Exit, p.outcome.Err = -1, "program not executed: "+err.Error()
		p.over = true
		close(p.exited)
	} else {
		go p.wait()
	}
	go p.record()
	return p, nil
}

// launch opens the output and forks. After an error nothing runs.
func (p *Process) launch() error {
	raw, f, err := openFiles(p.order)
	if err != nil {
		return err
	}
	p.follower = f
	if p.raw, err = raw.Stat(); err == nil {
		p.began = time.Now()
		p.child, err = fork(p.order, raw)
	}
	if err != nil {
		return errors.Join(err, raw.Close())
	}
	p.id = identify(p.child.Pid)
	p.warn(writeIdentity(p.order.Files, p.id))
	p.warn(raw.Close())
	return nil
}

// publishIntent writes started, which exists once.
func publishIntent(dir string) error {
	data, err := json.Marshal(map[string]any{"began": time.Now().UTC(), "boot": bootID(), "driver": os.Getpid()})
	if err != nil {
		return err
	}
	err = durable.Publish(filepath.Join(dir, startedFile), append(data, '\n'), 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w: %s", ErrStarted, filepath.Join(dir, startedFile))
	}
	return err
}

// openFiles makes the raw output for the process and what follows it.
func openFiles(o Order) (*os.File, *follower, error) {
	path := filepath.Join(o.Files, rawFile)
	raw, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, nil, err
	}
	f, err := newFollower(path, filepath.Join(o.Files, OutputFile), o.Secrets)
	if err != nil {
		return nil, nil, errors.Join(err, raw.Close())
	}
	return raw, f, nil
}

// fork executes the program. It is os.StartProcess and not os/exec because
// nothing may be added to the environment and nothing copied.
func fork(o Order, raw *os.File) (*os.Process, error) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, err
	}
	defer func() { _ = null.Close() }() // read only: nothing to lose
	catchIgnored()
	return os.StartProcess(o.Path, o.Argv, &os.ProcAttr{
		Dir:   o.Dir,
		Env:   append([]string{}, o.Env...), // nil would inherit ours
		Files: []*os.File{null, raw, raw},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
}

// catchIgnored turns signals we were started to ignore, as under nohup, into
// caught ones that nobody reads. For us that is the same; a program inherits
// an ignored signal and could then not be cancelled, a caught one it does not.
func catchIgnored() {
	for _, sig := range []os.Signal{syscall.SIGHUP, syscall.SIGINT} {
		if signal.Ignored(sig) {
			signal.Notify(make(chan os.Signal, 1), sig)
		}
	}
}

// identify reads who the new process is: it can't have been reaped yet.
func identify(pid int) identity {
	p, _ := look(pid)
	return identity{PID: pid, Start: p.start, Boot: bootID()}
}

// writeIdentity is not synced: a pid means nothing after a reboot.
func writeIdentity(dir string, id identity) error {
	data, err := json.Marshal(id)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, pidFile), data, 0o600)
}
