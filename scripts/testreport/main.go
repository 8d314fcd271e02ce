// Command testreport reads `go test -json` on stdin: it prints each package as
// it ends, the output of what failed, and at the end what ran and what was
// skipped and why. It exits 1 if anything failed or nothing ran, and with
// CI=true also if a test was skipped for want of something on this machine.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// event is one line of `go test -json`; Test is empty for a package.
type event struct {
	Action     string
	Package    string
	ImportPath string
	Test       string
	Elapsed    float64
	Output     string
}

type report struct {
	output   map[string][]string // by package and test, until it ends
	packages int
	tests    int
	subtests int
	failed   []string
	skipped  []string
	wanting  int // skipped because this machine lacks something
}

func main() {
	began := time.Now()
	r := report{output: map[string][]string{}}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			fmt.Println(lines.Text()) // what go says outside the stream
			continue
		}
		r.take(e)
	}
	if err := lines.Err(); err != nil {
		fmt.Fprintln(os.Stderr, "testreport: read the test events:", err)
		os.Exit(1)
	}
	if !r.sum(time.Since(began)) {
		os.Exit(1)
	}
}

func (r *report) take(e event) {
	key := e.Package + e.ImportPath + " " + e.Test
	switch e.Action {
	case "output", "build-output":
		r.output[key] = append(r.output[key], e.Output)
		return
	case "pass", "fail", "skip", "build-fail":
	default:
		return
	}
	lines := r.output[key]
	delete(r.output, key)
	switch e.Action {
	case "fail", "build-fail":
		r.fail(e, strings.TrimSpace(key))
		fmt.Print(strings.Join(lines, ""))
	case "skip":
		if e.Test != "" {
			r.skip(strings.TrimSpace(key), reason(lines))
		}
	}
	r.count(e)
}

func (r *report) count(e event) {
	switch {
	case e.Action == "build-fail":
	case e.Test == "" && e.Action == "skip": // a package without tests
	case e.Test == "":
		r.packages++
		fmt.Printf("%-4s %s %.1fs\n", e.Action, e.Package, e.Elapsed)
	case strings.Contains(e.Test, "/"):
		r.subtests++
	default:
		r.tests++
	}
}

// fail notes what failed: a package only if none of its tests is to blame.
func (r *report) fail(e event, name string) {
	if e.Test == "" && slices.ContainsFunc(r.failed, func(f string) bool { return strings.HasPrefix(f, e.Package+" ") }) {
		return
	}
	r.failed = append(r.failed, name)
}

// skip notes a skipped test. What only ../shared, another system or another
// user could run is no fault of this machine.
func (r *report) skip(test, why string) {
	r.skipped = append(r.skipped, test+": "+why)
	for _, missing := range []string{"PostgreSQL", "strace", "ssh-keygen", "ssh-agent", "sshd", "openssl", "redis-server"} {
		if strings.Contains(why, missing) {
			r.wanting++
			return
		}
	}
}

// reason is what the test gave to t.Skip.
func reason(lines []string) string {
	for _, line := range lines {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "===") || strings.HasPrefix(line, "---") {
			continue
		}
		if _, why, ok := strings.Cut(line, ".go:"); ok {
			_, why, _ = strings.Cut(why, ": ")
			return why
		}
		return line
	}
	return "it gave no reason"
}

// sum prints the end and answers whether all is well.
func (r *report) sum(took time.Duration) bool {
	fmt.Printf("\nran %d tests and %d subtests of %d packages in %s: %d failed, %d skipped\n",
		r.tests, r.subtests, r.packages, took.Round(time.Second), len(r.failed), len(r.skipped))
	for _, test := range r.skipped {
		fmt.Println("  skipped", test)
	}
	for _, test := range r.failed {
		fmt.Println("  FAILED ", test)
	}
	if r.wanting > 0 && os.Getenv("CI") == "true" {
		fmt.Printf("CI=true: %d tests want something this machine lacks\n", r.wanting)
		return false
	}
	return len(r.failed) == 0 && r.tests > 0
}
