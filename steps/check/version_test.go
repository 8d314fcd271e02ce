package check_test

import (
	"testing"
	"time"

	"runbook/steps"
	"runbook/steps/check"
)

func TestVersion(t *testing.T) {
	t.Parallel()
	tells := func(text string) []string { return []string{"printf", text} }
	for name, c := range map[string]struct {
		check   check.Version
		verdict steps.Verdict
		reason  string
	}{
		"real":           {check.Version{Argv: []string{"git", "--version"}, Min: "1.0", Below: "99"}, steps.Pass, ""},
		"too old":        {check.Version{Argv: []string{"git", "--version"}, Min: "99"}, steps.Fail, "wanted at least 99"},
		"too new":        {check.Version{Argv: []string{"git", "--version"}, Below: "2.0"}, steps.Fail, "wanted below 2.0"},
		"by number":      {check.Version{Argv: tells("docker-compose version v2.20.3\n"), Min: "2.9"}, steps.Pass, ""},
		"older by digit": {check.Version{Argv: tells("Docker Compose version 2.9.1\n"), Min: "2.20"}, steps.Fail, "2.9.1, wanted at least 2.20"},
		"equal":          {check.Version{Argv: tells("28.2.2\n"), Min: "28.2.2", Below: "28.2.3"}, steps.Pass, ""},
		"missing is 0":   {check.Version{Argv: tells("24.0"), Min: "24.0.0"}, steps.Pass, ""},
		"with a suffix":  {check.Version{Argv: tells("Client Version: v1.32.4-dispatcher\nKustomize Version: v5.5.0\n"), Min: "1.27", Below: "2"}, steps.Pass, ""},
		"on stderr":      {check.Version{Argv: []string{"sh", "-c", "echo 17.0.9 >&2"}, Min: "17"}, steps.Pass, ""},
		"pattern":        {check.Version{Argv: tells("API version: 1.50\nGo version: go1.24.3\n"), Pattern: `go(\S+)`, Min: "1.24"}, steps.Pass, ""},
		"pattern misses": {check.Version{Argv: tells("API version: 1.50"), Pattern: `go(\S+)`, Min: "1"}, steps.Unknown, "no version"},
		"one number":     {check.Version{Argv: tells("release 9"), Pattern: `release (\d+)`, Min: "9"}, steps.Pass, ""},
		"no version":     {check.Version{Argv: []string{"true"}, Min: "1"}, steps.Unknown, "no version"},
		"fails":          {check.Version{Argv: []string{"sh", "-c", "echo 1.2; echo 'Cannot connect to the Docker daemon' >&2; exit 1"}, Min: "1"}, steps.Fail, "exit status 1: Cannot connect to the Docker daemon"},
		"not there":      {check.Version{Argv: []string{"no-such-program"}, Min: "1"}, steps.Fail, "not in the target's path"},
		"no such file":   {check.Version{Argv: []string{"/no/such"}, Min: "1"}, steps.Unknown, "could not be started"},
		"hangs":          {check.Version{Argv: []string{"sleep", "300"}, Min: "1", Timeout: short(100 * time.Millisecond)}, steps.Fail, "not done within 100ms"},
		"hostile":        {check.Version{Argv: tells(`\033]0;owned\0071.2`), Min: "2"}, steps.Fail, "is 1.2"},
		"no limit":       {check.Version{Argv: []string{"true"}}, steps.Unknown, "want at least one"},
		"no group":       {check.Version{Argv: []string{"true"}, Min: "1", Pattern: "x"}, steps.Unknown, "no group"},
		"bad limit":      {check.Version{Argv: []string{"true"}, Min: "new"}, steps.Unknown, `min: "new" is no version`},
		"left blank":     {check.Version{Argv: []string{"git", "--version"}, Min: "${least}"}, steps.Unknown, "is no version"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := do(t, &c.check, world(t, nil))
			want(t, r, c.verdict, c.reason)
			never(t, r, "\x1b", "\x07")
		})
	}
	decode[*check.Version](t, "version", map[string]any{"argv": []string{"docker", "version"}, "min": "${least}", "below": "30", "pattern": `(\d+)`, "timeout": "5s"})
}
