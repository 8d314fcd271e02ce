package plain

import (
	"bytes"
	"context"
	"strings"
	"time"

	"runbook/runbook"
	"runbook/runbook/book"
	"runbook/steps/safetext"
	"runbook/steps/supervise"
)

// pace is how often a running command's output is read.
const pace = 50 * time.Millisecond

// follow starts a command and prints its output live, each line after "| ",
// until it ends. Lines that come meanwhile are answered if they concern it,
// and kept for later if they do not.
func (p *session) follow(ctx context.Context, i runbook.Intent, step *book.Step) error {
	done := make(chan error, 1)
	attempt := p.State().Step(step).Attempt + 1
	go func() { done <- p.Do(ctx, i) }()
	out, near := p.outputs(step, attempt), p.beside(step)
	talk := p.talk(step)
	defer talk.close()
	ticker := time.NewTicker(pace)
	defer ticker.Stop()
	long := make(<-chan time.Time)
	if v, ok := step.Verb.(book.Run); ok && v.Command != nil && v.Command.AskAfter > 0 {
		timer := time.NewTimer(v.Command.AskAfter.D())
		defer timer.Stop()
		long = timer.C
	}
	lines := p.lines.lines
	for {
		select {
		case err := <-done:
			out.rest()
			if st := p.State().Step(step); st.Exit != nil && st.Attempt == attempt {
				p.print("exit %d", *st.Exit)
			}
			return err
		case <-ticker.C:
			if !out.more() && talk != nil {
				out.prompt()
			}
			near.more()
		case <-long:
			p.print("? %s takes longer than it should: wait, or cancel %s", step.ID, step.ID)
		case l, ok := <-lines:
			if !ok {
				lines = nil // the end of input waits for the command's end
				if talk != nil {
					p.doubt(talk.say(endOfText))
				}
				continue
			}
			if talk.mine(l.text) {
				p.doubt(talk.say(l.text + "\r"))
				continue
			}
			if err := p.meanwhile(ctx, l); err != nil {
				return err
			}
		}
	}
}

// meanwhile takes a line that comes while a command runs.
func (p *session) meanwhile(ctx context.Context, l line) error {
	word, _, _ := strings.Cut(strings.TrimSpace(l.text), " ")
	switch word {
	case runbook.Cancel, runbook.CancelBackend, runbook.Memo, "detach", "why", "?":
		return p.take(ctx, l)
	}
	p.lines.hold(l)
	return nil
}

// tail reads a growing file of redacted output from where it was read last.
type tail struct {
	path    string
	offset  int64
	partial []byte
	print   func(format string, args ...any)
}

// chunk is how much output is printed at a time; a flood is printed in order,
// and only as fast as the terminal takes it.
const chunk = 256 << 10

func (t *tail) more() bool {
	data, next, err := supervise.Since(t.path, t.offset, chunk)
	if err != nil || len(data) == 0 {
		return false
	}
	t.offset = next
	data = append(t.partial, data...)
	cut := bytes.LastIndexByte(data, '\n') + 1
	if cut == 0 && len(data) >= chunk {
		cut = len(data) // a line without an end is shown in pieces
	}
	t.partial = bytes.Clone(data[cut:])
	for _, line := range safetext.Lines(data[:cut], false) {
		t.print("| %s", line)
	}
	return true
}

// joined is how much of a long output somebody is shown who joins.
const joined = 8 << 10

// join leaves out what was printed long before.
func (t *tail) join() {
	data, next, err := supervise.Tail(t.path, joined)
	if err == nil && next > joined {
		t.offset = next - joined + int64(bytes.IndexByte(data, '\n')+1)
		t.print("| .. %d bytes before", t.offset)
	}
}

// prompt shows a line whose end waits for an answer.
func (t *tail) prompt() {
	if len(t.partial) > 0 {
		t.print("| %s", safetext.Line(string(t.partial)))
		t.partial = nil
	}
}

func (t *tail) rest() {
	for t.more() {
	}
	t.prompt()
}
