package doctor

import "runbook/steps"

// system says what macOS has not.
func system(what, release string) []Finding {
	return one(steps.Warn, what, release+": what a command leaves behind is not collected here, and what runs is not sealed", "", "start what must not get lost on Linux")
}

// synchronised can't tell: macOS says it to an administrator only.
func synchronised(what, now string) []Finding {
	return one(steps.Unknown, what, now+"; whether something keeps it right is not known here", "", "sudo systemsetup -getusingnetworktime")
}
