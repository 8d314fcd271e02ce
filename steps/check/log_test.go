package check_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"runbook/steps"
	"runbook/steps/check"
)

// ago is a line's time.
func ago(d time.Duration) string { return time.Now().Add(-d).UTC().Format(time.RFC3339Nano) }

// app is the log of a service that logs JSON: an old error and a new one, and
// stories of both.
func app() string {
	var b strings.Builder
	line := func(age time.Duration, level, message string) {
		fmt.Fprintf(&b, `{"time":%q,"level":%q,"msg":%q}`+"\n", ago(age), level, message)
	}
	line(3*time.Hour, "error", "connection to 10.0.0.7:5432 refused")
	for i := range 60 {
		line(time.Duration(50-i)*time.Minute, "info", fmt.Sprintf("request %d took %d ms", i, i*7))
	}
	line(5*time.Minute, "error", "user eve@example.com: token 3f2504e0-4f89-11d3-9a0c-0305e82c3301 is no token\x1b[2J")
	return b.String()
}

func TestLog(t *testing.T) {
	t.Parallel()
	w := world(t, nil)
	for name, text := range map[string]string{
		"app.log":   app(),
		"plain.log": "2026-01-02 03:04:05,678 ERROR boom\n\tat Main.java:7\n" + strings.Replace(ago(time.Minute), "T", " ", 1) + " ERROR late\n\tat Main.java:9\n",
		"web.log":   "10.0.0.1 - - [02/Jan/2026:03:04:05 +0000] \"GET / HTTP/1.1\" 500 3\n10.0.0.1 - - [" + time.Now().Format("02/Jan/2006:15:04:05 -0700") + "] \"GET /a HTTP/1.1\" 500 3\n",
		"pino.log":  fmt.Sprintf("{\"time\":%d,\"level\":50,\"msg\":\"failed\"}\n{\"time\":%d,\"level\":50,\"msg\":\"failed\"}\n", time.Now().Add(-2*time.Hour).UnixMilli(), time.Now().UnixMilli()),
		"none.log":  "no time here\nnor here\n",
		"said.log":  "started\nthe last backup is of 2026-01-02 03:04:05\nERROR boom\nrestored [02/Jan/2026:03:04:05 +0000]\nERROR boom\n",
		"late.log":  ago(time.Minute) + " restores 2026-01-02T03:04:05Z\nof 2026-01-02 03:04:05\n{\"msg\":\"of 2026-01-02 03:04:05\"}\nERROR boom\n",
		"forms.log": "\x1b[32m[2026-01-02 03:04:05] boom\ntime=\"2026-01-02T03:04:05Z\" level=error msg=boom\n10.0.0.1 - eve [2026-01-02T03:04:05Z] boom\ntime=" + ago(time.Minute) + " late\n",
		"empty.log": "\n",
		"old.log":   "2026-01-02T03:04:05Z the last that was heard\n",
		"mixed.log": strings.Repeat(`{"time":"2026-01-02T03:04:05Z","level":"info","msg":"x"}`+"\n", 9) + "> app@1.0.0 start\n",
	} {
		if err := os.WriteFile(filepath.Join(w.Dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	big := strings.Repeat("2026-01-02T03:04:05Z "+strings.Repeat("x", 1000)+"\n", 5000) + ago(time.Minute) + " now\n"
	if err := os.WriteFile(filepath.Join(w.Dir, "big.txt"), []byte(big), 0o600); err != nil {
		t.Fatal(err)
	}
	hour, errors := short(time.Hour), `"level":"error"`
	for name, c := range map[string]struct {
		check   check.Log
		verdict steps.Verdict
		reason  string
	}{
		"few enough":             {check.Log{File: "app.log", Match: errors, Max: "2", JSON: []string{"time", "level", "msg"}}, steps.Pass, ""},
		"too many":               {check.Log{File: "app.log", Match: errors, Max: "1"}, steps.Fail, "2 lines that match, wanted at most 1"},
		"few enough of late":     {check.Log{File: "app.log", Since: hour, Match: errors, Max: "1"}, steps.Pass, ""},
		"too many of late":       {check.Log{File: "app.log", Since: hour, Match: errors, Max: "0"}, steps.Fail, "1 lines that match"},
		"one is wanted":          {check.Log{File: "app.log", Since: short(time.Minute * 10), Match: "no token", Min: "1"}, steps.Pass, ""},
		"none came":              {check.Log{File: "app.log", Match: "registered", Min: "1"}, steps.Fail, "0 lines that match, wanted at least 1"},
		"stories stay together":  {check.Log{File: "plain.log", Since: hour, Match: "Main.java", Max: "1"}, steps.Pass, ""},
		"a web server's":         {check.Log{File: "web.log", Since: hour, Match: " 500 ", Max: "1"}, steps.Pass, ""},
		"a date that is said":    {check.Log{File: "said.log", Since: hour, Match: "boom", Max: "0"}, steps.Unknown, "none of 5 lines tells its time"},
		"an old one said late":   {check.Log{File: "late.log", Since: hour, Match: "boom", Max: "0"}, steps.Fail, "1 lines that match"},
		"forms of a time":        {check.Log{File: "forms.log", Since: hour, Match: "boom", Max: "0"}, steps.Pass, ""},
		"milliseconds":           {check.Log{File: "pino.log", Since: hour, Match: "failed", Max: "1"}, steps.Pass, ""},
		"no JSON":                {check.Log{File: "plain.log", JSON: []string{"msg"}}, steps.Fail, "0.0% of 4 lines are JSON with [msg]"},
		"too little JSON":        {check.Log{File: "mixed.log", JSON: []string{"msg"}}, steps.Fail, "90.0% of 10 lines"},
		"a key is missing":       {check.Log{File: "app.log", JSON: []string{"msg", "trace"}}, steps.Fail, "0.0% of 62 lines"},
		"no times":               {check.Log{File: "none.log", Since: hour, Match: "boom", Max: "0"}, steps.Unknown, "none of 2 lines tells its time"},
		"no times needed":        {check.Log{File: "none.log", Match: "boom", Max: "0"}, steps.Pass, ""},
		"silent":                 {check.Log{File: "old.log", Since: hour, Match: "boom", Max: "0"}, steps.Unknown, "no line is younger than 1h"},
		"empty":                  {check.Log{File: "empty.log", Match: "boom", Max: "0"}, steps.Unknown, "the log is empty"},
		"the end of a big one":   {check.Log{File: "big.txt", Since: hour, Match: "now", Max: "1"}, steps.Pass, ""},
		"not all of a big one":   {check.Log{File: "big.txt", Match: "boom", Max: "0"}, steps.Unknown, "only the last 4 MiB of big.txt"},
		"not all, and too many":  {check.Log{File: "big.txt", Match: "x", Max: "0"}, steps.Fail, "wanted at most 0"},
		"several":                {check.Log{File: "*.log", Match: "failed", Max: "2"}, steps.Pass, ""},
		"no such file":           {check.Log{File: "other.log"}, steps.Unknown, "there is no such file"},
		"a directory":            {check.Log{File: "."}, steps.Unknown, "not a regular file"},
		"no pattern":             {check.Log{File: "app.log", Match: "("}, steps.Unknown, "match"},
		"printed":                {check.Log{Argv: []string{"cat", "app.log"}, Since: hour, Match: errors, Max: "1"}, steps.Pass, ""},
		"printed, too many":      {check.Log{Argv: []string{"cat", "app.log"}, Match: errors, Max: "1"}, steps.Fail, "2 lines"},
		"printed as errors":      {check.Log{Argv: []string{"sh", "-c", "cat app.log >&2"}, Match: errors, Max: "1"}, steps.Fail, "2 lines"},
		"printed, not to an end": {check.Log{Argv: []string{"cat", "big.txt"}, Match: "boom", Max: "0"}, steps.Unknown, "only the first 4 MiB"},
		"without an end":         {check.Log{Argv: []string{"tail", "-f", "app.log"}, Timeout: short(100 * time.Millisecond)}, steps.Unknown, "not done within 100ms"},
		"not printed":            {check.Log{Argv: []string{"cat", "other.log"}}, steps.Unknown, "No such file"},
		"no program":             {check.Log{Argv: []string{"no-such-program"}}, steps.Unknown, "not in the target's path"},
		"both":                   {check.Log{File: "app.log", Argv: []string{"cat"}}, steps.Unknown, "exactly one"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := do(t, &c.check, w)
			want(t, r, c.verdict, c.reason)
			never(t, r, "\x1b", "eve@example.com", "3f2504e0")
		})
	}
}

func TestLogMessages(t *testing.T) {
	t.Parallel()
	w := world(t, nil)
	if err := os.WriteFile(filepath.Join(w.Dir, "app.log"), []byte(app()), 0o600); err != nil {
		t.Fatal(err)
	}
	r := do(t, &check.Log{File: "app.log"}, w)
	want(t, r, steps.Pass, "")
	if got := evidence(t, r, "60 times").Value; got != "info request <…> took <…> ms" {
		t.Errorf("the most frequent message is %q", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	want(t, (&check.Log{Argv: []string{"cat", "app.log"}}).Do(ctx, w), steps.Unknown, "interrupted")
}

func TestLogOfANamedPipe(t *testing.T) {
	t.Parallel()
	w := world(t, nil)
	want(t, do(t, &check.Command{Argv: []string{"mkfifo", filepath.Join(w.Dir, "pipe")}}, w), steps.Pass, "")
	want(t, do(t, &check.Log{File: "pipe"}, w), steps.Unknown, "not a regular file")
}
