package book

import (
	"maps"
	"slices"
	"strings"

	"runbook/steps"
	"runbook/steps/ask"
	"runbook/steps/check"
	"runbook/steps/run"
	"runbook/steps/tell"
	"runbook/steps/watch"
)

// verb reads the fields of a step's verb. It returns nil after noting what is
// wrong.
func (r *reader) verb(path, verb string, table map[string]any) Verb {
	switch verb {
	case "watch":
		return r.watch(path, table)
	case "check":
		kind, c := r.check(path, table, false)
		return orNil(c != nil, Check{Kind: kind, Check: c})
	}
	kind, fields, ok := r.kind(path, table, verbKinds[verb])
	if !ok {
		return nil
	}
	path = join(path, kind)
	switch verb + "." + kind {
	case "run.command":
		var c run.Command
		return orNil(r.decode(path, fields, &c) && r.command(path, c), Run{Kind: kind, Command: &c})
	case "run.probe":
		kind, c := r.check(path, fields, true)
		return orNil(c != nil, Run{Kind: "probe." + kind, Probe: &run.Probe{Kind: kind, Check: c}})
	case "ask.confirm":
		var a ask.Confirm
		return orNil(r.decode(path, fields, &a), Ask{Kind: kind, Confirm: &a})
	case "ask.decide":
		var a ask.Decide
		return orNil(r.decode(path, fields, &a) && r.decide(path, a), Ask{Kind: kind, Decide: &a})
	case "ask.approve":
		var a ask.Approve
		return orNil(r.decode(path, fields, &a) && r.approve(path, a), Ask{Kind: kind, Approve: &a})
	case "ask.form":
		var a ask.Form
		return orNil(r.decode(path, fields, &a) && r.valid(path, a.Validate()), Ask{Kind: kind, Form: &a})
	case "tell.message":
		var m tell.Message
		return orNil(r.decode(path, fields, &m) && r.valid(path, m.Validate()), Tell{Kind: kind, Message: &m})
	default:
		return r.sender(path, kind, fields)
	}
}

// sender reads a kind of tell that sends by itself.
func (r *reader) sender(path, kind string, fields map[string]any) Verb {
	sender := map[string]func() tell.Sender{
		"webhook": func() tell.Sender { return new(tell.Webhook) },
		"slack":   func() tell.Sender { return new(tell.Slack) },
		"mail":    func() tell.Sender { return new(tell.Mail) },
	}[kind]()
	if !r.decode(path, fields, sender) || !r.valid(path, sender.Validate()) {
		return nil
	}
	shown := sender.Shown()
	return Tell{Kind: kind, Message: &shown, Sender: sender}
}

// verbKinds holds the kinds of the verbs that have no registry.
var verbKinds = map[string][]string{
	"run":  {"command", "probe"},
	"ask":  {"confirm", "form", "decide", "approve"},
	"tell": {"message", "webhook", "slack", "mail"},
}

// orNil keeps a failed verb from looking like a whole one.
func orNil(ok bool, v Verb) Verb {
	if !ok {
		return nil
	}
	return v
}

// kind takes the one kind out of a verb's table.
func (r *reader) kind(path string, table map[string]any, known []string) (string, map[string]any, bool) {
	keys := slices.Sorted(maps.Keys(table))
	if len(keys) != 1 {
		r.at(path, "%s wants exactly one kind (%s), not %d", short(path), strings.Join(known, ", "), len(keys))
		return "", nil, false
	}
	kind := keys[0]
	if !slices.Contains(known, kind) {
		r.at(join(path, kind), "unknown kind of %s: %s%s", short(path), kind, nearest(kind, known))
		return "", nil, false
	}
	fields, ok := table[kind].(map[string]any)
	if !ok {
		r.at(join(path, kind), "%s wants a table, not %s", kind, tomlType(table[kind]))
	}
	return kind, fields, ok
}

// check reads a check of any kind. One that touches the target has its place
// only under run.probe.
func (r *reader) check(path string, table map[string]any, probe bool) (string, check.Check) {
	kind, fields, ok := r.kind(path, table, slices.Sorted(maps.Keys(check.Kinds)))
	if !ok {
		return kind, nil
	}
	path = join(path, kind)
	c := check.Kinds[kind]()
	if !r.decode(path, fields, c) {
		return kind, nil
	}
	if v, ok := c.(check.Validator); ok {
		if err := v.Validate(); err != nil {
			r.at(path, "%s: %v", kind, err)
			return kind, nil
		}
	}
	if c.Touches() && !probe {
		r.at(path, "%s touches the target here; write it as run.probe.%s", kind, kind)
		return kind, nil
	}
	return kind, c
}

type watchTable struct {
	Every    steps.Duration `mapstructure:"every"`
	For      steps.Duration `mapstructure:"for"`
	Failures int            `mapstructure:"failures"`
	Check    map[string]any `mapstructure:"check"`
}

func (r *reader) watch(path string, table map[string]any) Verb {
	var t watchTable
	if !r.decode(path, table, &t) {
		return nil
	}
	switch {
	case t.Every <= 0:
		r.at(join(path, "every"), "watch wants every, such as every = \"15m\"")
	case t.For < t.Every:
		r.at(join(path, "for"), "watch wants for, at least as long as every")
	case t.Failures < 0:
		r.at(join(path, "failures"), "failures can't be negative")
	case t.Check == nil:
		r.at(path, "watch wants a check, such as check.http = { … }")
	default:
		kind, c := r.check(join(path, "check"), t.Check, false)
		return orNil(c != nil, Watch{watch.Watch{Every: t.Every, For: t.For, Failures: t.Failures, Kind: kind, Check: c}})
	}
	return nil
}
