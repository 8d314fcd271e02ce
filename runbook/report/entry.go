package report

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"runbook/runbook/journal"
	"runbook/steps/safetext"
)

// leading are the fields an auditor looks for first, in this order.
var leading = []string{
	"step", "phase", "plan", "settles", "verdict", "outcome", "answer", "exit", "who", "reason", "text", "name", "value", "slot",
	"role", "scope", "decision", "about",
}

// heavy fields are left to `log show --json`.
var heavy = []string{"stmt", "sshsig", "session_key", "env", "vars", "claims"}

// Entry is one entry of a log in one line of safe text: its number, time and
// kind, and then its fields, the telling ones first.
func Entry(e journal.Entry) string {
	head := fmt.Sprintf("%4d  %s  %-14s", e.N, e.Time.UTC().Format("2006-01-02T15:04:05.000Z"), e.Kind)
	var body map[string]any
	if err := json.Unmarshal(e.Body, &body); err != nil {
		return safetext.Line(head + " " + string(e.Body))
	}
	if e.Kind == journal.KindAttest {
		said(body)
	}
	names := make([]string, 0, len(body))
	for name := range body {
		if !slices.Contains(heavy, name) && !slices.Contains(leading, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var parts []string
	for _, name := range append(slices.Clone(leading), names...) {
		if value, ok := body[name]; ok {
			parts = append(parts, name+"="+field(value))
		}
	}
	return safetext.Line(head + " " + strings.Join(parts, " "))
}

// said adds what a sign-off says, which stands in the text that is signed.
func said(body map[string]any) {
	stmt, _ := body["stmt"].(string)
	s, err := journal.ParseSignoff(stmt)
	if err != nil {
		return
	}
	body["role"], body["scope"], body["decision"], body["about"] = s.Role, s.Scope, s.Decision, float64(s.N)
	if s.Note != "" {
		body["note"] = s.Note
	}
}

func field(value any) string {
	switch v := value.(type) {
	case string:
		if v == "" || strings.ContainsAny(v, " =\"") {
			return fmt.Sprintf("%q", v)
		}
		return v
	case float64:
		return fmt.Sprintf("%.0f", v) // bodies hold integers only
	}
	data, err := json.Marshal(value)
	if err != nil {
		return "?"
	}
	return string(data)
}
