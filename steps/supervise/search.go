package supervise

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"runbook/steps/safetext"
)

// stretch is how much of an output one look of a search goes through.
const stretch = 1 << 20

// Search is a text that is looked for as a person sees it: without colours, and
// in any case of its letters unless it has a capital. The zero Search finds
// nothing.
type Search struct {
	text  []byte
	exact bool
	first [2][]byte // its first character, in both cases
}

// Match is where a search found its text.
type Match struct {
	Row int64 // offset at which the row begins
	Col int   // byte of the row's text without colours
}

// NewSearch looks for a text of one line.
func NewSearch(text string) Search {
	s := Search{text: []byte(text), exact: strings.ContainsFunc(text, unicode.IsUpper)}
	r, size := utf8.DecodeRuneInString(text)
	s.first = [2][]byte{[]byte(text[:size]), []byte(string(unicode.ToUpper(r)))}
	if s.exact || bytes.Equal(s.first[0], s.first[1]) {
		s.first[1] = nil
	}
	return s
}

// String is the text that is looked for.
func (s Search) String() string { return string(s.text) }

// Down looks for the first match that is not before from, through about a MiB.
// Without one it returns where to look on: at Size there is no more.
func (s Search) Down(p *Pager, from Match) (m Match, found bool, err error) {
	to, err := p.Size(), error(nil)
	if from.Row+stretch < to {
		to, err = p.Start(from.Row + stretch)
	}
	if err == nil {
		found, err = s.among(p, from.Row, to)
	}
	if err != nil || !found {
		return Match{Row: to}, false, err
	}
	for at := from.Row; at < to; {
		row, err := p.Down(at)
		if err != nil {
			return Match{Row: at}, false, err
		}
		spans, err := s.In(p, row)
		if err != nil {
			return Match{Row: at}, false, err
		}
		for _, span := range spans {
			if at > from.Row || span[0] >= from.Col {
				return Match{at, span[0]}, true, nil
			}
		}
		at = row.Next
	}
	return Match{Row: to}, false, nil
}

// Up looks for the last match before from, through about a MiB. Without one it
// returns where to look on: at the zero Match there is no more.
func (s Search) Up(p *Pager, from Match) (m Match, found bool, err error) {
	start, err := p.Start(from.Row - stretch)
	end := from.Row
	if err == nil && from.Col > 0 {
		end, err = p.end(end)
	}
	if err == nil {
		found, err = s.among(p, start, end)
	}
	m = Match{Row: start}
	if err != nil || !found {
		return m, false, err
	}
	for end > start {
		row, err := p.Up(end)
		if err != nil {
			return m, false, err
		}
		spans, err := s.In(p, row)
		if err != nil {
			return m, false, err
		}
		for _, span := range slices.Backward(spans) {
			if row.At < from.Row || span[0] < from.Col {
				return Match{row.At, span[0]}, true, nil
			}
		}
		end = row.At
	}
	return m, false, nil
}

// among reports whether rows may hold a match. It looks a little further: a
// line may be cut behind them.
func (s Search) among(p *Pager, from, to int64) (bool, error) {
	clean := safetext.NewSanitizer(sieve{s}, false)
	_, err := io.Copy(clean, io.NewSectionReader(p.f, from, to-from+s.reach()))
	if err == nil {
		err = clean.Close()
	}
	if errors.Is(err, errThere) {
		return true, nil
	}
	if err != nil {
		err = fmt.Errorf("search output: %w", err)
	}
	return false, err
}

// sieve takes whole lines, and nothing any more once one may hold a match.
type sieve struct{ Search }

var errThere = errors.New("a match")

// uncut is how long lines may be that no sanitizer has broken.
const uncut = 60 << 10

func (s sieve) Write(lines []byte) (int, error) {
	if at, _ := s.next(lines, 0, new(ahead)); at >= 0 || len(lines) > uncut {
		return 0, errThere
	}
	return len(lines), nil
}

// reach is how far behind a cut the rest of a match is looked for, in bytes.
func (s Search) reach() int64 { return int64(4*len(s.text) + utf8.UTFMax) }

// In is where the matches that begin in a row stand in its text without
// colours, from and to. One may end in the next row.
func (s Search) In(p *Pager, row Row) ([][2]int, error) {
	text := bare(row.Text)
	own := len(text)
	if row.Cut {
		more, err := p.Down(row.Next)
		if err != nil {
			return nil, err
		}
		rest := bare(more.Text)
		text += rest[:min(len(rest), int(s.reach()))]
	}
	var spans [][2]int
	data := []byte(text)
	var a ahead
	for at, n := s.next(data, 0, &a); at >= 0 && at < own; at, n = s.next(data, at+n, &a) {
		spans = append(spans, [2]int{at, at + n})
	}
	return spans, nil
}

// ahead is where in a text the first character stands next, in both cases;
// what is before from is not known yet.
type ahead struct{ from, at [2]int }

// next is the first match at or behind from, and its length; -1 without one.
func (s Search) next(text []byte, from int, a *ahead) (at, n int) {
	for len(s.text) > 0 {
		at = len(text)
		for i, c := range s.first {
			if c == nil {
				continue
			}
			if a.from[i] <= from {
				a.at[i] = len(text)
				if j := bytes.Index(text[from:], c); j >= 0 {
					a.at[i] = from + j
				}
				a.from[i] = a.at[i] + 1
			}
			at = min(at, a.at[i])
		}
		if at == len(text) {
			break
		}
		if n := s.prefix(text[at:]); n > 0 {
			return at, n
		}
		from = at + 1
	}
	return -1, 0
}

// prefix is how many bytes of data the text matches at its beginning.
func (s Search) prefix(data []byte) int {
	if s.exact {
		if bytes.HasPrefix(data, s.text) {
			return len(s.text)
		}
		return 0
	}
	n := 0
	for want := s.text; len(want) > 0; {
		if n >= len(data) {
			return 0
		}
		r, size := utf8.DecodeRune(want)
		got, gotSize := utf8.DecodeRune(data[n:])
		if got != r && unicode.ToLower(got) != r {
			return 0
		}
		want, n = want[size:], n+gotSize
	}
	return n
}

// bare is a safe text without its colours.
func bare(text string) string {
	if !strings.Contains(text, "\x1b") {
		return text
	}
	var b strings.Builder
	for {
		plain, rest, more := strings.Cut(text, "\x1b")
		b.WriteString(plain)
		if !more {
			return b.String()
		}
		_, text, _ = strings.Cut(rest, "m")
	}
}
