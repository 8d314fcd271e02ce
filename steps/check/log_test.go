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
		"ms.log":    fmt.Sprintf("{\"time\":123,\"level\":50,\"msg\":\"boom\"}\n{\"time\":45.5,\"ts\":%d,\"msg\":\"boom\"}\n", time.Now().UnixNano()),
		"count.log": `{"time":123,"level":50,"msg":"boom"}` + "\n",
		"soon.log":  ago(30*time.Minute) + " a beginning\n" + ago(-time.Hour) + " ERROR boom\n", // young however long the test waits
		"young.log": ago(time.Minute) + " a beginning\n" + ago(time.Second) + " ERROR boom\n",
		"day.log":   ago(time.Minute) + " a beginning\n" + ago(time.Second) + " ERROR boom\n",
		"day.log.1": ago(3*time.Hour) + " another\n" + ago(2*time.Minute) + " ERROR boom\n",
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
		"a number that's none":   {check.Log{File: "count.log", Since: hour, Match: "boom", Max: "0"}, steps.Unknown, "none of 1 lines tells its time"},
		"another is one":         {check.Log{File: "ms.log", Since: hour, Match: "boom", Max: "2"}, steps.Unknown, "ms.log begins at"},
		"rotated away":           {check.Log{File: "young.log", Since: hour, Match: "boom", Max: "1"}, steps.Unknown, "young.log begins at 20"},
		"rotated, and too many":  {check.Log{File: "young.log", Since: hour, Match: "boom", Max: "0"}, steps.Fail, "1 lines that match"},
		"rotated, not needed":    {check.Log{File: "soon.log", Since: short(20 * time.Minute), Match: "boom", Max: "1"}, steps.Pass, ""},
		"rotated, and looked at": {check.Log{File: "day.log*", Since: hour, Match: "boom", Max: "2"}, steps.Pass, ""},
		"not of it":              {check.Log{File: "day.log", Since: hour, Match: "boom", Max: "2"}, steps.Unknown, "day.log begins at"},
		"one covers another not": {check.Log{File: "[ay]*.log", Since: hour, Match: "no such", Max: "0"}, steps.Unknown, "young.log begins at"},
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

// logsOf is a cluster with two pods. What kubectl says of each stands in files
// POD, POD.previous and, for what can't be read, POD.forbidden.
func logsOf(t *testing.T, statuses map[string]string, files map[string]string) *steps.World {
	t.Helper()
	w := world(t, nil)
	var items []string
	for _, pod := range []string{"api-1", "api-2"} {
		items = append(items, `{"metadata":{"name":"`+pod+`"},"spec":{"containers":[{"name":"api"}]},"status":{"containerStatuses":[`+statuses[pod]+`]}}`)
	}
	put(t, w, "deployments.apps", `{"kind":"Deployment","metadata":{"name":"api"},"spec":{"selector":{"matchLabels":{"app":"api"}}}}`, 0o600)
	put(t, w, "pods", `{"kind":"List","items":[`+strings.Join(items, ",")+`]}`, 0o600)
	for name, text := range files {
		put(t, w, name, text, 0o600)
	}
	says(t, w, "kubectl", `shift 4
case $2 in
get) test "$3" = deployments.apps || test "$*" = "--request-timeout=15s get pods -l app=api -o json" || exit 9; cat "$3" ;;
logs)
	case $* in
	*--previous*) file=$3.previous ;;
	*--timestamps*) file=$3.first ;;
	*) file=$3 ;;
	esac
	if test -e "$file"; then cat "$file"; exit; fi
	echo "Error from server (Forbidden): pods \"$3\" is forbidden" >&2
	exit 1 ;;
esac`)
	return w
}

