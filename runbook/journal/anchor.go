package journal

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Anchor is the head of a log as somebody outside of it saw it.
type Anchor struct {
	N    uint64
	Head string // 64 hex digits, or as HeadCode writes it with N
	From string // who has it, in words
}

// maxAnchors caps what is read of a text with head codes, in bytes.
const maxAnchors = 16 << 20

// headCode finds what HeadCode writes, with the run before it where it is said.
var headCode = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?:\brun ([0-9a-f]{4,32}) head )?\b([1-9][0-9]{0,9})-([A-Z2-7]{4}(?:-[A-Z2-7]{4}){5})\b`)
})

// HeadLine is how a head is posted where others see it: ReadAnchors finds it in
// any text.
func HeadLine(run string, n uint64, head string) string {
	return "run " + run[:min(8, len(run))] + " head " + HeadCode(n, head)
}

// ReadAnchors finds the head codes of a run in a text: a mail, an export of a
// chat, a report. A code that stands behind another run's name is not one of
// them. The error says so if there is none.
func ReadAnchors(file, run string) ([]Anchor, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // read only: nothing to lose
	text, err := io.ReadAll(io.LimitReader(f, maxAnchors+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", file, err)
	case len(text) > maxAnchors:
		return nil, fmt.Errorf("%s: more than %d MiB", file, maxAnchors>>20)
	}
	var all []Anchor
	for _, m := range headCode().FindAllStringSubmatch(string(text), -1) {
		n, err := strconv.ParseUint(m[2], 10, 64)
		if err != nil || m[1] != "" && !strings.HasPrefix(run, m[1]) {
			continue
		}
		all = append(all, Anchor{N: n, Head: m[2] + "-" + m[3], From: file})
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s holds no head code of run %s", file, run[:min(8, len(run))])
	}
	return all, nil
}

// anchoring holds the log against what others have seen of it.
func anchoring(c *chain, p Policy) Verdict {
	var newest Anchor
	for i, a := range slices.Concat(p.Seen, p.Anchors) {
		if a.N > c.n {
			return Verdict{RolledBack, fmt.Sprintf("%s has seen entry %d, the log ends at %d", a.From, a.N, c.n)}
		}
		if head := c.commitment(a.N).Head; a.Head != head && a.Head != HeadCode(a.N, head) {
			return Verdict{Forked, fmt.Sprintf("%s has seen another entry %d", a.From, a.N)}
		}
		if i >= len(p.Seen) && a.N >= newest.N {
			newest = a
		}
	}
	if len(p.Anchors) == 0 {
		return Verdict{NoAnchor, "nobody else has seen the head"}
	}
	return Verdict{OK, fmt.Sprintf("heads seen elsewhere: %d, the last at %d of %d by %s", len(p.Anchors), newest.N, c.n, newest.From)}
}
