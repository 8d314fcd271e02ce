package report

import (
	"encoding/json"
	"fmt"
	"strings"

	"runbook/runbook/journal"
)

// chores are what a session may do though nobody drives it, in the order in
// which they are told: a statement is its signer's own.
var chores = []struct{ kind, one, more string }{
	{journal.KindAttest, "took in a sign-off", "took in %d sign-offs"},
	{journal.KindAnchor, "committed the log to the slots of timers", "committed the log to the slots of timers"},
	{journal.KindShredded, "took a file away", "took %d files away"},
	{journal.KindClock, "noted that the clock was set", "noted that the clock was set"},
	{journal.KindSlot, "measured a slot, for which no key vouches", "measured %d slots, for which no key vouches"},
}

// chore is the kind of an entry that needs nobody who drives; ok is false of
// any other.
func chore(e journal.Entry) (kind string, ok bool) {
	if kind = e.Kind; kind == "watch" {
		var b body
		if json.Unmarshal(e.Body, &b) != nil || b.Slot == 0 {
			return "", false // it began
		}
		kind = journal.KindSlot
	}
	for _, c := range chores {
		if c.kind == kind {
			return kind, true
		}
	}
	return "", false
}

// did says of each session in which nobody drove what it did. The first began
// the run.
func (a *Account) did(entries []journal.Entry) {
	at, done := 0, map[string]int{}
	drove := true
	end := func() {
		if !drove && at > 0 {
			a.Sessions[at-1].Did = told(done)
		}
	}
	for _, e := range entries {
		if e.Kind == journal.KindSession {
			end()
			at, done, drove = at+1, map[string]int{}, at == 0
			continue
		}
		kind, ok := chore(e)
		drove = drove || !ok
		done[kind]++
	}
	end()
}

func told(done map[string]int) string {
	var words []string
	for _, c := range chores {
		switch n := done[c.kind]; {
		case n == 1:
			words = append(words, c.one)
		case n > 1 && strings.Contains(c.more, "%d"):
			words = append(words, fmt.Sprintf(c.more, n))
		case n > 1:
			words = append(words, c.more)
		}
	}
	return strings.Join(words, ", ")
}
