package journal

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

// TestInsiderAnchors has a driver write anchors and delegations that say what
// can't be: each is found, whatever watch.jsonl holds.
func TestInsiderAnchors(t *testing.T) {
	t.Parallel()
	head, other := strings.Repeat("ab", 32), strings.Repeat("cd", 32)
	anchor := func(n uint64, head string) any { return anchorBody{Of: anchorOf, N: n, Head: head} }
	for name, bodies := range map[string][]any{
		"of no line":      {anchor(0, head)},
		"of no hash":      {anchor(1, "AB")},
		"of fewer lines":  {anchor(2, head), anchor(1, head)},
		"of other lines":  {anchor(2, head), anchor(2, other)},
		"of another form": {map[string]any{"of": anchorOf, "n": 1, "head": head, "x": 1}},
		"of another type": {map[string]any{"of": anchorOf, "n": "1", "head": head}},
		"said twice":      {map[string]any{"of": anchorOf, "OF": "x", "n": 1, "head": head}},
	} {
		if r := insideJob(t, KindAnchor, bodies...); r.Integrity.Word != Tampered || !strings.Contains(r.Integrity.Text, "anchor: ") {
			t.Errorf("%s: %q", name, r.Lines())
		}
	}
	if r := insideJob(t, KindAnchor, KindRunEnd, anchor(1, head)); r.Integrity.Word != Tampered || !strings.Contains(r.Integrity.Text, "behind the end") {
		t.Errorf("behind the end: %q", r.Lines())
	}
	d := aDesk(t, "ann")
	for _, body := range []map[string]any{
		{"of": "something else", "n": "none"}, {"OF": "watch"}, {"of": []string{"watch"}},
	} {
		r, script := d.byHand(t, KindAnchor, body)
		if r.Integrity.Word != OK || !strings.HasPrefix(script(), "integrity ok") {
			t.Errorf("somebody else's, %v: %q, and VERIFY.sh: %s", body, r.Lines(), script())
		}
	}
	for _, body := range []any{nil, map[string]any{"stmt": "", "sshsig": ""}, map[string]any{"x": 1}} {
		if r := insideJob(t, KindDelegate, body); r.Integrity.Word != Tampered {
			t.Errorf("delegated by %v: %q", body, r.Lines())
		}
	}
}

// insideJob signs entries with the live session key and no look at what they
// say. A body that is the name of a kind is an entry of that kind.
func insideJob(t *testing.T, kind string, bodies ...any) Report {
	t.Helper()
	dir := t.TempDir()
	l := create(t, dir, Options{})
	n, head := l.Head()
	data := bytes.Clone(get(t, segmentPath(dir, 1)))
	for _, body := range bodies {
		n++
		e := l.entry(kind, n, head)
		if other, ok := body.(string); ok {
			e.Kind, body = other, nil
		}
		var err error
		if e.Body, err = encodeBody(body); err != nil {
			t.Fatal(err)
		}
		line, err := l.sign(&e)
		if err != nil {
			t.Fatal(err)
		}
		head, data = e.Head, slices.Concat(data, line)
	}
	return judge(t, t.TempDir(), data)
}
