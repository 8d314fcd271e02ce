// Package book holds what is executed (Book) and where (Target), read strictly
// from TOML. It is pure: it reads the files it is given and touches nothing
// else.
package book

import (
	"runbook/steps/ask"
	"runbook/steps/check"
	"runbook/steps/run"
	"runbook/steps/tell"
	"runbook/steps/watch"
)

// Book is one checklist: phases of steps, and the plans that undo them.
type Book struct {
	Schema     int
	Name       string
	Title      string
	Vars       map[string]Var
	Phases     []*Phase
	Plans      []*Plan
	Hints      []Hint
	Contacts   []Contact
	Objectives []Objective
	Backups    []Backup
	Signoffs   []Signoff

	Raw    []byte // the bytes it was read from
	SHA256 string // of Raw, lower case hex
	File   string // where it was read: a path, or "embedded:NAME"

	steps map[string]*Step // by id; nil in a book made by hand
	index *index           // where everything stands in Raw; nil in a book made by hand
}

// Var is a named value of a book. Which place gives it: --var, then the
// target's [vars], then Default; a secret comes from the target's [secret.X].
type Var struct {
	Title    string `mapstructure:"title" json:"title,omitempty"`
	Required bool   `mapstructure:"required" json:"required,omitempty"`
	Secret   bool   `mapstructure:"secret" json:"secret,omitempty"`
	Default  string `mapstructure:"default" json:"default,omitempty"`
	Match    string `mapstructure:"match" json:"match,omitempty"`   // a regular expression the whole value must match
	Export   string `mapstructure:"export" json:"export,omitempty"` // the environment variable; NAME in upper case if empty
}

// Phase is a part of a book that closes as a whole.
type Phase struct {
	ID    string
	Title string
	Style string // "do-confirm" or "read-do"
	Steps []*Step
}

// Plan is a way back: steps that undo what ran.
type Plan struct {
	ID    string
	Title string
	When  string // said to the operator: in which situation this is the right one
	Loses string // what is lost by it
	Takes string // about how long it takes
	Steps []*Step
}

// Step is one item: exactly one verb and what surrounds it.
type Step struct {
	ID       string            // lower case letters, digits and dashes; the only one of this name in the book
	Title    string            // for people; the id if the book gives none
	Note     string            // one or two sentences for the person in front of it
	Covers   []string          // items of a checklist that it carries
	Critical bool              // a killer item: never skipped, and no waiver lets it pass
	When     map[string]string // the step applies if each of these vars has this value
	Undo     string            // id of a plan's step, or "none: reason"
	Verify   string            // id of the check that settles a run whose end nobody saw
	During   []string          // ids of checks that are looked at while it runs
	Effect   string            // "none": a run that changes nothing on the target
	Chain    string            // runs without effect of one name are approved with one key
	On       []string          // the hosts of the target where it runs; here if empty
	Parallel bool              // on all of them at once; else in order, to the first that fails
	Guards   bool              // an approval that a guarded target rests on: approved or rejected, and never set aside
	Verb     Verb

	Phase string // id of its phase; empty in a plan
	Plan  string // id of its plan; empty in a phase
	Line  int    // in the file, for messages

	path string         // of its table, such as phase[0].step[1]
	verb string         // the key of its verb
	raw  map[string]any // the verb's fields before ${name} is filled in
}

// Verb is one of Check, Run, Ask, Tell and Watch.
type Verb interface{ verb() }

// Check is the verb check.
type Check struct {
	Kind  string
	Check check.Check
}

// Run is the verb run: exactly one of Command and Probe.
type Run struct {
	Kind    string // "command", or "probe.KIND"
	Command *run.Command
	Probe   *run.Probe
}

// Ask is the verb ask: exactly one field is set.
type Ask struct {
	Kind    string
	Confirm *ask.Confirm
	Form    *ask.Form
	Decide  *ask.Decide
	Approve *ask.Approve
}

// Tell is the verb tell. Message is what is shown; Sender sends exactly that,
// nil if a person carries it.
type Tell struct {
	Kind    string
	Message *tell.Message
	Sender  tell.Sender
}

// Watch is the verb watch.
type Watch struct{ watch.Watch }

func (Check) verb() {}
func (Run) verb()   {}
func (Ask) verb()   {}
func (Tell) verb()  {}
func (Watch) verb() {}

// Hint is what to look at when a step fails: Match is a regular expression on
// the step's id and reason.
type Hint struct {
	Match    string   `mapstructure:"match" json:"match,omitempty"`
	Issue    string   `mapstructure:"issue" json:"issue,omitempty"`
	Cause    string   `mapstructure:"cause" json:"cause,omitempty"`
	Say      string   `mapstructure:"say" json:"say,omitempty"`
	Diagnose string   `mapstructure:"diagnose" json:"diagnose,omitempty"` // id of a check step
	Covers   []string `mapstructure:"covers" json:"covers,omitempty"`
}

// Contact is whom to call, and how soon an answer is owed.
type Contact struct {
	Level    string   `mapstructure:"level" json:"level,omitempty"`
	Name     string   `mapstructure:"name" json:"name,omitempty"`
	Response string   `mapstructure:"response" json:"response,omitempty"`
	Reach    string   `mapstructure:"reach" json:"reach,omitempty"`
	Covers   []string `mapstructure:"covers" json:"covers,omitempty"`
}

// Objective is a recovery objective.
type Objective struct {
	Scenario string   `mapstructure:"scenario" json:"scenario,omitempty"`
	RTO      string   `mapstructure:"rto" json:"rto,omitempty"`
	RPO      string   `mapstructure:"rpo" json:"rpo,omitempty"`
	Covers   []string `mapstructure:"covers" json:"covers,omitempty"`
}

// Backup is a line of the backup schedule.
type Backup struct {
	Type      string   `mapstructure:"type" json:"type,omitempty"`
	Frequency string   `mapstructure:"frequency" json:"frequency,omitempty"`
	Retention string   `mapstructure:"retention" json:"retention,omitempty"`
	Covers    []string `mapstructure:"covers" json:"covers,omitempty"`
}

// Signoff is a role that has to sign; Scope is "run" or "phase:ID". Distinct
// says that its key may sign no other role that has to sign.
type Signoff struct {
	Role     string   `mapstructure:"role" json:"role,omitempty"`
	Title    string   `mapstructure:"title" json:"title,omitempty"`
	Scope    string   `mapstructure:"scope" json:"scope,omitempty"`
	Distinct bool     `mapstructure:"distinct" json:"distinct,omitempty"`
	Covers   []string `mapstructure:"covers" json:"covers,omitempty"`
}
