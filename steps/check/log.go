package check

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"runbook/steps"
)

// Log is check.log: what the last lines of a log say.
//
//	check.log = { argv = ["docker", "logs", "--since", "1h", "tickr-backend"], match = '"level":"(error|fatal)"', max = "20" }
//	check.log = { file = "/var/log/app/*.log", since = "1h", json = ["time", "level", "msg"] }
//	check.log = { context = "production", namespace = "users", deployment = "api", since = "5m", match = '"level":"error"', max = "5" }
//
//	file        files, relative to the target's dir; of each the last 4 MiB. What
//	            was rotated away counts if it is among them: "app.log*"
//	argv        instead: a program that prints the lines and ends; of each of its
//	            streams the first 4 MiB
//	deployment  instead: every container of every pod of a deployment of
//	            Kubernetes, one by one, of each the first 4 MiB; with since, what
//	            it printed before it was started again too
//	context     kubectl's, of the deployment
//	namespace   the same
//	since       only lines that are younger: "1h". A line without a time of its
//	            own belongs to the one before it; of a deployment the cluster's
//	            time counts
//	match       a regular expression: only the lines that it matches are counted
//	max, min    limits of that count, inclusive
//	json        keys that a line must have as a JSON object: at least 95 of 100
//	            lines must
//	timeout     of argv, and of all that is asked for a deployment; default "30s"
//
// A line's time is one in ISO 8601 (without a zone: UTC) at its beginning, one as
// web servers write it, or the field time, timestamp, ts or @timestamp of a JSON
// object. A date in what the line says is not its time.
// Evidence shows which messages are the most frequent, without numbers, ids and
// addresses, so that the same message counts as one.
//
// pass: the count is within its limits and the lines are as wanted. fail: they
// are not. unknown: there is no line, the log or that of one pod can't be read,
// no line tells its time, or not all of the time since then was looked at: a log
// that begins later was rotated.
type Log struct {
	File       string         `mapstructure:"file"`
	Argv       []string       `mapstructure:"argv"`
	Deployment string         `mapstructure:"deployment"`
	Context    string         `mapstructure:"context"`
	Namespace  string         `mapstructure:"namespace"`
	Since      steps.Duration `mapstructure:"since"`
	Match      string         `mapstructure:"match"`
	Max        string         `mapstructure:"max"`
	Min        string         `mapstructure:"min"`
	JSON       []string       `mapstructure:"json"`
	Timeout    steps.Duration `mapstructure:"timeout"`
}

const (
	keptLog       = 4 << 20  // bytes of a file or a stream
	keptLine      = 64 << 10 // bytes of a line that are looked at
	maxLogs       = 16       // files
	jsonShare     = 95       // percent of the lines
	shownMessages = 5
)

// Touches is false: it reads.
func (c *Log) Touches() bool { return false }

// Executes is its argv, or kubectl.
func (c *Log) Executes() *Command {
	switch {
	case c.Deployment != "":
		return &Command{Argv: []string{"kubectl"}}
	case len(c.Argv) == 0:
		return nil
	}
	return &Command{Argv: c.Argv}
}

// Validate reports that there is no one log, and what cannot be read.
func (c *Log) Validate() error {
	given := 0
	for _, is := range []bool{c.File != "", len(c.Argv) > 0, c.Deployment != ""} {
		if is {
			given++
		}
	}
	switch {
	case given != 1, len(c.Argv) > 0 && c.Argv[0] == "":
		return errors.New("file, argv or deployment: want exactly one of them")
	case c.Deployment != "" && (c.Context == "" || c.Namespace == ""):
		return errors.New("context, namespace: want both, the current ones may be anybody's")
	}
	for _, name := range []string{c.Deployment, c.Context, c.Namespace} {
		if strings.HasPrefix(name, "-") {
			return fmt.Errorf("%q would be an option of kubectl", name)
		}
	}
	for field, limit := range map[string]string{"max": c.Max, "min": c.Min} {
		if limit == "" || unfilled(limit) {
			continue
		}
		if _, err := number(limit, ""); err != nil {
			return fmt.Errorf("%s: %w", field, err)
		}
	}
	return validPattern("match", c.Match)
}

