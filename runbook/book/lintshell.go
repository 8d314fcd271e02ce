package book

import (
	"bytes"
	"errors"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// maxScript bounds a script in a book; its parser's stack grows with it.
const maxScript = 16 << 10

// script refuses a script that does not parse, and each expansion that the
// shell would split and glob.
func (l *linter) script(path, script string) {
	if len(script) > maxScript {
		l.add(false, path, "this script has %d bytes, and at most %d are read; put it into a file of the service", len(script), maxScript)
		return
	}
	file, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(script), "")
	if err != nil {
		var parse syntax.ParseError
		if errors.As(err, &parse) {
			l.inScript(path, parse.Pos, "bash can't read this: "+parse.Text)
			return
		}
		l.add(false, path, "bash can't read this: %v", err)
		return
	}
	syntax.Walk(file, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.CallExpr:
			l.words(path, n.Args, false)
		case *syntax.WordIter:
			l.words(path, n.Items, true)
		case *syntax.Redirect:
			if n.Hdoc == nil && n.Word != nil {
				l.words(path, []*syntax.Word{n.Word}, false)
			}
		}
		return true
	})
}

// words notes the unquoted expansions of a command's words. A loop goes over
// the words of a command's output: quoted, it would go round once.
func (l *linter) words(path string, words []*syntax.Word, loop bool) {
	for _, word := range words {
		for _, part := range word.Parts {
			switch p := part.(type) {
			case *syntax.ParamExp:
				if !number(p) {
					l.inScript(path, p.Pos(), "unquoted $"+p.Param.Value+" is split into words and matched against files; write \"$"+p.Param.Value+"\"")
				}
			case *syntax.CmdSubst:
				if loop {
					continue
				}
				l.inScript(path, p.Pos(), "unquoted $(…) is split into words and matched against files; write \"$(…)\"")
			}
		}
	}
}

// number reports an expansion that is always one number.
func number(p *syntax.ParamExp) bool {
	return p.Length || p.Param != nil && strings.Contains("?#$!", p.Param.Value)
}

// inScript notes an error at a place inside a script. The place is right for
// scripts without escapes; with them it is at most a few columns off.
func (l *linter) inScript(path string, pos syntax.Pos, text string) {
	line, col := l.book.index.at(path)
	if offset, ok := l.book.index.value(path); ok {
		line, col = l.book.index.inString(offset, int(pos.Line()), int(pos.Col()))
	}
	l.list = append(l.list, Problem{Line: line, Col: col, Text: text})
}

// inString is the place of line and col, from 1, in the string whose quotes
// begin at offset.
func (x *index) inString(offset, line, col int) (int, int) {
	rest, skip := x.data[offset:], 1
	if bytes.HasPrefix(rest, []byte("'''")) || bytes.HasPrefix(rest, []byte(`"""`)) {
		skip = 3
	}
	first, begin := x.place(offset + skip)
	if skip == 3 && bytes.HasPrefix(rest[skip:], []byte("\n")) {
		first, begin = first+1, 1
	}
	if line == 1 {
		return first, begin + col - 1
	}
	return first + line - 1, col
}
