package book

import (
	"runbook/steps/ask"
	"runbook/steps/check"
	"runbook/steps/run"
	"runbook/steps/tell"
)

// Kinds are all kinds by their name in a book, such as "check.http", each with
// an empty value of the type that holds its fields. A kind of check that always
// touches stands under "run.probe". A watch has no kinds of its own.
func Kinds() map[string]any {
	kinds := map[string]any{
		"run.command": new(run.Command),
		"ask.confirm": new(ask.Confirm), "ask.form": new(ask.Form), "ask.decide": new(ask.Decide), "ask.approve": new(ask.Approve),
		"tell.message": new(tell.Message), "tell.webhook": new(tell.Webhook), "tell.slack": new(tell.Slack), "tell.mail": new(tell.Mail),
	}
	for name, fresh := range check.Kinds {
		verb := "check."
		if c := fresh(); c.Touches() {
			verb = "run.probe."
		}
		kinds[verb+name] = fresh()
	}
	return kinds
}
