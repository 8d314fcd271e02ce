package tui

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"runbook/runbook"
	"runbook/runbook/book"
	"runbook/steps/check"
	"runbook/steps/safetext"
	"runbook/tui/plain"
)

func itoa(n int) string { return strconv.Itoa(n) }

func spaces(n int) string { return strings.Repeat(" ", n) }

// titleOf is a step's title, safe to show.
func titleOf(s *book.Step) string { return safetext.Line(plain.Title(s.Title, s.ID)) }

// span is a duration that grows on the screen: 0:41, 12:07, 3:02:10.
func span(d time.Duration) string {
	t := max(0, int(d.Seconds()))
	if t >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", t/3600, t/60%60, t%60)
	}
	return fmt.Sprintf("%d:%02d", t/60, t%60)
}

// took is a duration that is over: 0.1s, 41s, 3m20s.
func took(d time.Duration) string {
	switch {
	case d <= 0:
		return ""
	case d < 10*time.Second:
		return fmt.Sprintf("%.1fs", d.Seconds())
	}
	return d.Round(time.Second).String()
}

// kind is a step's verb and kind: "run command", "ask confirm".
func kind(s *book.Step) string {
	switch v := s.Verb.(type) {
	case book.Check:
		return "check " + v.Kind
	case book.Run:
		return "run " + v.Kind
	case book.Ask:
		return "ask " + v.Kind
	case book.Tell:
		return "tell " + v.Kind
	case book.Watch:
		return "watch " + v.Kind
	}
	return ""
}

// oneKey reports whether enter may start a run: it can be undone, has no effect
// on the target, is a probe, which cleans up after itself, or is a step of the
// plan that was chosen by its name.
func oneKey(r *runbook.Run, s *book.Step) bool {
	v, _ := s.Verb.(book.Run)
	return v.Probe != nil || s.Plan != "" && s.Plan == r.Plan || changesNothing(s) || undoOf(s) != ""
}

func changesNothing(s *book.Step) bool { return s.Effect == "none" }

// undoOf is the step that undoes a run, empty if none does.
func undoOf(s *book.Step) string {
	if strings.HasPrefix(s.Undo, "none") {
		return ""
	}
	return s.Undo
}

// wayBack says what undoes a run.
func wayBack(s *book.Step) string {
	v, _ := s.Verb.(book.Run)
	reason := strings.TrimLeft(strings.TrimPrefix(s.Undo, "none"), ": ")
	switch {
	case v.Probe != nil && cleansUp(v.Probe.Check):
		return "touches the target, and cleans up after itself"
	case v.Probe != nil:
		return "touches the target"
	case changesNothing(s):
		return "no effect on the target"
	case undoOf(s) != "":
		return "undone by " + safetext.Line(s.Undo)
	case s.Plan != "":
		return "a step of the way back"
	case reason == "":
		return "can't be undone: the book names nothing that does"
	}
	return "can't be undone: " + safetext.Line(reason)
}

// cleansUp reports whether a probe has requests that remove what it made.
func cleansUp(c check.Check) bool {
	web, ok := c.(*check.HTTP)
	return ok && len(web.Cleanup) > 0
}

// due says what a pending step is waiting for.
func due(r *runbook.Run, s *book.Step) string {
	if r.Waits(s) {
		return "waits for a choice"
	}
	switch v := s.Verb.(type) {
	case book.Check:
		return "not looked at yet"
	case book.Run:
		switch {
		case v.Probe != nil:
			return "to probe"
		case oneKey(r, s):
			return "to run"
		}
		return "to run, can't be undone"
	case book.Ask:
		if v.Approve != nil {
			return "approval of " + safetext.Line(v.Approve.Role)
		}
		return "asks you"
	case book.Tell:
		return "tell " + safetext.Line(v.Message.To)
	case book.Watch:
		return "watch " + v.For.String() + ", every " + v.Every.String()
	}
	return ""
}

// seenAgo says where and when a step was last seen, at now.
func seenAgo(st runbook.StepState, now time.Time) string {
	if st.At.IsZero() {
		return ""
	}
	text := "at " + st.At.UTC().Format("2006-01-02 15:04:05Z")
	if st.Result == nil {
		return text
	}
	text += ", " + plain.Ago(now.Sub(st.At)) + " ago"
	if t := took(st.Took); t != "" {
		text += ", took " + t
	}
	return text
}
