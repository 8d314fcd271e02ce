package check

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"runbook/steps"
	"runbook/steps/safetext"
)

// judge holds an answer against what a request wants.
func (s *sequence) judge(r *steps.Result, label string, q Request, got *answer) {
	wanted := strings.Trim(fmt.Sprint(q.statuses()), "[]")
	status := func() { r.Saw(label+"status", strconv.Itoa(got.status), wanted, "") }
	if q.Max > 0 { // then it tells most, and lists show the first line
		r.Saw(label+"time", milliseconds(got.took), milliseconds(q.Max.D()), "ms")
		status()
	} else {
		status()
		r.Saw(label+"time", milliseconds(got.took), "", "ms")
	}
	if !slices.Contains(q.statuses(), got.status) {
		r.Worsen(steps.Fail, "%sstatus %d, wanted %s%s", label, got.status, wanted, redirected(got))
	}
	s.judgeHeaders(r, label, q, got)
	if len(q.JSON) > 0 {
		s.judgeJSON(r, label, q, got)
	}
	var text steps.Result
	text.Decide(steps.Pass, "")
	if err := findText(&text, got.body, got.more, q.Contains, q.Match); err != nil {
		text.Worsen(steps.Unknown, "%v", err)
	}
	for _, e := range text.Evidence {
		r.Saw(label+e.Label, e.Value, s.hide(e.Limit), e.Unit)
	}
	if text.Verdict != steps.Pass {
		r.Worsen(text.Verdict, "%s%s%s", label, s.hide(text.Reason), s.sample(got))
	}
	s.judgeAbsence(r, label, q, got)
	if q.Max > 0 && got.took > q.Max.D() {
		r.Worsen(steps.Fail, "%sanswered in %s ms, wanted within %s", label, milliseconds(got.took), q.Max)
	}
}

// judgeAbsence looks for what the body must not hold. The body may be what is
// secret, so nothing of it is shown.
func (s *sequence) judgeAbsence(r *steps.Result, label string, q Request, got *answer) {
	if q.NotMatch == "" {
		return
	}
	re, err := compile("not_match", q.NotMatch)
	if err != nil {
		r.Worsen(steps.Unknown, "%v", err)
		return
	}
	limit := s.hide(q.NotMatch)
	found := re.Match(got.body)
	r.Saw(label+"matches", yesNo(found), "no: "+limit, "")
	switch {
	case found:
		r.Worsen(steps.Fail, "%sthe body matches %s, wanted no match", label, limit)
	case got.more:
		r.Worsen(steps.Unknown, "%snothing matches %s in the first 1 MiB of a longer body", label, limit)
	}
}

// redirected names where a redirect that was not followed leads, without its
// path, which may hold a token.
func redirected(got *answer) string {
	to, err := url.Parse(got.header.Get("Location"))
	if got.status < 300 || got.status > 399 || err != nil || to.String() == "" {
		return ""
	}
	return ": a redirect to " + outside(origin(got.from.ResolveReference(to)))
}

func (s *sequence) judgeHeaders(r *steps.Result, label string, q Request, got *answer) {
	for _, name := range sortedKeys(q.Header) {
		re, err := compile("header."+name, q.Header[name])
		if err != nil {
			r.Worsen(steps.Unknown, "%v", err)
			continue
		}
		values := got.header.Values(name)
		shown := s.header(name, values)
		r.Saw(label+"header "+name, shown, q.Header[name], "")
		if !slices.ContainsFunc(values, re.MatchString) {
			r.Worsen(steps.Fail, "%sheader %s is %s, wanted to match %s", label, name, shown, q.Header[name])
		}
	}
	for _, name := range q.ForbidHeaders {
		values := got.header.Values(name)
		r.Saw(label+"header "+name, s.header(name, values), "absent", "")
		if len(values) > 0 {
			r.Worsen(steps.Fail, "%sheader %s is %s, wanted it absent", label, name, s.header(name, values))
		}
	}
}

// header shows a header of the answer, but no cookie and no token.
func (s *sequence) header(name string, values []string) string {
	switch {
	case len(values) == 0:
		return "absent"
	case soundsSecret(name), strings.EqualFold(name, "Set-Cookie"), strings.Contains(strings.ToLower(name), "auth"):
		return "present, not shown"
	}
	return s.hide(strings.Join(values, ", "))
}

