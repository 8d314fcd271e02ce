package supervise_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"runbook/steps"
	"runbook/steps/supervise"
)

// BenchmarkTrue is what a recorded command costs beside a bare one.
func BenchmarkTrue(b *testing.B) {
	b.Run("bare", func(b *testing.B) {
		for b.Loop() {
			if err := exec.CommandContext(b.Context(), "/usr/bin/true").Run(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("recorded", func(b *testing.B) {
		dir, n, r := b.TempDir(), 0, recorder(b)
		for b.Loop() {
			n++
			o := supervise.Order{Argv: []string{"true"}, Path: "/usr/bin/true", Dir: "/", Files: filepath.Join(dir, fmt.Sprint(n))}
			if o := startBy(b, r, o).End().Outcome; o.Exit != 0 || o.Err != "" || o.Warn != "" {
				b.Fatalf("%+v", o)
			}
		}
	})
}

// BenchmarkOutput is the speed of output beside `cat >> file`.
func BenchmarkOutput(b *testing.B) {
	const size = 64 << 20
	dir := b.TempDir()
	log := filepath.Join(dir, "log")
	line := "INFO 2026-11-21 migrated a row of the table users, all is well\n"
	text := make([]byte, 0, size)
	for len(text)+len(line) <= size {
		text = append(text, line...)
	}
	if err := os.WriteFile(log, text, 0o600); err != nil {
		b.Fatal(err)
	}
	b.Run("cat", func(b *testing.B) {
		b.SetBytes(size)
		for b.Loop() {
			if err := exec.CommandContext(b.Context(), "sh", "-c", `cat "$0" >>"$0.out" && rm "$0.out"`, log).Run(); err != nil {
				b.Fatal(err)
			}
		}
	})
	for name, secrets := range map[string][]steps.Secret{"recorded": nil, "redacted": {steps.NewSecret("correct-horse"), steps.NewSecret("battery-staple")}} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(size)
			r := recorder(b)
			for b.Loop() {
				o := supervise.Order{Argv: []string{"cat", log}, Path: "/usr/bin/cat", Dir: "/", Files: filepath.Join(dir, "x.1"), Secrets: secrets}
				got := startBy(b, r, o).End().Outcome
				if got.Bytes != int64(len(text)) {
					b.Fatalf("%+v", got)
				}
				b.ReportMetric(float64(size)/1e6/got.Took.Seconds(), "step-MB/s")
				if err := os.RemoveAll(o.Files); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
