package bundle_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// wrecked is a whole run that is damaged again and again.
type wrecked struct {
	*office
	box   string
	whole map[int]string // of each segment
}

func wreck(t *testing.T) *wrecked {
	t.Helper()
	d := &wrecked{office: finish(t), box: toolbox(t), whole: map[int]string{}}
	must(t, d.log.Close())
	for k := 1; k <= 3; k++ {
		data, err := os.ReadFile(d.file(k))
		must(t, err)
		d.whole[k] = string(data)
	}
	return d
}

func (d *wrecked) file(k int) string { return filepath.Join(d.dir, fmt.Sprintf("%04d.jsonl", k)) }

// change is another text of the k-th segment, and the code that it ends with.
type change struct {
	name string
	k    int
	text string
	exit int
}

// often is how many of the changes every suite makes, from the first: one for
// each code, and damage inside, at an end and behind it.
const often = 6

func (d *wrecked) changes() []change {
	whole := d.whole
	lines := strings.SplitAfter(whole[3], "\n")
	return []change{
		{"a letter of a note", 1, strings.Replace(whole[1], `"text":"x"`, `"text":"y"`, 1), 1},
		{"a newer version", 3, lines[0] + strings.Replace(strings.Replace(lines[1], `{"v":1`, `{"v":2`, 1), `"n":`, `"n":1`, 1), 2},
		{"torn", 3, whole[3][:len(whole[3])-20], 3},
		{"a line less inside", 1, strings.Join(strings.SplitAfter(whole[1], "\n")[:2], ""), 1},
		{"more behind it", 3, whole[3] + "x\n", 1},
		{"a decision", 3, strings.Replace(whole[3], "decision approve", "decision reject", 1), 1},
		{"a space", 1, strings.Replace(whole[1], `"text":"x"`, `"text": "x"`, 1), 1},
		{"a doubled key", 1, strings.Replace(whole[1], `"text":"x"`, `"text":"w","text":"x"`, 1), 1},
		{"a float", 1, strings.Replace(whole[1], `[1,null`, `[1.5,null`, 1), 1},
		{"another version, altered", 2, strings.Replace(whole[2], `{"v":1`, `{"v":2`, 1), 1},
		{"a line less at the end", 3, lines[0], 3},
		{"a line twice", 3, whole[3] + lines[1], 1},
		{"torn, with zeros", 3, whole[3] + strings.Repeat("\x00", 512) + "\n", 3},
		{"a valid line behind the cut", 1, whole[1] + lines[0], 1},
		{"empty", 3, "", 1},
	}
}

// change makes changes one at a time.
func (d *wrecked) change(all []change) {
	t := d.t
	t.Helper()
	for _, c := range all {
		put(t, d.file(c.k), c.text)
		ours, theirs := d.agree(c.name, c.exit, d.box)
		if place := "(0001.jsonl at byte "; c.k == 1 && strings.Contains(ours, place) {
			_, place, _ = strings.Cut(ours, place)
			if place, _, _ = strings.Cut(place, "\n"); !strings.Contains(theirs, place) {
				t.Errorf("%s is at another place:\n%s\n%s", c.name, ours, theirs)
			}
		} else if c.k == 1 {
			t.Errorf("%s: not told of its file:\n%s", c.name, ours)
		}
		put(t, d.file(c.k), d.whole[c.k])
	}
}

// flip turns over single bits, so many over the last segment.
func (d *wrecked) flip(bits int) {
	d.t.Helper()
	data := []byte(d.whole[3])
	for at := 0; at < len(data)-1; at += len(data) / bits { // without its end the last line is torn
		data[at] ^= 1 << (at % 8)
		put(d.t, d.file(3), string(data))
		d.agree(fmt.Sprintf("bit %d", at), 1, d.box)
		data[at] ^= 1 << (at % 8)
	}
}
