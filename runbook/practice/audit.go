package practice

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
)

// advisory is a known vulnerability of a package, in every version below one.
type advisory struct{ name, below, severity, title string }

// advisories are what this audit knows of.
var advisories = []advisory{
	{"axios", "1.12.0", "high", "Axios is vulnerable to DoS attack through lack of data size check"},
	{"brace-expansion", "2.0.2", "low", "brace-expansion Regular Expression Denial of Service vulnerability"},
	{"form-data", "4.0.4", "critical", "form-data uses unsafe random function in form-data for choosing boundary"},
	{"multer", "2.0.2", "high", "Multer vulnerable to Denial of Service via unhandled exception from malformed request"},
	{"validator", "13.15.20", "moderate", "validator.js has a URL validation bypass vulnerability in its isURL function"},
}

var severities = []string{"info", "low", "moderate", "high", "critical"}

// auditTool is npm audit: it holds package-lock.json against the advisories it
// knows, which come with this program.
func auditTool(_ context.Context, sh shell, args []string) (int, error) {
	flags := pflag.NewFlagSet("audit", pflag.ContinueOnError)
	flags.SetOutput(io.Discard)
	omit := flags.StringSlice("omit", nil, "")
	asJSON := flags.Bool("json", false, "")
	level := flags.String("audit-level", "info", "")
	if err := flags.Parse(args); err != nil || flags.NArg() > 0 || !slices.Contains(severities, *level) {
		return notSimulated, errNotSimulated
	}
	text, err := os.ReadFile(filepath.Join(sh.dir, "package-lock.json"))
	if err != nil {
		sh.warn("npm error code ENOLOCK\nnpm error audit This command requires an existing lockfile.\n")
		return 1, nil
	}
	var lock struct {
		Packages map[string]struct {
			Version string
			Dev     bool
		}
	}
	if err := json.Unmarshal(text, &lock); err != nil {
		sh.warn("npm error code EJSONPARSE\nnpm error package-lock.json: %v\n", err)
		return 1, nil
	}
	vulnerable, counts, looked := map[string]any{}, map[string]int{}, 0
	for path, p := range lock.Packages {
		_, name, found := strings.Cut(path, "node_modules/")
		if !found || p.Dev && slices.Contains(*omit, "dev") {
			continue
		}
		if _, inner, nested := strings.Cut(name, "/node_modules/"); nested {
			name = inner
		}
		looked++
		for _, a := range advisories {
			if a.name == name && older(p.Version, a.below) {
				vulnerable[name] = map[string]any{"name": name, "severity": a.severity, "range": "<" + a.below, "via": []any{map[string]string{"title": a.title, "severity": a.severity}}}
				counts[a.severity]++
			}
		}
	}
	worst, total := sh.tell(*asJSON, vulnerable, counts, looked)
	if total > 0 && worst >= slices.Index(severities, *level) {
		return 1, nil
	}
	return 0, nil
}

// tell prints what an audit found, and how bad the worst of it is.
func (sh shell) tell(asJSON bool, found map[string]any, counts map[string]int, looked int) (worst, total int) {
	summary := map[string]int{}
	for i, severity := range severities {
		summary[severity] = counts[severity]
		total += counts[severity]
		if counts[severity] > 0 {
			worst = i
		}
	}
	summary["total"] = total
	if asJSON {
		text, err := json.MarshalIndent(map[string]any{
			"auditReportVersion": 2, "vulnerabilities": found,
			"metadata": map[string]any{"vulnerabilities": summary, "dependencies": map[string]int{"total": looked}},
		}, "", "  ")
		if err == nil {
			sh.say("%s\n", text)
		}
		return worst, total
	}
	sh.say("found %d vulnerabilities in %d packages\n", total, looked)
	return worst, total
}

// older compares versions of numbers and dots.
func older(version, than string) bool {
	a, b := strings.Split(version, "."), strings.Split(than, ".")
	for i := range min(len(a), len(b)) {
		x, errX := strconv.Atoi(a[i])
		y, errY := strconv.Atoi(b[i])
		if errX != nil || errY != nil || x != y {
			return errX == nil && errY == nil && x < y
		}
	}
	return len(a) < len(b)
}
