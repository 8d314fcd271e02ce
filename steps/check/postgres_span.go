package check

import (
	"context"
	"time"

	"runbook/steps"
)

// span is a question about what changes: it takes two looks, a window apart.
// What the looks saw is judged without a session.
type span struct {
	look  func(ctx context.Context, c *Postgres, s *session) ([]row, error)
	judge func(c *Postgres, before, after []row, r *steps.Result) error
}

var spans = map[string]span{
	"sizes":        {takeSizes, judgeSizes},
	"slow_queries": {takeStatements, judgeSlowQueries},
}

// Bounds of the time between two looks: what changes over longer is a watch's.
const (
	minBetween = time.Second
	maxBetween = 15 * time.Minute
)

// between is the time between two looks.
func (c *Postgres) between() steps.Duration {
	if c.Window == 0 {
		return steps.Duration(time.Minute)
	}
	return c.Window
}

// twice looks two times. No session is open between: a transaction that idles
// for a minute is what other checks warn of, and a pooler's connection is
// wanted by others.
func (c *Postgres) twice(whole context.Context, w *steps.World, at place, of span, r *steps.Result) error {
	var before, after []row
	take := func(rows *[]row) error {
		return c.inSession(whole, w, at, func(ctx context.Context, s *session) (err error) {
			*rows, err = of.look(ctx, c, s)
			return err
		})
	}
	if err := take(&before); err != nil {
		return err
	}
	after = before
	if c.spans() {
		if err := pass(whole, w, c.between().D()); err != nil {
			return unmeasured("interrupted between two looks: " + outside(err.Error()))
		}
		if err := take(&after); err != nil {
			return err
		}
	}
	r.Decide(steps.Pass, "")
	return of.judge(c, before, after, r)
}

// spans reports whether the question wants its second look: the size of
// something is one look, its growth are two.
func (c *Postgres) spans() bool {
	_, known := spans[c.Query]
	return known && (c.Query != "sizes" || c.MaxGrowth != "")
}

// pass waits by the World's clock. The practice world's is moved forward: its
// time is nobody's.
func pass(ctx context.Context, w *steps.World, d time.Duration) error {
	until := w.Clock.Now().Add(d)
	if w.Practice != nil {
		if err := w.Practice.Jump(ctx, until); err != nil {
			return err
		}
	}
	return w.Clock.Wait(ctx, until)
}
