// Package ask holds the kinds of ask: what a person confirms, decides or
// approves. A person's answer is an intent; these are only its fields.
package ask

// Confirm asks whether something is so, with the results of other steps as
// evidence: confirmed or declined.
//
//	ask.confirm = { question = "…", evidence = ["error-rate"] }
type Confirm struct {
	Question string   `mapstructure:"question"` // what is asked
	Evidence []string `mapstructure:"evidence"` // ids of steps whose results are shown
	Value    string   `mapstructure:"value"`    // what the answer must state; any text if empty
}

// Form asks for several answers at once, which are kept as one confirmation.
//
//	ask.form = { question = "What do we know?", fields = [
//	  { name = "impact", title = "who is affected, and how" },
//	  { name = "etr", title = "when it will be over, UTC", match = '^\d\d:\d\d$', example = "15:30" },
//	] }
type Form struct {
	Question string   `mapstructure:"question"`
	Fields   []Field  `mapstructure:"fields"`
	Evidence []string `mapstructure:"evidence"`
}

// Field is one answer of a form.
type Field struct {
	Name    string `mapstructure:"name"`
	Title   string `mapstructure:"title"`   // for people; the name if empty
	Match   string `mapstructure:"match"`   // a regular expression that the answer must match; else it must not be empty
	Example string `mapstructure:"example"` // an answer that does; needed with match
}

// Decide asks for one of several choices, which becomes the value of a var.
//
//	ask.decide = { var = "platform", choices = ["docker", "node"] }
type Decide struct {
	Question string   `mapstructure:"question"` // what is asked
	Var      string   `mapstructure:"var"`      // the var of the book that becomes the choice
	Choices  []string `mapstructure:"choices"`  // two or more
}

// Approve asks a person in a role to approve or reject: the phase it stands in,
// or the run as a whole. It is signed with that person's key, or reported by
// whoever drives.
//
//	ask.approve = { role = "qa-lead", scope = "run", evidence = ["smoke"] }
type Approve struct {
	Role     string   `mapstructure:"role"`     // in which somebody approves: lower case letters, digits and dashes
	Scope    string   `mapstructure:"scope"`    // "run", which a [[signoff]] of the role wants; the phase of the step if empty
	Question string   `mapstructure:"question"` // what is asked
	Evidence []string `mapstructure:"evidence"` // ids of steps whose results are shown
}
