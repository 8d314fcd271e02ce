package supervise_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"runbook/steps/supervise"
)

// matchesDown and matchesUp are all matches, in the order in which they are met.
func matchesDown(t *testing.T, p *supervise.Pager, s supervise.Search) (all []supervise.Match) {
	t.Helper()
	for at := (supervise.Match{}); at.Row < p.Size(); {
		m, found, err := s.Down(p, at)
		if err != nil {
			t.Fatal(err)
		}
		if at = m; found {
			all = append(all, m)
			at.Col++
		}
	}
	return all
}

func matchesUp(t *testing.T, p *supervise.Pager, s supervise.Search) (all []supervise.Match) {
	t.Helper()
	for at := (supervise.Match{Row: p.Size()}); at != (supervise.Match{}); {
		m, found, err := s.Up(p, at)
		if err != nil {
			t.Fatal(err)
		}
		if at = m; found {
			all = append(all, m)
		}
	}
	return all
}

// TestSearch counts what stands in a log of some MiB, both ways.
func TestSearch(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	path := strings.Repeat("/of/some/length", 25)
	for i := range 5_000 {
		switch i % 500 {
		case 7:
			fmt.Fprintf(&log, "%06d \x1b[31mER\x1b[1mROR\x1b[0m no such column, error again\n", i)
		case 8:
			fmt.Fprintf(&log, "%06d error in work\r%06d fine\n", i, i)
		default:
			fmt.Fprintf(&log, "%06d GET %s 200 in 3 ms\n", i, path)
		}
	}
	p := pagerOf(t, []byte(log.String()))
	for text, want := range map[string]int{
		"error": 20, "ERROR": 10, "Error": 0, "in work": 0, "fine": 10, "004507 error": 1,
		"000000": 1, "004999 get": 1, "nowhere": 0, "": 0, "ms\n0": 0,
	} {
		s := supervise.NewSearch(text)
		down, up := matchesDown(t, p, s), matchesUp(t, p, s)
		if len(down) != want {
			t.Errorf("%q: %d matches, want %d", text, len(down), want)
		}
		slices.Reverse(up)
		if !slices.Equal(down, up) {
			t.Errorf("%q: %d matches upwards, %d downwards", text, len(up), len(down))
		}
	}
}

// TestSearchLongLine looks for what is cut in two: every piece of a line ends
// inside a match, at another byte of it.
func TestSearchLongLine(t *testing.T) {
	t.Parallel()
	const word, pieces = "Überlänge", 20 // a sanitizer breaks lines at 64 KiB, where some begin
	var text strings.Builder
	for i := 1; i <= pieces; i++ {
		text.WriteString(strings.Repeat("-", i*16<<10-i%3-text.Len()))
		text.WriteString(word)
	}
	p := pagerOf(t, []byte(text.String()))
	for _, find := range []string{word, "berl", "nge", "überlänge", "--Ü"} {
		s := supervise.NewSearch(find)
		if got := len(matchesDown(t, p, s)); got != pieces {
			t.Errorf("%q: %d matches downwards, want %d", find, got, pieces)
		}
		if got := len(matchesUp(t, p, s)); got != pieces {
			t.Errorf("%q: %d matches upwards, want %d", find, got, pieces)
		}
	}
}

// TestSearchCase ignores the case of letters unless the text has a capital.
func TestSearchCase(t *testing.T) {
	t.Parallel()
	p := pagerOf(t, []byte("ERROR, \x1b[1man\x1b[0m Error, ÜBER über"))
	row, err := p.Down(0)
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string][][2]int{
		"error": {{0, 5}, {10, 15}}, "Error": {{10, 15}}, "an e": {{7, 11}}, "über": {{17, 22}, {23, 28}}, "Über": nil, "": nil,
	} {
		got, err := supervise.NewSearch(text).In(p, row)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q stands at %v, %v, want %v", text, got, err, want)
		}
	}
}

// TestSearchAwkward finds nothing wrong in what is no text.
func TestSearchAwkward(t *testing.T) {
	t.Parallel()
	for name, data := range outputs() {
		p := pagerOf(t, data[:min(len(data), 4<<10)])
		for _, text := range []string{"42 %", "yz", "end", "<FF>", "line of", "789abc"} {
			s := supervise.NewSearch(text)
			down, up := matchesDown(t, p, s), matchesUp(t, p, s)
			slices.Reverse(up)
			if !slices.Equal(down, up) {
				t.Errorf("%s, %q: %d matches downwards, %d upwards", name, text, len(down), len(up))
			}
		}
	}
}
