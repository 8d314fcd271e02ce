package runbook

import "context"

// byTarget marks an answer that the target gives, and nobody else.
const byTarget = "target"

// said is what stands beside an answer.
func (b *askBody) said() string {
	if b.By == byTarget {
		return "chosen by the target"
	}
	return b.Value
}

// choose answers what the target chooses, as far as it is known that it will be
// asked: one choice may depend on another.
func (s *Session) choose(ctx context.Context) error {
	for {
		r, chosen := s.State(), 0
		if !r.Ended.IsZero() {
			return nil
		}
		for _, p := range r.Sequence(s.book) {
			for _, step := range p.Steps {
				choice := s.target.Chosen(step)
				if choice == "" || r.Step(step).State != Pending || r.Waits(step) {
					continue
				}
				if err := s.decided(ctx, step, choice, byTarget); err != nil {
					return err
				}
				chosen++
			}
		}
		if chosen == 0 {
			return nil
		}
	}
}
