package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"html"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/creack/pty"

	"runbook/runbook"
	"runbook/runbook/book"
	"runbook/runbook/journal"
	"runbook/steps/safetext/hostile"
)

// hostilePlace is a home with a trusted book and target, whose command prints
// every payload and whose checks say one each.
type hostilePlace struct {
	dir  string
	book string
	on   string // the target
	env  []string
}

func newHostilePlace(t *testing.T) *hostilePlace {
	t.Helper()
	p := &hostilePlace{dir: t.TempDir()}
	config := filepath.Join(p.dir, "config", "runbook")
	text, printed := hostileBook, ""
	for i, payload := range hostile.Payloads() {
		text += fmt.Sprintf("  [[phase.step]]\n  id = \"c%d\"\n  check.command = { sh = \"cat p%d; exit 1\" }\n", i, i)
		p.write(t, fmt.Sprintf("p%d", i), payload.Text)
		printed += payload.Text + "\n"
	}
	p.write(t, "payloads", printed)
	p.book = p.write(t, "book.toml", text)
	p.on = p.write(t, "target.toml", fmt.Sprintf("name = \"prod\"\ndir = %q\npath = \"/usr/bin:/bin\"\n", p.dir))
	for _, file := range []string{p.book, p.on} {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := book.AddTrust(config, file, fmt.Sprintf("%x", sha256.Sum256(data))); err != nil {
			t.Fatal(err)
		}
	}
	p.env = []string{
		"PATH=/usr/bin:/bin", "HOME=" + p.dir, "LANG=C.UTF-8", "TERM=xterm-256color",
		"XDG_CONFIG_HOME=" + filepath.Dir(config), "RUNBOOK_HOME=" + filepath.Join(p.dir, "state"),
	}
	return p
}

const hostileBook = `schema = 1
name = "hostile"
[vars]
word = { default = "x" }
[[phase]]
id = "print"
  [[phase.step]]
  id = "say"
  effect = "none"
  run.command = { argv = ["cat", "payloads"] }
[[phase]]
id = "look"
`

func (p *hostilePlace) write(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(p.dir, name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// says runs a command and answers all that it said. It has to fail, or not to.
func (p *hostilePlace) says(t *testing.T, fails bool, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary, args...)
	cmd.Env, cmd.Dir = p.env, p.dir
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) || fails == (err == nil) {
		t.Errorf("%.80q ended with %v:\n%s", args, err, out)
	}
	return string(out)
}

// drives walks a session in lines on a terminal: each answer is given once the
// words before it came.
func (p *hostilePlace) drives(t *testing.T, script [][2]string, args ...string) string {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Env, cmd.Dir = p.env, p.dir
	tty, err := pty.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tty.Close() }()
	var got bytes.Buffer
	buf, from := make([]byte, 32<<10), 0
	for _, turn := range script {
		for !bytes.Contains(got.Bytes()[from:], []byte(turn[0])) {
			n, err := tty.Read(buf)
			if got.Write(buf[:n]); err != nil {
				t.Fatalf("%q did not come: %v\n%s", turn[0], err, got.String())
			}
		}
		from = got.Len()
		if _, err := tty.WriteString(turn[1] + "\n"); err != nil {
			t.Fatal(err)
		}
	}
	_, _ = io.Copy(&got, tty) // ends with EIO once the other end is closed
	if err := cmd.Wait(); ctx.Err() != nil {
		t.Fatalf("the session did not leave: %v\n%s", err, got.String())
	}
	return got.String()
}

// harmless fails on anything that acts on a terminal, and on a payload whose
// text did not arrive.
func harmless(t *testing.T, where, sent string, arrived []hostile.Payload) {
	t.Helper()
	if bad := hostile.Foreign(sent, nil); bad != "" || strings.Contains(sent, "\x1b") {
		t.Errorf("%s sent %s: %q", where, bad, sent)
	}
	var missing []string
	for _, p := range arrived {
		if !strings.Contains(sent, p.Kept) {
			missing = append(missing, p.Name)
		}
	}
	if len(missing) > 0 {
		t.Errorf("%v did not arrive in %s:\n%s", missing, where, sent)
	}
}

// ofOneLine are the payloads that a reason shows, which is one line.
func ofOneLine() []hostile.Payload {
	var all []hostile.Payload
	for _, p := range hostile.Payloads() {
		if before, _, cut := strings.Cut(p.Text, "\n"); !cut || strings.Contains(before, p.Kept) {
			all = append(all, p)
		}
	}
	return all
}

