package tui

import (
	"errors"
	"io"
	"slices"

	"runbook/steps/supervise"
)

// place is a line of the screen in an output: in the row at that offset, the
// how manieth of the lines it is broken into.
type place struct {
	row  int64
	line int
}

// aim is the part of an output that is to be shown.
type aim struct {
	path string
	end  bool  // its end; else
	top  place // from this line on
	by   int   // moved down by so many lines, up if negative
	w, h int
	find *supervise.Search // what is marked in it, nil if nothing is
	hit  supervise.Match   // the match that was gone to
	show bool              // hit has to be on the screen
}

// sight is what stands there.
type sight struct {
	lines   []string // w wide, at most h, safe
	top     place
	next    int64 // offset behind what is shown
	end     bool  // the last line is among them
	size    int64
	count   int64 // lines of the whole output
	counted bool  // and not only reckoned
	err     error
}

// look reads as much of an output as is shown, and no more.
func look(a aim) sight {
	p, err := supervise.OpenPager(a.path)
	if err != nil {
		return sight{err: err}
	}
	defer func() { _ = p.Close() }() // it was only read
	v := view{p, a}
	lines, err := v.lines()
	if err == nil && a.show && !slices.ContainsFunc(lines, func(l viewed) bool { return l.mark == current }) {
		lines, err = v.around()
	}
	s := sight{size: p.Size(), err: err}
	for _, l := range lines {
		s.lines = append(s.lines, signs[l.mark]+l.text)
	}
	if len(lines) > 0 {
		last := lines[len(lines)-1]
		s.top, s.next = lines[0].place, last.next
		s.end = last.last && last.next == s.size
	}
	if s.err == nil {
		s.count, s.counted, s.err = p.Lines()
	}
	return s
}

// view is an output under an aim.
type view struct {
	p *supervise.Pager
	aim
}

// viewed is a line of the screen, and where it is from.
type viewed struct {
	stripe
	place
	next int64 // offset behind its row
	last bool  // it is the last one of its row
}

// lines are those aimed at; where there are too few, the last ones.
func (v *view) lines() ([]viewed, error) {
	end := place{row: v.p.Size()}
	if v.end {
		return v.up(end, v.h)
	}
	row, err := v.p.Start(v.top.row)
	if row != v.top.row { // it is another file now, or shorter
		v.top = place{row: row}
	}
	if err != nil {
		return nil, err
	}
	lines, err := v.down(v.top, max(0, v.by)+v.h)
	if v.by < 0 && err == nil {
		var above []viewed
		above, err = v.up(v.top, -v.by)
		lines = append(above, lines...)
	}
	lines = lines[min(len(lines), max(0, v.by)):]
	if len(lines) < v.h && err == nil {
		return v.up(end, v.h)
	}
	return lines[:min(len(lines), v.h)], err
}

// around are lines with the match that was gone to, a third below the top.
func (v *view) around() ([]viewed, error) {
	lines, err := v.lay(v.p.Down(v.hit.Row))
	at := slices.IndexFunc(lines, func(l viewed) bool { return l.mark == current })
	v.end, v.top, v.by = false, place{v.hit.Row, max(0, at)}, -v.h/3
	if err != nil {
		return nil, err
	}
	return v.lines()
}

// down are up to n lines from a place on.
func (v *view) down(at place, n int) (lines []viewed, err error) {
	for len(lines) < n {
		row, err := v.p.Down(at.row)
		if errors.Is(err, io.EOF) {
			break
		}
		more, err := v.lay(row, err)
		if err != nil {
			return lines, err
		}
		lines = append(lines, more[min(at.line, len(more)-1):]...)
		at = place{row: row.Next}
	}
	return lines[:min(len(lines), n)], nil
}

// up are up to n lines that stand before a place.
func (v *view) up(before place, n int) (lines []viewed, err error) {
	if before.line > 0 {
		if lines, err = v.lay(v.p.Down(before.row)); err != nil {
			return nil, err
		}
		lines = lines[:min(before.line, len(lines))]
	}
	for at := before.row; len(lines) < n; {
		row, err := v.p.Up(at)
		if errors.Is(err, io.EOF) {
			break
		}
		more, err := v.lay(row, err)
		if err != nil {
			return lines, err
		}
		lines, at = append(more, lines...), row.At
	}
	return lines[max(0, len(lines)-n):], nil
}

// lay breaks a row, unless it could not be read.
func (v *view) lay(row supervise.Row, err error) ([]viewed, error) {
	if err != nil {
		return nil, err
	}
	var spans [][2]int
	now := -1
	if v.find != nil {
		if spans, err = v.find.In(v.p, row); err != nil {
			return nil, err
		}
	}
	if v.hit.Row == row.At {
		now = v.hit.Col
	}
	stripes := weave(row.Text, v.w-1, spans, now)
	lines := make([]viewed, len(stripes))
	for i, s := range stripes {
		lines[i] = viewed{s, place{row.At, i}, row.Next, i == len(stripes)-1}
	}
	return lines, nil
}
