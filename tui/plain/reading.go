package plain

import (
	"cmp"
	"context"
	"slices"
	"time"

	"runbook/runbook"
	"runbook/runbook/book"
	"runbook/steps/safetext"
)

// Follow prints a run that somebody else drives, as it moves: the steps whose
// state changed, and what a running command prints. It returns when the run
// ends, when `q` is typed, when ctx is done, or when nobody reads any more.
func Follow(ctx context.Context, s *runbook.Session, o Options) {
	p := &session{Session: s, out: o.Out, said: map[string]bool{}, seen: map[string]sight{}}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	p.lines = newReader(ctx, o.In, p.told.Load)
	f := &following{session: p, last: behind(s.Book(), s.State()), joins: true}
	f.news()
	f.joins = false
	ticker := time.NewTicker(pace)
	defer ticker.Stop()
	for f.last.Ended.IsZero() && !p.deaf {
		select {
		case <-ctx.Done():
			return
		case <-s.Changed():
			f.news()
		case <-ticker.C:
			if f.out != nil {
				f.out.more()
			}
		case l, ok := <-p.lines.lines:
			if !ok {
				p.lines.lines = nil // nobody types: that is no reason to leave
				continue
			}
			if l.text == "q" || l.text == "detach" {
				return
			}
			p.print("? %s; q leaves", safetext.Line(s.Reads().Error()))
		}
	}
}

// behind is a run without the phase that is open: what lies before it is not
// told to one who joins.
func behind(b *book.Book, r *runbook.Run) *runbook.Run {
	if p := r.Phase(b); p != nil {
		for _, s := range p.Steps {
			delete(r.Steps, s.ID)
		}
	}
	r.Ended = time.Time{}
	return r
}

// following is what was printed last.
type following struct {
	*session
	last   *runbook.Run
	joins  bool // what has ended by now is told, and its output is not
	driver string
	broken bool
	step   *book.Step // whose output is printed
	out    *tail
}

// news prints how the run differs from what was printed last.
func (f *following) news() {
	reads, r := f.Reads(), f.State()
	if f.joins {
		f.drives(reads, r)
		f.header(r)
	}
	if reads.Err != nil && !f.broken {
		f.broken = true
		f.print("! the log can't be read further: %s", safetext.Line(reads.Err.Error()))
	}
	f.moved(r)
	f.header(r)
	for _, n := range r.Notes[min(len(f.last.Notes), len(r.Notes)):] {
		f.print("%s memo: %s", at(n.At), safetext.Line(n.Text))
	}
	if r.Ended.IsZero() {
		f.drives(reads, r)
	} else {
		f.print("%s the run ended: %s", at(r.Ended), safetext.Line(r.Outcome))
	}
	f.last = r
}

// drives says who drives, when that is another than before.
func (f *following) drives(reads *runbook.ReadsError, r *runbook.Run) {
	if driver := drives(reads); driver != f.driver {
		f.driver = driver
		f.print("-- %s  %s, you follow; q leaves --", f.frame(r), driver)
	}
}

// moved prints every step whose state changed, in the order of the log.
func (f *following) moved(r *runbook.Run) {
	var all []*book.Step
	for _, s := range f.Book().All() {
		was, now := f.last.Steps[s.ID], r.Steps[s.ID]
		if now != nil && (was == nil || was.Seen != now.Seen || was.State != now.State) {
			all = append(all, s)
		}
	}
	slices.SortStableFunc(all, func(a, b *book.Step) int { return cmp.Compare(r.Steps[a.ID].Seen, r.Steps[b.ID].Seen) })
	for _, s := range all {
		st := *r.Steps[s.ID]
		if st.State != runbook.Running {
			f.ended(s, r)
		}
		f.print("%s %s %-14s %-28s %s", at(st.At), Mark(st), Word(st), s.ID, Saw(st))
		if st.State == runbook.Running {
			f.began(s, r)
		}
	}
}

// began takes up the output of a command.
func (f *following) began(s *book.Step, r *runbook.Run) {
	if v, ok := s.Verb.(book.Run); ok && v.Command != nil {
		f.step, f.out = s, &tail{path: r.Output(s), print: f.print}
		f.out.join()
	}
}

// ended prints the rest of a command's output, all of it if nobody saw it run.
func (f *following) ended(s *book.Step, r *runbook.Run) {
	was, now := f.last.Steps[s.ID], r.Steps[s.ID]
	known := was != nil && was.Attempt == now.Attempt && (was.Exit != nil || now.Exit == nil) // not only that it was to be started
	if f.joins || f.step != s && known {
		return
	}
	if f.step != s {
		f.began(s, r)
	}
	if f.step != s {
		return
	}
	f.out.rest()
	if st := r.Steps[s.ID]; st.Exit != nil {
		f.print("exit %d", *st.Exit)
	}
	f.step, f.out = nil, nil
}

func at(t time.Time) string { return t.UTC().Format(time.TimeOnly) + "Z" }

// drives says who drives a run that is read along.
func drives(reads *runbook.ReadsError) string {
	if reads.Driver == "" {
		return "nobody drives"
	}
	return safetext.Line(reads.Driver) + " drives"
}