// TestHostileOutput drives a session whose command and checks print payloads,
// and reads what every other command says of it.
func TestHostileOutput(t *testing.T) {
	t.Parallel()
	p := newHostilePlace(t)
	session := p.drives(t, [][2]string{{"answers:", "run say"}, {"exit 0", ""}, {"answers:", "why c0"}, {"answers:", "detach"}},
		"deploy", p.book, "-t", p.on, "--plain")
	_, printed, _ := strings.Cut(session, "| ")
	printed, checked, _ := strings.Cut(printed, "exit 0")
	harmless(t, "the command's output", printed, hostile.Payloads())
	harmless(t, "the checks", checked, ofOneLine())
	harmless(t, "the session", session, nil)
	for name, args := range map[string][]string{
		"status": {"status"}, "status --json": {"status", "--json"}, "log show": {"log", "show"}, "log show --json": {"log", "show", "--json"},
	} {
		harmless(t, name, p.says(t, false, args...), ofOneLine())
	}
	harmless(t, "runs", p.says(t, false, "runs"), nil)
	for _, format := range []string{"md", "html", "json"} {
		text := p.says(t, false, "report", "--format", format)
		if format == "html" {
			text = html.UnescapeString(text)
		}
		harmless(t, "report --format "+format, text, ofOneLine())
	}
	check := []string{"check", p.book, "-t", p.on}
	harmless(t, "check", p.says(t, true, check...), ofOneLine())
	harmless(t, "check --json", p.says(t, true, append(check, "--json")...), ofOneLine())
}

// TestHostileErrors gives payloads as names, flags, values, files and places,
// all of which an error repeats.
func TestHostileErrors(t *testing.T) {
	t.Parallel()
	p := newHostilePlace(t)
	var words []string
	for _, one := range hostile.Payloads() {
		words = append(words, strings.ReplaceAll(one.Text, "\x00", "")) // no argument holds one
	}
	all := strings.Join(words, " ")
	flat := strings.NewReplacer("/", "|", "=", ":").Replace(all)
	for name, args := range map[string][]string{
		"a command": {all}, "a flag": {"deploy", "--" + flat}, "a book": {"deploy", flat, "-t", p.on}, "a path": {"show", all + ".toml"}, "a target": {"deploy", p.book, "-t", flat},
		"a run": {"status", flat}, "a log": {"log", "show", flat},
		"a var": {"deploy", p.book, "-t", p.on, "--plain", "--var", flat + "=x"}, "too many": {"version", all},
	} {
		harmless(t, name, p.says(t, true, args...), hostile.Payloads())
	}
	for value, want := range map[string]string{all: "holds a line break", "\u202e" + strings.Join(strings.Fields(flat), ""): "holds the invisible character U+202E"} {
		refused := p.says(t, true, "deploy", p.book, "-t", p.on, "--plain", "--var", "word="+value)
		harmless(t, "a value", refused, nil)
		if !strings.Contains(refused, want) {
			t.Errorf("a value that hides something: %s, wanted %s", refused, want)
		}
	}
}

// escaped is a text as a TOML string without a character that needs none.
func escaped(text string) string {
	all := `"`
	for _, r := range text {
		all += fmt.Sprintf(`\U%08X`, r)
	}
	return all + `"`
}

// TestHostileBooks finds no payload in a title, as it stands or as an escape,
// in a book or a target; what lint says of it is harmless. All are read by one
// lint.
func TestHostileBooks(t *testing.T) {
	t.Parallel()
	p := newHostilePlace(t)
	lint, payload := []string{"lint"}, map[string]string{} // by its book
	for i, one := range hostile.Payloads() {
		titles := map[string]string{"raw": "'" + one.Text + "'"}
		if utf8.ValidString(one.Text) {
			titles["escaped"] = escaped(one.Text)
		}
		for form, title := range titles {
			book := p.write(t, fmt.Sprintf("book-%s-%d.toml", form, i), hostileBook+"title = "+title+"\n")
			lint, payload[filepath.Base(book)] = append(lint, book), one.Name
		}
	}
	said := p.says(t, true, lint...)
	harmless(t, "lint", said, nil)
	for book, name := range payload {
		found := regexp.MustCompile(`(?m)/` + regexp.QuoteMeta(book) + `:.*(invisible character U\+|not UTF-8)`)
		if !found.MatchString(said) {
			t.Errorf("%s, %s: nothing is found\n%s", name, book, said)
		}
	}
	name := strings.ReplaceAll(hostile.Payloads()[0].Text, "/", "|")
	harmless(t, "a file's name", p.says(t, true, "lint", p.write(t, name+".toml", "x")), hostile.Payloads()[:1])
}

// TestHostileFarewell reads what stays on the terminal after a session. It
// takes this process's stdout, and so runs alone.
func TestHostileFarewell(t *testing.T) {
	b, err := book.Read([]byte(hostileBook), "b.toml")
	if err != nil {
		t.Fatal(err)
	}
	on, err := book.ReadTarget(fmt.Appendf(nil, "name = \"prod\"\ndir = %q\npath = \"/bin\"\n", t.TempDir()), "t.toml")
	if err != nil {
		t.Fatal(err)
	}
	w, err := runbook.NewWorld(on)
	if err != nil {
		t.Fatal(err)
	}
	s, err := runbook.Start(t.Context(), runbook.StartOptions{
		Runs: t.TempDir(), Book: b, Target: on, World: w, Mode: runbook.ModeDeploy, Log: journal.Options{NoIdentity: "a test"},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	for _, p := range hostile.Payloads() {
		b.Phases[0].Title = p.Text
		harmless(t, "the farewell", printed(t, func() { farewell(s) }), []hostile.Payload{p})
	}
}

// printed is what do writes to stdout.
func printed(t *testing.T, do func()) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout := os.Stdout
	os.Stdout = w
	do()
	os.Stdout = stdout
	_ = w.Close()
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = r.Close()
	return string(text)
}
