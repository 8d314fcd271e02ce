package tui

import (
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"runbook/runbook"
	"runbook/runbook/book"
	"runbook/steps"
	"runbook/steps/watch"
)

func TestPickerPreselectsNothing(t *testing.T) {
	t.Parallel()
	open := []runbook.Summary{{ID: "7f3a", Short: "7f3a", Book: "b", Target: "t", Phase: "pre"}}
	keys := func(names ...string) *picker {
		m := newModel(t.Context(), nil, Options{Now: time.Now})
		p := newPicker([]Item{{Name: "one"}, {Name: "two"}}, []Item{{Name: "here"}}, open)
		m.layers = []layer{{screen: p}}
		m.Update(tea.WindowSizeMsg{Width: 80, Height: 24})
		for _, k := range names {
			_ = m.View()
			m.press(keyOf(k))
		}
		return p
	}
	if p := keys("enter", "g", "enter"); p.picked || p.choice != (Choice{}) {
		t.Errorf("enter picked %+v", p.choice)
	}
	if p := keys("down", "down", "enter", "g"); p.picked || p.choice.Book != "one" {
		t.Errorf("a book alone began: %+v", p.choice)
	}
	if p := keys("down", "down", "down", "enter", "down", "enter", "g"); !p.picked || p.choice != (Choice{Book: "two", Target: "here"}) {
		t.Errorf("picked %+v", p.choice)
	}
	if p := keys("down", "enter"); !p.picked || p.choice.Resume == nil || p.choice.Resume.ID != "7f3a" {
		t.Errorf("resumed %+v", p.choice)
	}
}

func TestSparkline(t *testing.T) {
	t.Parallel()
	st := runbook.StepState{Slots: []runbook.Slot{
		{K: 1, Verdict: steps.Pass}, {K: 2, Gap: true}, {K: 3, Verdict: steps.Fail}, {K: 4}, {K: 5, Verdict: steps.Warn},
	}}
	for _, c := range []struct {
		all, w int
		want   string
	}{{8, 24, "│✓ ✗?!···│"}, {8, 6, "│✓ ✗?!·│"}, {96, 3, "│✗?!│"}} {
		if got := sparkline(st, c.all, c.w); got != c.want {
			t.Errorf("%d slots in %d cells: %s, want %s", c.all, c.w, got, c.want)
		}
	}
	w := book.Watch{Watch: watch.Watch{Every: steps.Duration(15 * time.Minute), For: steps.Duration(24 * time.Hour)}}
	st.Began = time.Date(2026, 11, 21, 22, 0, 0, 0, time.UTC)
	if got := nextSlot(st, w, st.Began); got != "next 23:30:00Z" {
		t.Error(got)
	}
	if got := nextSlot(st, w, st.Began.Add(-24*time.Hour)); got != "next 2026-11-21 23:30Z" {
		t.Error(got)
	}
}
