package plain

import (
	"fmt"
	"slices"

	"runbook/runbook"
	"runbook/runbook/book"
	"runbook/steps/safetext"
	"runbook/steps/supervise"
)

// Hosts is a line for each host of a command: how it stands there. It is empty
// for a command that runs here.
func Hosts(s *book.Step, st runbook.StepState) []string {
	if len(st.Hosts) == 0 {
		return nil
	}
	var lines []string
	for _, name := range s.On {
		i := slices.IndexFunc(st.Hosts, func(h runbook.HostState) bool { return h.Host == name })
		if i < 0 {
			lines = append(lines, fmt.Sprintf("· %s  not started", name))
			continue
		}
		lines = append(lines, hostLine(st.Hosts[i]))
	}
	return lines
}

func hostLine(h runbook.HostState) string {
	as := runbook.StepState{State: h.State, Result: h.Result}
	return fmt.Sprintf("%s %s  %s", Mark(as), h.Host, safetext.Line(h.Line()))
}

// outputs prints what a command prints, here or on its hosts: each line after
// "| ", and of several hosts with the host before it.
type outputs struct {
	*session
	step    *book.Step
	attempt int
	here    *tail
	there   map[string]*tail
	said    map[string]string // how it stands on each host, as printed last
}

func (p *session) outputs(step *book.Step, attempt int) *outputs {
	here := &tail{path: p.State().Files(step.ID, attempt) + "/" + supervise.OutputFile, print: p.print}
	return &outputs{session: p, step: step, attempt: attempt, here: here, there: map[string]*tail{}, said: map[string]string{}}
}

func (o *outputs) more() bool {
	if len(o.step.On) == 0 {
		return o.here.more()
	}
	return o.onHosts(func(t *tail) bool { return t.more() })
}

// onHosts reads the output of every host, and tells where something moved.
func (o *outputs) onHosts(read func(*tail) bool) bool {
	r := o.State()
	st := r.Step(o.step)
	if st.Attempt != o.attempt {
		return false // not started yet
	}
	grew := false
	for _, out := range r.Outputs(o.step) {
		t := o.there[out.Host]
		if t == nil || t.path != out.Path {
			t = &tail{path: out.Path, print: o.printer(out.Host)}
			o.there[out.Host] = t
		}
		grew = read(t) || grew
	}
	for _, h := range st.Hosts {
		if line := hostLine(h); o.said[h.Host] != line && h.Attempt == o.attempt {
			o.said[h.Host] = line
			o.print("  %s", line)
		}
	}
	return grew
}

// printer puts the host before a line where there are several.
func (o *outputs) printer(host string) func(format string, args ...any) {
	if len(o.step.On) == 1 {
		return o.print
	}
	return func(format string, args ...any) { o.print(host+" "+format, args...) }
}

func (o *outputs) prompt() { o.here.prompt() }

func (o *outputs) rest() {
	if len(o.step.On) == 0 {
		o.here.rest()
		return
	}
	o.onHosts(func(t *tail) bool { t.rest(); return false })
}
