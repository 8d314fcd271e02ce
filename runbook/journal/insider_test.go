package journal

import "testing"

// TestInsider appends lines that are signed with the live session key and wrong
// in one field: each check of the chain has to hold by itself.
func TestInsider(t *testing.T) {
	t.Parallel()
	for name, wrong := range map[string]func(*Entry){
		"nothing":  func(*Entry) {},
		"run":      func(e *Entry) { e.Run = newRun() },
		"segment":  func(e *Entry) { e.Seg = 2 },
		"number":   func(e *Entry) { e.N++ },
		"previous": func(e *Entry) { e.Prev = Zeros },
		"session":  func(e *Entry) { e.Kind = KindSession },
		"a note":   func(e *Entry) { e.Kind = "note" },
	} {
		dir := t.TempDir()
		l := create(t, dir, Options{})
		before := KindRunEnd
		if name == "session" { // wrong before the end as well
			before = "note"
		}
		end := add(t, l, before, nil)
		e := l.entry(KindAnchor, end.N+1, end.Head)
		e.Body = []byte("{}")
		wrong(&e)
		line, err := l.sign(&e)
		if err != nil {
			t.Fatal(err)
		}
		put(t, segmentPath(dir, 1), append(get(t, segmentPath(dir, 1)), line...))
		want := Tampered
		if name == "nothing" {
			want = OK
		}
		if r := Verify(dir, Policy{}); r.Integrity.Word != want {
			t.Errorf("%s: %q", name, r.Lines())
		}
	}
}

// TestForeignSignature keeps the line and swaps in the signature of another key.
func TestForeignSignature(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1} {
		dir := t.TempDir()
		mine, other := create(t, dir, Options{}), create(t, t.TempDir(), Options{})
		add(t, mine, "note", nil)
		entries, err := Read(dir)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := other.sign(&entries[n]); err != nil {
			t.Fatal(err)
		}
		var b []byte
		for i := range n + 1 {
			b = append(b, entries[i].Line()...)
		}
		put(t, segmentPath(dir, 1), b)
		if r := Verify(dir, Policy{}); r.Integrity.Word != Tampered {
			t.Errorf("entry %d: %q", n+1, r.Lines())
		}
	}
}
