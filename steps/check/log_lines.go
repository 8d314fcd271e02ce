package check

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"runbook/steps"
	"runbook/steps/safetext"
)

// logLines are the lines of a log that are looked at.
type logLines struct {
	lines  [][]byte
	timed  bool      // some line told its time
	oldest time.Time // of those lines
	cut    string    // says what was not looked at, if there was more
}

// add takes the lines of one file or stream that are younger, all of them if
// there is no time. Where its beginning is missing, the first line is not
// whole; and it reports whether what is missing could have been younger.
func (l *logLines) add(text []byte, headless bool, than time.Time) (lacks bool) {
	lacks = headless
	keep := true // a beginning without a time is as old as can be told
	for line := range bytes.Lines(text) {
		if headless {
			headless = false
			continue
		}
		if line = bytes.TrimRight(line, "\r\n"); len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		line = line[:min(len(line), keptLine)]
		if at, ok := timeOf(line); ok && !than.IsZero() {
			if l.timed = true; l.oldest.IsZero() || at.Before(l.oldest) {
				l.oldest = at
			}
			keep = !at.Before(than)
			lacks = lacks && keep
		}
		if keep {
			l.lines = append(l.lines, line)
		}
	}
	return lacks
}

// read takes the end of each file, or what the program prints.
func (c *Log) read(ctx context.Context, w *steps.World, than time.Time) (logLines, error) {
	switch {
	case len(c.Argv) > 0:
		return c.printed(ctx, w, than)
	case c.Deployment != "":
		return c.pods(ctx, w, than)
	}
	pattern := c.File
	if !filepath.IsAbs(pattern) {
		pattern = filepath.Join(w.Dir, pattern)
	}
	files, err := filepath.Glob(pattern)
	switch {
	case err != nil:
		return logLines{}, errors.New("file: not a pattern of files")
	case len(files) == 0:
		return logLines{}, errors.New("there is no such file")
	case len(files) > maxLogs:
		return logLines{}, fmt.Errorf("%d files; the limit is %d", len(files), maxLogs)
	}
	var all logLines
	begins := beginnings{}
	for _, file := range files {
		name := outside(filepath.Base(file))
		text, cut, err := tailOf(file)
		if err != nil {
			return logLines{}, fmt.Errorf("%s cannot be read: %s", name, bare(err))
		}
		if bytes.HasPrefix(text, packedByGzip) {
			if than.IsZero() || changedSince(file, than) { // else there is nothing younger in it
				all.cut = name + " is packed, and was not looked at"
			}
			continue
		}
		lacks := all.add(text, cut, than)
		if lacks {
			all.cut = "only the last 4 MiB of " + name + " were looked at"
		}
		begins.note(file, text, lacks)
	}
	if late := begins.after(than); late != "" {
		all.cut = late
	}
	return all, nil
}

// packedByGzip is what a file begins with that gzip has packed.
var packedByGzip = []byte{0x1f, 0x8b}

// changedSince reports whether a file may hold what was written after a time.
func changedSince(path string, than time.Time) bool {
	info, err := os.Stat(path)
	return err != nil || info.ModTime().After(than)
}

// beginnings are when the logs of some files begin, each with what was rotated
// away from it.
type beginnings map[string]time.Time

var rotated = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?:\.log)?[.-]\d[\d.-]*$|[-._]\d{4}-?\d\d-?\d\d(?:$|(\.))`)
})

// note takes the first time that a file tells. One that lacks its beginning was
// judged by what is left.
func (b beginnings) note(file string, text []byte, lacks bool) {
	family := rotated().ReplaceAllString(file, "$1")
	family = strings.TrimSuffix(family, ".log") + ".log"
	if lacks {
		return
	}
	for line := range bytes.Lines(text) {
		at, ok := timeOf(bytes.TrimRight(line, "\r\n"))
		if !ok {
			continue
		}
		if first, there := b[family]; !there || at.Before(first) {
			b[family] = at
		}
		return
	}
}

// after says which log begins later than a time: what was before is elsewhere.
func (b beginnings) after(than time.Time) string {
	for _, family := range sortedKeys(b) {
		if !than.IsZero() && b[family].After(than) {
			return fmt.Sprintf("%s begins at %s: what was logged before lies elsewhere, or was rotated away",
				outside(filepath.Base(family)), b[family].UTC().Format(time.RFC3339))
		}
	}
	return ""
}

// tailOf reads the end of a file, and reports whether there is more before it.
func tailOf(path string) ([]byte, bool, error) {
	// Without O_NONBLOCK, opening a named pipe would wait for its writer.
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, false, err
	}
	defer func() { _ = file.Close() }() // only read from
	info, err := file.Stat()
	if err != nil {
		return nil, false, err
	}
	if !info.Mode().IsRegular() {
		return nil, false, errors.New("it is not a regular file")
	}
	from := max(0, info.Size()-keptLog)
	text, err := io.ReadAll(io.NewSectionReader(file, from, keptLog))
	return text, from > 0, err
}

func (c *Log) printed(ctx context.Context, w *steps.World, than time.Time) (logLines, error) {
	limit := 30 * time.Second
	if c.Timeout > 0 {
		limit = c.Timeout.D()
	}
	ended, err := program{argv: c.Argv, limit: limit, keep: keptLog}.run(ctx, w)
	if err != nil {
		return logLines{}, err
	}
	if !ended.state.Success() {
		return logLines{}, fmt.Errorf("%s ended with %s: %s", outside(c.Argv[0]), ended.state, outside(lastLine(&ended.stderr)))
	}
	var all logLines
	for _, stream := range []*kept{&ended.stdout, &ended.stderr} {
		all.add(stream.head.Bytes(), false, than)
		if stream.more {
			all.cut = "only the first 4 MiB of its output were looked at"
		}
	}
	return all, nil
}

var (
	iso = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)([.,]\d{1,9})?\d*\s?(Z|[+-]\d\d:?\d\d)?`)
	})
	common = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`\[(\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\]`)
	})
)

