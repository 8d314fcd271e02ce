package doctor

import (
	"context"
	"os"
	"slices"
	"strings"

	"runbook/steps"
)

// proc looks at /proc, which tells whether a command still runs and what it
// has left behind.
func (h Host) proc(context.Context) []Finding {
	const what = "/proc"
	data, err := os.ReadFile(h.path("proc/self/mounts"))
	if err != nil {
		if !h.exists("proc") {
			return nil // a system without one
		}
		return one(steps.Fail, what, "can't be read, so nobody can tell what still runs: "+err.Error(), "", "mount -t proc proc /proc")
	}
	hidden := ""
	for line := range strings.Lines(string(data)) {
		fields := strings.Fields(line) // device, place, kind, options
		if len(fields) < 4 || fields[1] != "/proc" || fields[2] != "proc" {
			continue
		}
		hidden = "" // the last one mounted there is seen
		for option := range strings.SplitSeq(fields[3], ",") {
			value, ok := strings.CutPrefix(option, "hidepid=")
			if ok && !slices.Contains([]string{"0", "off"}, value) {
				hidden = option
			}
		}
	}
	if hidden != "" && h.UID != 0 {
		return one(steps.Warn, what, "processes of others are not seen: what sudo started can't be named", hidden, "mount -o remount,hidepid=0 /proc, or join the group of gid=")
	}
	return pass(what, "shows every process")
}
