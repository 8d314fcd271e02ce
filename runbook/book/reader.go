package book

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
)

const (
	maxBytes = 1 << 20
	deadline = 10 * time.Second
)

// reader turns the bytes of one file into tables, and collects what is wrong
// with them.
type reader struct {
	*index
	file     string
	problems []Problem
}

// parse reads the bytes up to the top table. It returns nil if nothing below
// can be judged; the problems then say why.
func parse(data []byte, file string) (*reader, map[string]any) {
	if len(data) > maxBytes {
		r := &reader{index: newIndex(nil), file: file}
		r.offset(0, "the file has %d bytes; at most %d are read", len(data), maxBytes)
		return r, nil
	}
	r := &reader{index: newIndex(data), file: file}
	if r.checkVisible(); len(r.problems) > 0 {
		return r, nil
	}
	s := &scan{index: r.index}
	if r.problems = s.file(); len(r.problems) > 0 {
		return r, nil
	}
	top, err := decodeTOML(string(data))
	if err != nil {
		r.syntax(err)
		return r, nil
	}
	r.checkValues("", top)
	return r, top
}

// decodeTOML gives the library ten seconds. What it takes longer for goes on
// in the background until it is done, bounded by the size of a file.
func decodeTOML(text string) (map[string]any, error) {
	type answer struct {
		top map[string]any
		err error
	}
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	done := make(chan answer, 1)
	go func() {
		var a answer
		defer func() {
			if p := recover(); p != nil {
				a.err = fmt.Errorf("the file makes its reader panic: %v", p)
			}
			done <- a
		}()
		_, a.err = toml.Decode(text, &a.top)
	}()
	select {
	case a := <-done:
		return a.top, a.err
	case <-ctx.Done():
		return nil, fmt.Errorf("reading takes longer than %s", deadline)
	}
}

func (r *reader) syntax(err error) {
	var parse toml.ParseError
	if !errors.As(err, &parse) {
		r.offset(0, "%v", err)
		return
	}
	r.offset(parse.Position.Start, "%s", parse.Message)
}

// offset notes a problem at an offset into the file.
func (r *reader) offset(offset int, format string, args ...any) {
	line, col := r.place(offset)
	r.problems = append(r.problems, Problem{Line: line, Col: col, Text: fmt.Sprintf(format, args...)})
}

// at notes a problem at a path.
func (r *reader) at(path, format string, args ...any) {
	line, col := r.index.at(path)
	r.problems = append(r.problems, Problem{Line: line, Col: col, Text: fmt.Sprintf(format, args...), path: path})
}

// err is everything noted so far, or nil.
func (r *reader) err() error {
	if len(r.problems) == 0 {
		return nil
	}
	sortProblems(r.problems)
	return &Problems{File: r.file, List: r.problems}
}

// join is the path of a key in the table at path. A key that is not bare
// stands in quotes.
func join(path, key string) string {
	if strings.ContainsAny(key, ".[]") && !strings.HasPrefix(key, `"`) {
		key = `"` + key + `"`
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

func element(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }
