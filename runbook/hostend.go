package runbook

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"runbook/runbook/book"
	"runbook/runbook/durable"
	"runbook/steps"
	"runbook/steps/run"
	"runbook/steps/safetext"
	"runbook/steps/supervise"
)

// see waits for the end of a host's ssh, and writes down what the host says of
// the command.
func (f *fleet) see(l *leg) error {
	end := l.process.End()
	f.s.mu.Lock()
	st := f.s.run.Steps[f.step.ID].host(l.Host.Name)
	h := *st
	f.s.mu.Unlock()
	if end.Class == supervise.Unknown {
		f.s.salvage(f.s.driving, f.step, f.s.State().filesOn(f.step.ID, f.attempt, h.Host))
	}
	body, known := f.told(h, end)
	if l.over = known; !known {
		body = f.ask(l, body, askAgain)
	}
	if f.s.driving.Err() != nil {
		return f.s.driving.Err() // who drives now writes it down
	}
	return f.record(l, body)
}

// told is what the ssh of a host tells at its end. Not known is what became of
// a command once the connection is lost: the host knows.
func (f *fleet) told(h HostState, end supervise.Status) (body *runResultBody, known bool) {
	body = &runResultBody{Outcome: "unknown", Source: end.Source}
	body.Verdict = steps.Unknown
	switch o := end.Outcome; {
	case end.Class == supervise.NeverStarted:
		return notStarted("the session ended before it"), true
	case end.Class != supervise.Exited:
		body.Reason = "nobody saw the end of its ssh: there is " + end.Source
	case o.Order != h.order:
		body.Reason = "what was executed is not what was approved: its verdict is of another order"
		return body, true
	case o.Err != "":
		return notStarted(o.Err), true
	default:
		out := f.lastOf(h, supervise.OutputFile)
		word, ok := run.ReadWord(out, h.proof)
		switch {
		case ok && word.Class != supervise.Unknown:
			return f.ended(word, o), true
		case ok:
			body.Reason = word.Text
		case o.Unread:
			return notStarted(h.Host + " was not reached: " + run.SSHSaid(out, errors.New("ssh said nothing"))), true
		default:
			body.Reason = "the connection to " + h.Host + " was lost: " + run.SSHSaid(out, errors.New("ssh said nothing"))
		}
	}
	return body, false
}

// ended is the result of a command of whose end its host told. o is of the ssh
// that brought the word.
func (f *fleet) ended(word run.Word, o supervise.Outcome) *runResultBody {
	if word.Class == supervise.NeverStarted {
		body := notStarted("")
		body.Reason = word.Text
		return body
	}
	o.Exit, o.Signal, o.Unseen, o.Err, o.Leftovers = word.Exit, "", "", "", word.Leftovers
	o.Cancelled = o.Cancelled || len(word.Sent) > 0
	body := resultOf(o, *f.verb.Command)
	if name := unix.SignalName(unix.Signal(word.Exit - 128)); word.Exit > 128 && name != "" {
		body.Evidence = append(body.Evidence, steps.Evidence{Label: "as a shell says it", Value: "ended by " + name})
	}
	body.Source = "the host's word"
	return body
}

// How often a host that does not answer is asked what became of its command,
// and the pause between: a connection that is lost often comes back soon.
const (
	askAgain = 5
	askOnce  = 1
	askPause = 3 * time.Second

	// reachedAfter is from when on a host must have been reached that did not
	// answer: it was lost once more.
	reachedAfter = 30 * time.Second
)

func (f *fleet) isCancelled() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.cancelled
}

// ask has a host tell what became of a command, following it if it still runs.
// body is what is written down if the host can't be reached either.
func (f *fleet) ask(l *leg, body *runResultBody, times int) *runResultBody {
	began := time.Now()
	for try := 1; ; try++ {
		asked, sink := time.Now(), f.again(l)
		word, err := l.Follow(f.s.driving, l.key, sink)
		err = errors.Join(err, sink.Close())
		told := err == nil && word.Class != supervise.Unknown
		sum := sink.settle(told)
		switch {
		case told:
			body := f.ended(word, supervise.Outcome{Took: time.Since(began)})
			if body.Again = sum != ""; body.Again {
				body.Bytes, body.OutSHA256 = sink.size, sum
			}
			return body
		case err == nil:
			body.Reason = word.Text
			return body
		case time.Since(asked) > reachedAfter:
			try = 0
		case try >= times || f.isCancelled():
			body.Reason += "; asked again, " + err.Error()
			return body
		}
		if pause(f.s.driving, askPause) != nil {
			return body
		}
	}
}

// sink takes the output of a command that is followed once more, without the
// secrets.
type sink struct {
	*safetext.Redactor
	file *os.File // nil where nothing is kept
	kept bool     // all of it is there
	size int64
	sum  hash.Hash
}

// again makes a file for it. Where the secrets can't be had, or there is no
// room, nothing is kept.
func (f *fleet) again(l *leg) *sink {
	s := &sink{sum: sha256.New()}
	s.Redactor = safetext.NewRedactor(counting{s}, f.hide...)
	r := f.s.State()
	if !f.blind {
		mode := os.FileMode(0o600)
		if durable.Shared(r.Dir) {
			mode = 0o640
		}
		var err error
		if s.file, err = os.CreateTemp(r.filesOn(f.step.ID, f.attempt, l.Host.Name), ".again.*"); err == nil {
			s.kept = s.file.Chmod(mode) == nil
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	l.asking, l.againPath = true, ""
	if s.file != nil {
		l.againPath = s.file.Name()
	}
	return s
}

// settle puts the output where readers look, once the host has told its end,
// and returns its hash. Of what was not told, or is not all there, nothing
// stays, and the hash is empty.
func (s *sink) settle(told bool) (sum string) {
	if s.file == nil {
		return ""
	}
	path := s.file.Name()
	if err := errors.Join(s.file.Sync(), s.file.Close()); told && s.kept && err == nil {
		sum = hex.EncodeToString(s.sum.Sum(nil))
		if os.Rename(path, filepath.Join(filepath.Dir(path), againFile(sum))) == nil {
			return sum
		}
	}
	_ = os.Remove(path) // a part of it is told by nobody
	return ""
}

// counting is the way into a sink's file.
type counting struct{ *sink }

func (c counting) Write(p []byte) (int, error) {
	c.size += int64(len(p))
	if c.kept {
		if _, err := c.file.Write(p); err != nil {
			c.kept = false // what is there is not all of it
		}
		c.sum.Write(p)
	}
	return len(p), nil
}

// lastOf is the end of a file of output on a host's side, as far as the host's
// word can stand in it.
func (f *fleet) lastOf(h HostState, name string) []byte {
	file, err := os.Open(filepath.Join(f.s.State().filesOn(f.step.ID, f.attempt, h.Host), name))
	if err != nil {
		return nil
	}
	defer func() { _ = file.Close() }() // read only: nothing to lose
	info, err := file.Stat()
	if err != nil {
		return nil
	}
	data, err := io.ReadAll(io.NewSectionReader(file, max(0, info.Size()-wordRoom), wordRoom))
	if err != nil {
		return nil
	}
	return data
}

// wordRoom is how far from the end of an output the host's word may stand:
// only ssh itself says something behind it.
const wordRoom = 64 << 10

// takeUpHosts takes up a command on hosts that an earlier session started, or
// whose end is still not known: an ssh that goes on is waited for, and a host
// of whose end nothing is written down is asked.
func (s *Session) takeUpHosts(ctx context.Context, step *book.Step, v book.Run, st StepState, times int) <-chan error {
	f := s.newFleet(step, v, st.Attempt, nil)
	f.hide, f.blind = s.hidden(ctx, step)
	return f.run(st.At, func() error {
		var all errgroup.Group
		for _, h := range st.Hosts {
			if h.State == Unknown {
				all.Go(func() error { return f.takeUp(h, times) })
			}
		}
		return all.Wait()
	})
}

// takeUp is one host of a command that an earlier session started.
func (f *fleet) takeUp(h HostState, times int) error {
	remote, err := carrier(f.s.world, f.s.target, h.Host, *f.verb.Command, f.s.world.Env)
	if err != nil {
		return fmt.Errorf("ask %s what became of %s: %w", h.Host, f.step.ID, err)
	}
	l := f.leg(remote)
	if h.Result == nil {
		process := supervise.Attach(f.s.State().filesOn(f.step.ID, f.attempt, h.Host), h.verdictKey)
		f.mu.Lock()
		l.process = process
		f.mu.Unlock()
		return f.see(l)
	}
	body := f.ask(l, &runResultBody{Outcome: "unknown", resultBody: resultBody{Verdict: steps.Unknown, Reason: h.Result.Reason}}, times)
	if f.s.driving.Err() != nil {
		return f.s.driving.Err()
	}
	return f.record(l, body)
}
