// Command bench measures bin/runbook against what each thing is held to, side
// by side in one run: what a person waits for, what a terminal has to carry,
// what a signed log costs over the disk. It prints a table and judges nothing:
// the machine may be busy, so read the ratios.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"runbook/steps/supervise"
)

// row is one measured thing beside its aim, and beside the least it could cost
// here, measured in turns with it.
type row struct {
	what   string
	got    float64
	aim    string // limit in words, such as "≤ 5 ms"
	limit  float64
	unit   string
	floors []floor
}

// floor is what no implementation could be quicker than.
type floor struct {
	what string
	took float64 // in the row's unit
}

// noop is the argument with which bench starts itself, to measure a Go program
// that ends at once.
const noop = "_noop"

func main() {
	if code, ours := supervise.Main(os.Args[1:]); ours {
		os.Exit(code)
	}
	if len(os.Args) > 1 && os.Args[1] == noop {
		return
	}
	if len(os.Args) > 2 && os.Args[1] == streams {
		if err := streamTo(os.Stdout, os.Args[2]); err != nil {
			os.Exit(1)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := measure(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// measure runs every part, also after one that could not be measured.
func measure(ctx context.Context) (err error) {
	b, err := newBench()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	var rows []row
	for _, part := range []func(context.Context) ([]row, error){b.processStart, b.text, b.screen, b.appends, b.verify, b.command, b.flood, b.attach, b.stream, b.checks, b.world} {
		measured, partErr := part(ctx)
		rows = append(rows, measured...)
		err = errors.Join(err, partErr)
	}
	return errors.Join(err, table(os.Stdout, rows))
}

func table(w io.Writer, rows []row) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "WHAT\tMEASURED\tAIM\tOF AIM\tTIMES THE LEAST")
	for _, r := range rows {
		var times []string
		for _, f := range r.floors {
			times = append(times, fmt.Sprintf("%.2f × %s (%.3g %s)", r.got/f.took, f.what, f.took, r.unit))
		}
		_, _ = fmt.Fprintf(t, "%s\t%.3g %s\t%s\t%.2f\t%s\n", r.what, r.got, r.unit, r.aim, r.got/r.limit, strings.Join(times, ", "))
	}
	return t.Flush() // the errors of writing, too
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