func TestLogOfEveryPod(t *testing.T) {
	t.Parallel()
	const good, boom = "{\"level\":\"info\"}\n", "{\"level\":\"error\"}\n"
	running := func(age time.Duration, restarts int, before string) string {
		return fmt.Sprintf(`{"name":"api","restartCount":%d,"state":{"running":{"startedAt":%q}},"lastState":%s}`, restarts, ago(age), before)
	}
	died := func(age time.Duration) string { return fmt.Sprintf(`{"terminated":{"startedAt":%q}}`, ago(age)) }
	old, young := running(3*time.Hour, 0, "{}"), running(time.Minute, 0, "{}")
	reaches, late := ago(2*time.Hour)+" x\n", ago(time.Minute)+" x\n"
	for name, c := range map[string]struct {
		second  string
		files   map[string]string
		verdict steps.Verdict
		says    string
	}{
		"both are good":           {young, map[string]string{"api-1": good, "api-2": good}, steps.Pass, ""},
		"the second is not":       {young, map[string]string{"api-1": good, "api-2": boom}, steps.Fail, "1 lines that match"},
		"the second is not read":  {young, map[string]string{"api-1": good}, steps.Unknown, "pod api-2: its log can't be read: Error from server (Forbidden)"},
		"it is old, and reaches":  {old, map[string]string{"api-1": good, "api-2": good, "api-2.first": reaches}, steps.Pass, ""},
		"it was rotated":          {old, map[string]string{"api-1": good, "api-2": good, "api-2.first": late}, steps.Unknown, "the log of pod api-2 begins at 20"},
		"it has no first line":    {old, map[string]string{"api-1": good, "api-2": "", "api-2.first": ""}, steps.Pass, ""},
		"its first is no time":    {old, map[string]string{"api-1": good, "api-2": good, "api-2.first": "x y\n"}, steps.Unknown, "does not tell when it begins"},
		"it was good before":      {running(time.Minute, 1, died(time.Hour)), map[string]string{"api-1": good, "api-2": good, "api-2.previous": good}, steps.Pass, ""},
		"it was bad before":       {running(time.Minute, 1, died(time.Hour)), map[string]string{"api-1": good, "api-2": good, "api-2.previous": boom}, steps.Fail, "1 lines that match"},
		"what was before is gone": {running(time.Minute, 1, "{}"), map[string]string{"api-1": good, "api-2": good}, steps.Unknown, "its log can't be read"},
		"it dies all the time":    {running(time.Minute, 7, died(2*time.Minute)), map[string]string{"api-1": good, "api-2": good, "api-2.previous": good}, steps.Unknown, "was started again 7 times"},
		"nobody says anything":    {young, map[string]string{"api-1": "", "api-2": ""}, steps.Unknown, "no line is younger"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := logsOf(t, map[string]string{"api-1": young, "api-2": c.second}, c.files)
			r := do(t, &check.Log{Context: "prod", Namespace: "users", Deployment: "api", Since: short(30 * time.Minute), Match: `"error"`, Max: "0"}, w)
			want(t, r, c.verdict, c.says)
		})
	}
	w := logsOf(t, map[string]string{"api-1": old, "api-2": old}, map[string]string{"api-1": good, "api-2": boom})
	want(t, do(t, &check.Log{Context: "prod", Namespace: "users", Deployment: "api", Match: `"error"`, Max: "1"}, w), steps.Pass, "")
	put(t, w, "pods", `{"kind":"List","items":[]}`, 0o600)
	want(t, do(t, &check.Log{Context: "prod", Namespace: "users", Deployment: "api"}, w), steps.Unknown, "api has no pod")
	want(t, do(t, &check.Log{Namespace: "users", Deployment: "api"}, w), steps.Unknown, "want both")
	want(t, do(t, &check.Log{Context: "prod", Namespace: "--all", Deployment: "api"}, w), steps.Unknown, "would be an option")
}

// What was rotated away may be packed: nothing in it can be counted as it lies there.
func TestLogThatIsPacked(t *testing.T) {
	t.Parallel()
	w := world(t, nil)
	for name, text := range map[string][]byte{
		"api.log": []byte(app()), "api.log.1.gz": zipped(t, []byte(ago(2*time.Hour)+" ERROR boom\n")), "api.log.2.gz": zipped(t, []byte(ago(90*time.Hour)+" ERROR boom\n")),
	} {
		if err := os.WriteFile(filepath.Join(w.Dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	old := time.Now().Add(-80 * time.Hour)
	if err := os.Chtimes(filepath.Join(w.Dir, "api.log.2.gz"), old, old); err != nil {
		t.Fatal(err)
	}
	ask := func(files string, since time.Duration) steps.Result {
		t.Helper()
		return do(t, &check.Log{File: files, Since: short(since), Match: "ERROR", Max: "0"}, w)
	}
	want(t, ask("api.log*", 0), steps.Unknown, "is packed")
	want(t, ask("api.log*", time.Hour), steps.Unknown, "api.log.1.gz is packed")
	want(t, ask("api.log.[2]*", time.Hour), steps.Unknown, "no line is younger")
	want(t, do(t, &check.Log{File: "api.log", Since: short(time.Hour), Match: "ERROR", Max: "0"}, w), steps.Pass, "")
}