func (s *sequence) judgeJSON(r *steps.Result, label string, q Request, got *answer) {
	document, err := readJSON(got)
	if err != nil {
		verdict := steps.Fail
		if errors.Is(err, errTooLarge) {
			verdict = steps.Unknown
		}
		r.Worsen(verdict, "%swanted JSON, %v%s", label, err, s.sample(got))
		return
	}
	for _, path := range sortedKeys(q.JSON) {
		wanted := q.JSON[path]
		value, ok := at(document, path)
		if wanted == "*" {
			value, ok = thing(document, path)
		}
		shown := "absent"
		switch {
		case ok && (wanted == "*" || soundsSecret(path[strings.LastIndex(path, ".")+1:])):
			shown = "present"
		case ok:
			shown = s.hide(scalar(value))
		}
		r.Saw(label+path, shown, wanted, "")
		if !ok || wanted != "*" && jsonText(value) != wanted {
			r.Worsen(steps.Fail, "%s%s is %s, wanted %s", label, path, shown, wanted)
		}
	}
}

// sample is the beginning of a body that was not what was wanted. JSON is not
// shown: an answer of this kind is where tokens come from.
func (s *sequence) sample(got *answer) string {
	text := bytes.TrimSpace(got.body)
	if len(text) == 0 || text[0] == '{' || text[0] == '[' || text[0] == '"' {
		return ""
	}
	return fmt.Sprintf("; the body begins %q", s.hide(string(text[:min(len(text), 16*safetext.SampleLength)])))
}

var errTooLarge = errors.New("the body is over 1 MiB")

// maxJSONDepth bounds nesting, in objects and arrays.
const maxJSONDepth = 64

// readJSON reads the whole body as one JSON value, numbers as they are written.
func readJSON(got *answer) (any, error) {
	if got.more {
		return nil, errTooLarge
	}
	got.body = bytes.TrimPrefix(got.body, []byte("\xef\xbb\xbf"))
	if jsonDepth(got.body) > maxJSONDepth {
		return nil, fmt.Errorf("it is nested deeper than %d", maxJSONDepth)
	}
	decoder := json.NewDecoder(bytes.NewReader(got.body))
	decoder.UseNumber()
	var document any
	if err := decoder.Decode(&document); err != nil {
		return nil, fmt.Errorf("got %s", kindOf(got))
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("got more than one value")
	}
	return document, nil
}

// kindOf names what came instead of JSON.
func kindOf(got *answer) string {
	declared, _, _ := strings.Cut(got.header.Get("Content-Type"), ";")
	switch {
	case len(got.body) == 0:
		return "an empty body"
	case declared != "":
		return outside(declared)
	}
	return "something else"
}

func jsonDepth(body []byte) int {
	depth, deepest, inString := 0, 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			depth++
			deepest = max(deepest, depth)
		case c == '}' || c == ']':
			depth--
		}
	}
	return deepest
}

// at finds "user.roles.0": keys of objects and indices of arrays.
func at(document any, path string) (any, bool) {
	for key := range strings.SplitSeq(path, ".") {
		switch node := document.(type) {
		case map[string]any:
			value, ok := node[key]
			if !ok {
				return nil, false
			}
			document = value
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i < 0 || i >= len(node) {
				return nil, false
			}
			document = node[i]
		default:
			return nil, false
		}
	}
	return document, true
}

// thing is at, but for a null, which is nothing.
func thing(document any, path string) (any, bool) {
	value, ok := at(document, path)
	return value, ok && value != nil
}

// scalar is jsonText for evidence: what an object or a list holds may be secret.
func scalar(value any) string {
	switch v := value.(type) {
	case map[string]any:
		return "an object"
	case []any:
		return fmt.Sprintf("a list of %d", len(v))
	}
	return jsonText(value)
}

// jsonText is a value as a book writes it: text without quotes, the rest as
// compact JSON.
func jsonText(value any) string {
	switch v := value.(type) {
	case nil:
		return "null"
	case string:
		return v
	case json.Number:
		return v.String()
	}
	text, err := json.Marshal(value)
	if err != nil { // it was read from JSON
		return ""
	}
	return string(text)
}
