package report

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"runbook/runbook"
	"runbook/runbook/journal"
	"runbook/steps/safetext"
	"runbook/steps/supervise"
)

// Format is a form of a report.
type Format string

// The formats.
const (
	Markdown Format = "md"
	HTML     Format = "html"
	JSON     Format = "json"
)

// ParseFormat reads the name of a format.
func ParseFormat(name string) (Format, error) {
	switch f := Format(name); f {
	case Markdown, HTML, JSON:
		return f, nil
	}
	return "", fmt.Errorf("a report is md, html or json, not %q", name)
}

// Write writes the account in a format. The same account gives the same bytes.
func (a *Account) Write(w io.Writer, f Format) error {
	switch f {
	case HTML:
		return writeHTML(w, a)
	case JSON:
		data, err := json.MarshalIndent(a, "", "  ")
		if err == nil {
			_, err = w.Write(append(data, '\n'))
		}
		return err
	case Markdown:
	}
	_, err := w.Write(markdown(a))
	return err
}

// Whole is the account of all of a run, with what depends on who asks: the
// verdicts of found, slots that the log is not committed to yet, how long
// commands took in the runs before this one, whether the reports that were
// signed are those of this log, and the ends of what failing commands printed.
func Whole(ctx context.Context, dir string, found journal.Report) (*Account, error) {
	l, err := open(dir)
	if err != nil {
		return nil, err
	}
	a, r, err := l.account(0)
	if err != nil {
		return nil, err
	}
	if a.Log.Damage == "" {
		a.Log.Text = sum(markdown(a))
	}
	a.measured(l.book, r)
	a.judged(found)
	a.usually(runbook.Usually(ctx, dir, r))
	l.compare(a)
	a.tails(l, r)
	clean(a)
	return a, nil
}

// compare holds the report that each sign-off names against what the log gives.
func (l *source) compare(a *Account) {
	known := map[uint64]string{}
	for i := range a.Signoffs {
		for j := range a.Signoffs[i].Decisions {
			d := &a.Signoffs[i].Decisions[j]
			if d.How != signed {
				continue
			}
			if known[d.Of] == "" {
				known[d.Of] = "unknown"
				if then, _, err := l.account(d.Of); err == nil {
					known[d.Of] = sum(markdown(then))
				}
			}
			if d.Report = "as this log gives it"; known[d.Of] != d.ReportSHA {
				d.Report = "of other bytes than this version makes of the log, sha256 " + d.ReportSHA
			}
		}
	}
}

// What is told of the output of a command that did not end well, at most: the
// output itself lies beside the log.
const (
	tailBytes = 2 << 10
	tailLines = 12
)

// tails adds the end of what commands printed whose steps ended as a finding, as
// far as it is still what the log recorded.
func (a *Account) tails(l *source, r *runbook.Run) {
	for _, f := range a.stood() {
		step := l.book.Step(f.Step)
		if step == nil || f.Kind == repeated || f.Kind == runbook.Skipped.String() {
			continue
		}
		paths := map[string]string{"": r.Output(step)}
		for _, out := range r.Outputs(step) {
			paths[out.Host] = out.Path
		}
		for _, end := range a.ends(f.Step) {
			if tail := tail(paths[end.Host], end.SHA256); len(tail) > 0 {
				a.Outputs = append(a.Outputs, OutputTail{Step: f.Step, Attempt: end.Attempt, Host: end.Host, Lines: tail})
			}
		}
	}
}

// ends are how the last attempt of a step ended, on each host.
func (a *Account) ends(step string) []*End {
	var ends []*End
	for _, phases := range [][]Phase{a.Phases, a.Plans} {
		for _, p := range phases {
			for _, s := range p.Steps {
				for _, act := range s.Acts {
					if s.ID == step && act.End != nil {
						ends = append(slices.DeleteFunc(ends, func(e *End) bool { return e.Attempt < act.End.Attempt || e.Host == act.End.Host }), act.End)
					}
				}
			}
		}
	}
	return ends
}

// tail is the end of a file of output, if that is what the log recorded.
func tail(path, recorded string) []string {
	if path == "" || recorded == "" {
		return nil
	}
	if got, err := supervise.FileSHA(path); err != nil || got != recorded {
		return nil
	}
	data, _, err := supervise.Tail(path, tailBytes)
	if err != nil {
		return nil
	}
	lines := safetext.Lines(data, false)
	return lines[max(0, len(lines)-tailLines):]
}