// Do reads the log once.
func (c *Log) Do(whole context.Context, w *steps.World) steps.Result {
	where := whereOf("log", w)
	switch {
	case c.File != "":
		where = "log " + outside(c.File)
	case c.Deployment != "":
		where = "log of " + outside(c.Context+"/"+c.Namespace+"/"+c.Deployment)
	}
	return measure(where, func(r *steps.Result) {
		if err := c.Validate(); err != nil {
			r.Decide(steps.Unknown, "%v", err)
			return
		}
		match, err := compile("match", c.Match)
		if err != nil {
			r.Decide(steps.Unknown, "%v", err)
			return
		}
		var than time.Time
		if c.Since > 0 {
			than = time.Now().Add(-c.Since.D())
		}
		all, err := c.read(whole, w, than)
		if err != nil {
			r.Decide(steps.Unknown, "%v", err)
			return
		}
		c.judge(r, all, match)
	})
}

// judge counts the lines that are young enough.
func (c *Log) judge(r *steps.Result, all logLines, match *regexp.Regexp) {
	if c.Since > 0 && !all.timed && len(all.lines) > 0 {
		r.Decide(steps.Unknown, "none of %d lines tells its time, so none can be told to be younger than %s", len(all.lines), c.Since)
		return
	}
	r.Decide(steps.Pass, "")
	whole := messages{}
	counted, bad := 0, 0
	for _, line := range all.lines {
		if len(c.JSON) > 0 && !hasKeys(line, c.JSON) {
			bad++
		}
		if match.Match(line) {
			counted++
			whole.add(line)
		}
	}
	c.judgeCount(r, counted)
	if len(c.JSON) > 0 && len(all.lines) > 0 {
		c.judgeJSON(r, len(all.lines)-bad, len(all.lines))
	}
	r.Saw("lines read", strconv.Itoa(len(all.lines)), "", "")
	if !all.oldest.IsZero() {
		r.Saw("the oldest is of", all.oldest.UTC().Format(time.RFC3339), "", "")
	}
	for _, m := range whole.top(shownMessages) {
		r.Saw(fmt.Sprintf("%d times", m.times), m.text, "", "")
	}
	switch {
	case len(all.lines) == 0 && c.Since > 0:
		r.Worsen(steps.Unknown, "no line is younger than %s: a log that nothing is written to shows nothing", c.Since)
	case len(all.lines) == 0:
		r.Worsen(steps.Unknown, "the log is empty: it shows nothing")
	case all.cut != "":
		r.Worsen(steps.Unknown, "%s", all.cut)
	}
}

func (c *Log) judgeCount(r *steps.Result, counted int) {
	label, limit := "lines that match", ""
	if c.Match == "" {
		label = "lines"
	}
	if c.Max != "" || c.Min != "" {
		limit = between(c.Min, c.Max)
	}
	r.Saw(label, strconv.Itoa(counted), limit, "")
	if most, err := number(c.Max, ""); c.Max != "" && (err != nil || float64(counted) > most) {
		r.Worsen(verdictOf(err), "%d %s, wanted at most %s", counted, label, c.Max)
	}
	if least, err := number(c.Min, ""); c.Min != "" && (err != nil || float64(counted) < least) {
		r.Worsen(verdictOf(err), "%d %s, wanted at least %s", counted, label, c.Min)
	}
}

func (c *Log) judgeJSON(r *steps.Result, good, lines int) {
	share := 100 * float64(good) / float64(lines)
	r.Saw("lines with all keys", strconv.FormatFloat(share, 'f', 1, 64), ">= "+strconv.Itoa(jsonShare), "%")
	if share < jsonShare {
		r.Worsen(steps.Fail, "%.1f%% of %d lines are JSON with %s, wanted at least %d%%", share, lines, outside(fmt.Sprint(c.JSON)), jsonShare)
	}
}
