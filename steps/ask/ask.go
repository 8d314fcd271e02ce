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

// Decide asks for one of several choices, which becomes the value of a var.
//
//	ask.decide = { var = "platform", choices = ["docker", "node"] }
type Decide struct {
	Question string   `mapstructure:"question"` // what is asked
	Var      string   `mapstructure:"var"`      // the var of the book that becomes the choice
	Choices  []string `mapstructure:"choices"`  // two or more
}

// Approve asks a person in a role to approve or reject.
//
//	ask.approve = { role = "qa-lead", evidence = ["smoke"] }
type Approve struct {
	Role     string   `mapstructure:"role"`     // in which somebody approves: lower case letters, digits and dashes
	Question string   `mapstructure:"question"` // what is asked
	Evidence []string `mapstructure:"evidence"` // ids of steps whose results are shown
}
