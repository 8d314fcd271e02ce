package journal

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"runbook/runbook/durable"
)

// finished writes a small finished run into a new directory.
func finished(t *testing.T, o Options) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "run")
	l := create(t, dir, o)
	for i := range 3 {
		add(t, l, "note", map[string]any{"text": "line \"<&>\u2028é", "i": i, "list": []int{1, -2}, "none": nil})
	}
	add(t, l, KindRunEnd, nil)
	closeLog(t, l)
	return dir
}

func create(t *testing.T, dir string, o Options) *Log {
	t.Helper()
	if o.World == "" {
		o.World = Real
	}
	if o.Identity == nil && o.NoIdentity == "" {
		o.NoIdentity = "a test"
	}
	l, err := Create(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeLog(t, l) })
	return l
}

func reopen(t *testing.T, dir string, o Options) (*Log, []Entry) {
	t.Helper()
	l, entries, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeLog(t, l) })
	return l, entries
}

func add(t *testing.T, l *Log, kind string, body any) Entry {
	t.Helper()
	e, err := l.Append(t.Context(), kind, body)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func closeLog(t *testing.T, l *Log) {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

func TestCreateAppendRead(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "a", "run")
	l := create(t, dir, Options{Claims: map[string]string{"user": "ann"}, Tool: "runbook test"})
	first := add(t, l, "note", map[string]string{"z": "<1>", "a": "2"})
	if got, want := string(first.Body), `{"a":"2","z":"<1>"}`; got != want {
		t.Errorf("body %s, want %s", got, want)
	}
	for _, kind := range ours {
		if _, err := l.Append(t.Context(), kind, nil); err == nil || !strings.Contains(err.Error(), "not a kind of a caller's") {
			t.Errorf("%s from outside: %v", kind, err)
		}
	}
	end := add(t, l, KindRunEnd, nil)
	if _, err := l.Append(t.Context(), "note", nil); !errors.Is(err, ErrEnded) {
		t.Errorf("a note behind run.end: %v", err)
	}
	add(t, l, KindShredded, nil)
	n, head := l.Head()
	closeLog(t, l)
	if _, err := l.Append(t.Context(), KindShredded, nil); !errors.Is(err, os.ErrClosed) {
		t.Errorf("append to a closed log: %v", err)
	}
	if !bytes.Equal(l.key, make([]byte, len(l.key))) {
		t.Error("the session key outlives Close")
	}
	entries, err := Read(dir)
	if err != nil || len(entries) != 4 {
		t.Fatalf("%d entries, %v", len(entries), err)
	}
	if entries[3].Head != head || entries[3].N != n || entries[2].Head != end.Head || entries[1].Head != first.Head {
		t.Error("the heads read are not the heads acknowledged")
	}
	var s session
	if err := json.Unmarshal(entries[0].Body, &s); err != nil || s.Claims["user"] != "ann" || s.Identity != "none: a test" {
		t.Errorf("session %+v, %v", s, err)
	}
	for name, mode := range map[string]os.FileMode{"": os.ModeDir | 0o700, "lock": 0o600, "0001.jsonl": 0o600} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode() != mode {
			t.Errorf("%q has mode %v, want %v (%v)", name, info.Mode(), mode, err)
		}
	}
}

func TestAppendRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := create(t, dir, Options{})
	deep := strings.Repeat(`[`, 65) + strings.Repeat(`]`, 65)
	for name, c := range map[string]struct {
		kind string
		body any
	}{
		"float":        {"note", map[string]any{"x": 1.5}},
		"big integer":  {"note", json.RawMessage(`{"x":9223372036854775808}`)},
		"not object":   {"note", []int{1}},
		"string":       {"note", "text"},
		"too long":     {"note", map[string]string{"x": strings.Repeat("y", MaxLine)}},
		"too deep":     {"note", json.RawMessage(`{"x":` + deep + `}`)},
		"no JSON":      {"note", func() {}},
		"session kind": {KindSession, nil},
		"bad kind":     {"Note", nil},
		"quote kind":   {`a"b`, nil},
	} {
		if e, err := l.Append(t.Context(), c.kind, c.body); err == nil {
			t.Errorf("%s: accepted as %s", name, e.Body)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Append(ctx, "note", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if n, _ := l.Head(); n != 1 {
		t.Errorf("head %d after refusals, want 1", n)
	}
	add(t, l, "note", map[string]string{"x": strings.Repeat("y", MaxLine-maxEnvelope-8)})
	if _, err := Read(dir); err != nil {
		t.Error(err)
	}
}

func TestConcurrentAppend(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := create(t, dir, Options{})
	const writers, each = 16, 25
	acked := make(chan Entry, writers*each)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				// Bodies of very different size, so that batches fill up as well.
				e, err := l.Append(t.Context(), "note", map[string]any{"w": w, "i": i, "x": strings.Repeat("x", (w*i*97)%9000)})
				if err != nil {
					t.Error(err)
					return
				}
				acked <- e
			}
		})
	}
	wg.Wait()
	close(acked)
	entries, err := Read(dir)
	if err != nil || len(entries) != writers*each+1 {
		t.Fatalf("%d entries, %v", len(entries), err)
	}
	for e := range acked {
		if entries[e.N-1].Head != e.Head {
			t.Errorf("entry %d was acknowledged with another head", e.N)
		}
	}
}

