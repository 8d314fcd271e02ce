package main

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"runbook/runbook"
	"runbook/runbook/book"
	"runbook/runbook/journal"
	"runbook/steps/supervise"
)

// migration is a book of one step, which can't be undone.
const migration = `schema = 1
name = "rows"
[[phase]]
id = "change"
title = "Migrate"
  [[phase.step]]
  id = "migrate"
  title = "Run migrations"
  verify = "all-rows"
  run.command = { argv = ["sh", "migrate"], ask_after = "10m" }
[[plan]]
id = "look"
  [[plan.step]]
  id = "all-rows"
  check.command = { argv = ["grep", "-q", "row 60 of 60", "rows"] }
`

// migrates is that step: it writes each row into a file, prints it, and ends
// with a code of its own.
const (
	allRows  = 60
	ownExit  = 42
	migrates = `i=0
while [ $i -lt 60 ]; do
  i=$((i+1)); echo "row $i of 60" >>rows; echo "row $i of 60"; sleep 0.025
done
exit 42
`
)

// desk is the home of an operator on a bastion, for one run of the migration.
type desk struct {
	t   *testing.T
	b   *bastion
	dir string
}

func openDesk(t *testing.T, b *bastion) *desk {
	t.Helper()
	dir, err := os.MkdirTemp(b.dir, "desk-")
	must(t, err)
	d := &desk{t, b, dir}
	must(t, os.Mkdir(d.at("app"), 0o700))
	d.put("app/migrate", migrates)
	d.trust("rows.toml", migration)
	d.trust("here.toml", fmt.Sprintf("name = \"here\"\ndir = %q\npath = \"/usr/bin:/bin\"\n", d.at("app")))
	must(t, filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		return errors.Join(err, os.Lchown(path, b.uid, b.gid))
	}))
	t.Cleanup(d.settle)
	return d
}

// settle waits until nobody works on the desk any more.
func (d *desk) settle() {
	await(d.t, "the end of the step", func() bool { return !d.now().kept.Class.Alive() })
	for _, pid := range d.screens() {
		await(d.t, "the end of a screen", func() bool { return !alive(pid) })
	}
}

func (d *desk) at(name string) string { return filepath.Join(d.dir, name) }

func (d *desk) put(name, text string) {
	d.t.Helper()
	must(d.t, os.WriteFile(d.at(name), []byte(text), 0o600))
}

// trust writes a file that may run.
func (d *desk) trust(name, text string) {
	d.t.Helper()
	d.put(name, text)
	must(d.t, book.AddTrust(d.at("config/runbook"), d.at(name), fmt.Sprintf("%x", sha256.Sum256([]byte(text)))))
}

// runbook executes the program over a new connection. It takes the place of
// the shell, whose pid is left in a file.
func (d *desk) runbook(w, h uint16, args string) *line {
	d.t.Helper()
	return d.b.dial(d.t, w, h, fmt.Sprintf(`cd %[1]s && echo $$ >>screens &&
		exec env -i TERM=$TERM SSH_TTY=$SSH_TTY "SSH_CONNECTION=$SSH_CONNECTION" HOME=%[1]s XDG_CONFIG_HOME=%[1]s/config RUNBOOK_HOME=%[1]s/state %[2]s %[3]s`,
		d.dir, d.b.program(), args))
}

// screens are the pids of the programs that were started, the last one last.
func (d *desk) screens() (all []int) {
	d.t.Helper()
	data, err := os.ReadFile(d.at("screens"))
	if !errors.Is(err, fs.ErrNotExist) {
		must(d.t, err)
	}
	for _, word := range strings.Fields(string(data)) {
		pid, err := strconv.Atoi(word)
		must(d.t, err)
		all = append(all, pid)
	}
	return all
}

// screen is the pid of the program that was started last, 0 if none was.
func (d *desk) screen() int {
	d.t.Helper()
	if all := d.screens(); len(all) > 0 {
		return all[len(all)-1]
	}
	return 0
}

// The keys that begin the run and start its step, and those that go on with it.
var (
	starting = []press{
		{"", "enter", true},
		{"\r", "Run migrations", false},
		{"g", "type migrate and enter", true},
		{"migrate", "", false},
		{"\r", "RUNNING", false},
	}
	resuming = []press{
		{"", "enter", true},
		{"\r", "Run migrations", false},
	}
	failing = press{then: "exit 42"}
	leaving = press{keys: "q", then: "\x1b[?1049l"}
)

// deploy is a screen on which the step runs.
func (d *desk) deploy() *line {
	d.t.Helper()
	l := d.runbook(80, 24, "deploy ./rows.toml -t ./here.toml")
	l.doesAll(starting...)
	return l
}

// fact is what a desk's disk says of its step.
type fact struct {
	run     *runbook.Run // nil if it never began
	step    runbook.StepState
	kept    supervise.Status
	written int // rows that the step wrote into its own file
	printed int // rows of its output that are kept
}

func (d *desk) now() (f fact) {
	d.t.Helper()
	f.kept.Class = supervise.NeverStarted
	f.written = d.rows(d.at("app/rows"))
	dirs, err := filepath.Glob(d.at("state/runs/*"))
	must(d.t, err)
	if len(dirs) != 1 {
		return f
	}
	r, b, err := runbook.Load(dirs[0])
	if r == nil || errors.Is(err, fs.ErrNotExist) {
		return f // it is just being made
	}
	f.run, f.step = r, r.Step(b.Step("migrate"))
	if key := d.key(r.Dir); key != "" {
		files := r.Files("migrate", f.step.Attempt)
		f.kept = supervise.Classify(files, key)
		f.printed = d.rows(filepath.Join(files, supervise.OutputFile))
	}
	return f
}

// key is what the verdict of the last intent must be signed with; empty
// without an intent.
func (d *desk) key(run string) (key string) {
	d.t.Helper()
	entries, _ := journal.Read(run) // its end may be being written
	for _, e := range entries {
		var body struct {
			Key string `json:"verdict_key"`
		}
		if e.Kind == "run.intent" {
			must(d.t, json.Unmarshal(e.Body, &body))
			key = body.Key
		}
	}
	return key
}

// rows counts the rows of a file, which must be all from the first on, in
// their order.
func (d *desk) rows(path string) int {
	d.t.Helper()
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0
	}
	must(d.t, err)
	whole := strings.Split(string(data), "\n") // behind the last line feed a row is being written
	for i, row := range whole[:len(whole)-1] {
		if row != fmt.Sprintf("row %d of %d", i+1, allRows) {
			d.t.Errorf("%s: row %d is %q", path, i+1, row)
		}
	}
	return len(whole) - 1
}

// row waits until the step came to a row.
func (d *desk) row(n int) {
	d.t.Helper()
	await(d.t, fmt.Sprintf("row %d", n), func() bool { return d.rows(d.at("app/rows")) >= n })
}