// ahead is what may stand in a line before its time: colours, a bracket, the
// name of the field, or what web servers write of a client. A date behind anything else is
// part of what is said.
var ahead = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(?:\x1b\[[\d;]*m)*(?:(?:\S+ ){1,2}- \S+ \[?|\[|(?:time|timestamp|ts)="?)?$`)
})

// timeOf is the time that a line tells of itself.
func timeOf(line []byte) (time.Time, bool) {
	if object, ok := objectOf(line); ok {
		for _, key := range []string{"time", "timestamp", "ts", "@timestamp"} {
			at, ok := time.Time{}, false
			switch value := object[key].(type) {
			case string:
				at, ok = isoTime([]byte(value))
			case json.Number:
				at, ok = epoch(value)
			}
			if ok {
				return at, true
			}
		}
		return time.Time{}, false
	}
	head := line[:min(len(line), 128)]
	if found := common().FindSubmatchIndex(head); found != nil && ahead().Match(head[:found[0]]) {
		at, err := time.Parse("02/Jan/2006:15:04:05 -0700", string(head[found[2]:found[3]]))
		return at, err == nil
	}
	return isoTime(head)
}

func isoTime(text []byte) (time.Time, bool) {
	found := iso().FindSubmatch(text)
	if found == nil || !ahead().Match(text[:bytes.Index(text, found[0])]) {
		return time.Time{}, false
	}
	zone := strings.ReplaceAll(string(found[4]), ":", "")
	if zone == "" || zone == "Z" {
		zone = "+0000"
	}
	fraction := strings.ReplaceAll(string(found[3]), ",", ".")
	at, err := time.Parse("2006-01-02 15:04:05-0700", string(found[1])+" "+string(found[2])+fraction+zone)
	return at, err == nil
}

// epochs are the years that a number may mean: a smaller one counts something
// else, such as how long a request took.
var epochs = [2]time.Time{time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)}

// epoch reads seconds since 1970, or thousandths, millionths or billionths of
// them: no number is a time in two of these.
func epoch(n json.Number) (time.Time, bool) {
	value, err := strconv.ParseFloat(n.String(), 64)
	if err != nil {
		return time.Time{}, false
	}
	for _, parts := range []float64{1, 1e3, 1e6, 1e9} {
		seconds := value / parts
		if seconds >= float64(epochs[0].Unix()) && seconds < float64(epochs[1].Unix()) {
			return time.UnixMilli(int64(seconds * 1000)), true
		}
	}
	return time.Time{}, false
}

// objectOf reads a line that is one JSON object.
func objectOf(line []byte) (map[string]any, bool) {
	text := bytes.TrimSpace(line)
	if len(text) == 0 || text[0] != '{' || jsonDepth(text) > maxJSONDepth {
		return nil, false
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var object map[string]any
	if decoder.Decode(&object) != nil || decoder.InputOffset() != int64(len(text)) {
		return nil, false
	}
	return object, true
}

func hasKeys(line []byte, keys []string) bool {
	object, ok := objectOf(line)
	for _, key := range keys {
		if _, there := object[key]; !there {
			return false
		}
	}
	return ok
}

// messages counts lines that say the same.
type messages map[string]int

type message struct {
	text  string
	times int
}

func (m messages) add(line []byte) { m[signature(line)]++ }

// top are the most frequent, then by their text.
func (m messages) top(n int) []message {
	var all []message
	for text, times := range m {
		all = append(all, message{text, times})
	}
	slices.SortFunc(all, func(a, b message) int {
		if a.times != b.times {
			return b.times - a.times
		}
		return strings.Compare(a.text, b.text)
	})
	return all[:min(n, len(all))]
}

var varying = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`[\w.+-]+@[\w-]+\.[\w.-]+` + // an address
		`|\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b` + // a UUID
		`|\b[\w-]{24,}(?:\.[\w-]+)*` + // a token
		`|\b(?:0x)?[0-9a-fA-F]*\d[0-9a-fA-F]*\b`) // a number, a hash
})

// signature is what a line says, with <…> where each line says its own.
func signature(line []byte) string {
	text, level := string(line), ""
	if object, ok := objectOf(line); ok {
		if object["level"] != nil {
			level = jsonText(object["level"]) + " "
		}
		for _, key := range []string{"msg", "message", "error", "event"} {
			if said, ok := object[key].(string); ok {
				text = said
				break
			}
		}
	}
	text = text[:min(len(text), 2*safetext.SampleLength)] // what is cut away would not be shown
	text = iso().ReplaceAllString(common().ReplaceAllString(text, ""), "")
	return outside(level + strings.TrimSpace(varying().ReplaceAllString(text, "<…>")))
}
