package journal

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// FuzzParseLine: what is accepted is exactly what we would write.
func FuzzParseLine(f *testing.F) {
	dir := f.TempDir()
	l, err := Create(dir, Options{World: Real, Claims: map[string]string{"user": "é<\u2028"}})
	if err != nil {
		f.Fatal(err)
	}
	for _, body := range []any{nil, map[string]any{"b": []any{1, nil, true, "x"}, "a": map[string]any{"": -9}}} {
		if _, err := l.Append(f.Context(), "note", body); err != nil {
			f.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		f.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, "0001.jsonl"))
	if err != nil {
		f.Fatal(err)
	}
	for line := range bytes.Lines(b) {
		if _, err := ParseLine(line); err != nil {
			f.Fatal(err)
		}
		f.Add(line)
		f.Add(bytes.Replace(line, []byte(`"body":{`), []byte(`"body":{"a":1,"a":1,`), 1))
		f.Add(bytes.Replace(line, []byte(`:1,`), []byte(`:1.0,`), 1))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		e, err := ParseLine(line)
		if err != nil {
			return
		}
		if got := e.Line(); !bytes.Equal(got, line) {
			t.Errorf("accepted %q, would write %q", line, got)
		}
		if bytes.Count(line, []byte("\n")) != 1 || bytes.IndexByte(line, 0) >= 0 {
			t.Errorf("accepted %q", line)
		}
		again, err := encodeBody(e.Body)
		if err != nil || !bytes.Equal(again, e.Body) {
			t.Errorf("body %q encodes as %q, %v", e.Body, again, err)
		}
	})
}

// FuzzBody: checkBody takes the same bodies that encoding/json would write.
func FuzzBody(f *testing.F) {
	for _, body := range []string{
		`{}`, `{"":0}`, `{"a":[{},[],"",-1,9223372036854775807]}`, `{"\n":1,"Z":{"é":true}}`, `{"Z":1,"\n":2}`, `{"a":1,"a":1}`, `{"a":"\u000b\u2029\\"}`,
		`{"a":"\ud800"}`, `{"a":-0}`, `{"a":1E2}`, `{"a":"` + "\x7f\xff" + `"}`, `{"a": 1}`, `[]`, `null`, `{"a":` + strings.Repeat("[", 63) + strings.Repeat("]", 63) + `}`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		dec := json.NewDecoder(bytes.NewReader(body))
		dec.UseNumber()
		var v map[string]any
		err := dec.Decode(&v)
		again, encodeErr := encode(v)
		want := err == nil && encodeErr == nil && v != nil && bytes.Equal(again, body) && integersOnly(v, 1)
		if err := checkBody(body); (err == nil) != want {
			t.Errorf("%q: %v, encoding/json writes %q", body, err, again)
		}
	})
}

// integersOnly holds what was read against what a body may hold.
func integersOnly(v any, depth int) bool {
	if depth > maxDepth {
		return false
	}
	switch v := v.(type) {
	case json.Number:
		n, err := strconv.ParseInt(v.String(), 10, 64)
		return err == nil && strconv.FormatInt(n, 10) == v.String()
	case map[string]any:
		for _, inner := range v {
			if !integersOnly(inner, depth+1) {
				return false
			}
		}
	case []any:
		return !slices.ContainsFunc(v, func(inner any) bool { return !integersOnly(inner, depth+1) })
	}
	return true
}

func TestParseLineIsStrict(t *testing.T) {
	t.Parallel()
	b := segmentsOf(t, finished(t, Options{}))[0]
	line := lines(b)[1]
	for name, change := range map[string][2]string{
		"space":          {`"seg":1`, `"seg": 1`},
		"leading zero":   {`"n":2`, `"n":02`},
		"plus":           {`"n":2`, `"n":+2`},
		"zero":           {`"n":2`, `"n":0`},
		"huge":           {`"n":2`, `"n":18446744073709551615`},
		"order":          {`"seg":1,"n":2`, `"n":2,"seg":1`},
		"unknown key":    {`"seg":1`, `"seg":1,"x":1`},
		"double key":     {`"i":0`, `"i":0,"i":0`},
		"unsorted":       {`"i":0,"list":[1,-2]`, `"list":[1,-2],"i":0`},
		"float":          {`"i":0`, `"i":0.0`},
		"exponent":       {`"i":0`, `"i":1e2`},
		"minus zero":     {`"i":0`, `"i":-0`},
		"html escape":    {`<`, `\u003c`},
		"slash escape":   {`line`, `l\/ne`},
		"upper case run": {`"run":"`, `"run":"A`},
		"CR LF":          {"\"}\n", "\"}\r\n"},
		"two lines":      {"\"}\n", "\"}\n\n"},
		"no line feed":   {"\"}\n", "\"}"},
		"local time":     {`Z","mono"`, `+01:00","mono"`},
		"not UTF-8":      {"é", "\xe9"},
		"empty kind":     {`"kind":"note"`, `"kind":""`},
		"null body":      {`"body":{`, `"body":null,{`},
		"second body":    {`},"sig"`, `}{},"sig"`},
		"no quote":       {`"i":0`, `i":0`},
		"no colon":       {`"i":0`, `"i"0`},
		"no comma":       {`"i":0,`, `"i":0`},
		"no list comma":  {`[1,-2]`, `[1"2"]`},
		"no end of text": {`é"}`, `é}`},
		"no word":        {`null`, `nul`},
		"raw tab":        {`"list"`, "\"l\tist\""},
		"raw separator":  {`\u2028`, "\u2028"},
		"long escape":    {`\"`, `\u0022`},
		"zero segment":   {`"seg":1`, `"seg":0`},
	} {
		mutated := bytes.Replace(line, []byte(change[0]), []byte(change[1]), 1)
		if bytes.Equal(mutated, line) {
			t.Errorf("%s: nothing changed", name)
		}
		if _, err := ParseLine(mutated); err == nil {
			t.Errorf("%s: accepted %s", name, mutated)
		}
	}
	e, err := ParseLine(line)
	if err != nil {
		t.Fatal(err)
	}
	for name, wrong := range map[string]func(e *Entry){
		"no body":         func(e *Entry) { e.Body = []byte("null") },
		"a list":          func(e *Entry) { e.Body = []byte("[]") },
		"too long":        func(e *Entry) { e.Body = []byte(`{"x":"` + strings.Repeat("x", MaxLine) + `"}`) },
		"short prev":      func(e *Entry) { e.Prev = e.Prev[2:] },
		"prev in capital": func(e *Entry) { e.Prev = strings.Repeat("AB", 32) },
		"short signature": func(e *Entry) { e.Sig = e.Sig[:84] + "====" },
		"year 10000":      func(e *Entry) { e.Time = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) },
	} {
		e := e
		wrong(&e)
		if _, err := ParseLine(e.Line()); err == nil {
			t.Errorf("%s: accepted %s", name, e.Line())
		}
	}
}