func TestOneDriver(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := create(t, dir, Options{Claims: map[string]string{"user": "ann\n\x07", "tty": "pts/3"}})
	if _, err := Create(dir, Options{World: Real}); !errors.Is(err, ErrBusy) {
		t.Errorf("create: %v", err)
	}
	if _, _, err := Open(dir, Options{}); !errors.Is(err, ErrBusy) ||
		!strings.Contains(err.Error(), fmt.Sprintf(" on pts/3 (pid %d) since ", os.Getpid())) || strings.ContainsAny(err.Error(), "\n\x07") {
		t.Errorf("open: %v", err)
	}
	if held, err := durable.Locked(filepath.Join(dir, "lock")); !held || err != nil {
		t.Errorf("locked: %v, %v", held, err)
	}
	closeLog(t, l)
	if _, err := Create(dir, Options{World: Real}); !errors.Is(err, os.ErrExist) {
		t.Errorf("create over a log: %v", err)
	}
	if held, err := durable.Locked(filepath.Join(dir, "lock")); held || err != nil {
		t.Errorf("still locked: %v, %v", held, err)
	}
}

func TestResume(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := create(t, dir, Options{})
	add(t, l, "note", nil)
	closeLog(t, l)
	if _, _, err := Open(dir, Options{World: Practice}); err == nil {
		t.Fatal("a real run was opened as practice")
	}
	again, entries := reopen(t, dir, Options{NoIdentity: "again"})
	if len(entries) != 2 || again.Run() != l.Run() || again.World() != Real {
		t.Fatalf("%d entries, run %s of %s", len(entries), again.Run(), again.World())
	}
	e := add(t, again, KindRunEnd, nil)
	if e.Seg != 2 || e.N != 4 {
		t.Errorf("segment %d entry %d", e.Seg, e.N)
	}
	closeLog(t, again)
	note, _ := reopen(t, dir, Options{})
	add(t, note, KindShredded, map[string]string{"file": "x"})
	closeLog(t, note)
	r := Verify(dir, Policy{})
	if r.Integrity.Word != OK || r.Completeness.Word != OK || r.Entries != 6 || r.Segments != 3 || len(r.Sessions) != 2 {
		t.Errorf("%+v", r)
	}
}

func TestReadersCreateNothing(t *testing.T) {
	t.Parallel()
	dir := finished(t, Options{})
	if err := os.Remove(filepath.Join(dir, "lock")); err != nil {
		t.Fatal(err)
	}
	Verify(dir, Policy{})
	if _, err := Read(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(filepath.Join(dir, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no log: %v", err)
	}
	if r := Verify(filepath.Join(dir, "none"), Policy{}); r.Exit() != 2 {
		t.Errorf("no log: exit %d", r.Exit())
	}
	names, err := os.ReadDir(dir)
	if err != nil || len(names) != 1 {
		t.Errorf("%v, %v", names, err)
	}
}

func TestHeadCode(t *testing.T) {
	t.Parallel()
	if got := HeadCode(17, strings.Repeat("00", 32)); got != "17-AAAA-AAAA-AAAA-AAAA-AAAA-AAAA" {
		t.Error(got)
	}
	if got := HeadCode(1, "xyz"); got != "" {
		t.Error(got)
	}
}

func TestClockBackwards(t *testing.T) {
	t.Parallel()
	times := []time.Time{time.Unix(0, 0), time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC), time.Unix(1e9, 0)}
	i := 0
	dir := t.TempDir()
	l := create(t, dir, Options{Now: func() time.Time { i++; return times[i%len(times)] }})
	a, b := add(t, l, "note", nil), add(t, l, "note", nil)
	if b.Mono < a.Mono {
		t.Error("mono runs backwards")
	}
	if _, err := Read(dir); err != nil {
		t.Error(err)
	}
}
