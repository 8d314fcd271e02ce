package journal

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"runbook/runbook/durable"
)

// BenchmarkAppend and BenchmarkRawFdatasync write lines of the same size into
// the same file system: their ratio is what the journal costs over the disk.
// Set TMPDIR where /tmp is in memory.
func BenchmarkAppend(b *testing.B) {
	dir := b.TempDir()
	l, err := Create(dir, Options{World: Real})
	if err != nil {
		b.Fatal(err)
	}
	body := benchBody()
	for b.Loop() {
		if _, err := l.Append(b.Context(), "note", body); err != nil {
			b.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkRawFdatasync is the limit: pwrite and fdatasync of a line on space
// that is already reserved.
func BenchmarkRawFdatasync(b *testing.B) {
	dir := b.TempDir()
	line := bytes.Repeat([]byte("x"), benchLine(b))
	f, err := os.Create(filepath.Join(dir, "raw"))
	if err != nil {
		b.Fatal(err)
	}
	off, room := int64(0), int64(0)
	for b.Loop() {
		if off+int64(len(line)) > room {
			if err := durable.Reserve(f, off, ahead); err != nil {
				b.Fatal(err)
			}
			room = off + ahead
		}
		if _, err := f.WriteAt(line, off); err != nil {
			b.Fatal(err)
		}
		if err := durable.SyncData(f); err != nil {
			b.Fatal(err)
		}
		off += int64(len(line))
	}
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkAppendGroup has many callers share syncs.
func BenchmarkAppendGroup(b *testing.B) {
	l, err := Create(b.TempDir(), Options{World: Real})
	if err != nil {
		b.Fatal(err)
	}
	body := benchBody()
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := l.Append(b.Context(), "note", body); err != nil {
				b.Error(err)
			}
		}
	})
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkVerify(b *testing.B) {
	dir := b.TempDir()
	l, err := Create(dir, Options{World: Real})
	if err != nil {
		b.Fatal(err)
	}
	const entries = 1000
	body := benchBody()
	for range entries {
		if _, err := l.Append(b.Context(), "note", body); err != nil {
			b.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if r := Verify(dir, Policy{}); r.Integrity.Word != OK {
			b.Fatal(r.Lines())
		}
	}
	b.ReportMetric(float64(b.N)*entries/b.Elapsed().Seconds(), "entries/s")
}

func benchBody() map[string]any {
	return map[string]any{"step": "pre-checks/jwt-secret", "verdict": "pass", "reason": "32 bytes, 180 bits", "took_us": 1234}
}

// benchLine is the size of the line that BenchmarkAppend writes.
func benchLine(b *testing.B) int {
	b.Helper()
	l, err := Create(b.TempDir(), Options{World: Real})
	if err != nil {
		b.Fatal(err)
	}
	e, err := l.Append(b.Context(), "note", benchBody())
	if err != nil {
		b.Fatal(err)
	}
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
	return len(e.Line())
}
