package runbook

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"runbook/runbook/book"
	"runbook/steps"
)

// watch begins watches, and measures the slots that are due. Older slots that
// nobody measured become gaps: nothing is dated back.
func (s *Session) watch(ctx context.Context, i Intent) error {
	r := s.State()
	p := r.Phase(s.book)
	if err := s.open(ctx, p); err != nil {
		return err
	}
	switch i.Kind {
	case WatchIt:
		return s.beginWatches(ctx, r, p, i.Step)
	case Jump:
		if err := s.world.Practice.Jump(ctx, r.NextSlot(s.book)); err != nil {
			return err
		}
	}
	return s.measureSlots(ctx, r, p)
}

func (s *Session) beginWatches(ctx context.Context, r *Run, p *book.Phase, only string) error {
	batch := r.Turn(p, isWatch)
	if only != "" {
		batch = []*book.Step{s.book.Step(only)}
	}
	began := s.world.Clock.Now()
	for _, step := range batch {
		if err := s.record(ctx, kindWatch, &watchBody{Step: step.ID, Due: stamp(began), resultBody: resultBody{Verdict: steps.Unknown}}); err != nil {
			return err
		}
	}
	return s.delegate(ctx, p)
}

func (s *Session) measureSlots(ctx context.Context, r *Run, p *book.Phase) error {
	now := s.world.Clock.Now()
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for _, step := range p.Steps {
		w, ok := step.Verb.(book.Watch)
		st := r.Step(step)
		if !ok || st.State != Running {
			continue
		}
		newest, last := w.Newest(st.Began, now), st.lastSlot()
		if newest <= last {
			continue
		}
		group.Go(func() error { return s.measureSlot(ctx, step, w, st.Began, last, newest) })
	}
	return group.Wait()
}

func (s *Session) measureSlot(ctx context.Context, step *book.Step, w book.Watch, began time.Time, last, newest int) error {
	if missed := newest - 1; missed > last {
		body := &watchBody{Step: step.ID, Slot: last + 1, To: missed, Due: stamp(w.Due(began, last+1)), Gap: true}
		body.Reason = "nobody watched"
		if err := s.record(ctx, kindWatch, body); err != nil {
			return err
		}
	}
	result := Look(ctx, s.book, step, s.State().Vars, s.world)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return s.record(ctx, kindWatch, &watchBody{Step: step.ID, Slot: newest, Due: stamp(w.Due(began, newest)), resultBody: bodyOf(result)})
}
