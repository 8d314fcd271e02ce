package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"runbook/steps"
	"runbook/steps/supervise"
)

const (
	gibibyte = 1 << 30
	floods   = 3
	logLine  = "INFO 2026-11-21T23:14:47Z migrated row %09d of the table users: all is well, nothing to see here\n"
)

// flood holds a command that prints 1 GiB against `cat >> file`: how long the
// command itself takes, how long until its redacted output and its verdict are
// durable, and what its supervisor needs of memory.
func (b *bench) flood(ctx context.Context) (rows []row, err error) {
	text := filepath.Join(b.dir, "text")
	if err := writeLog(text); err != nil {
		return nil, err
	}
	var recorder supervise.Recorder
	defer func() { err = errors.Join(err, recorder.Close(), os.Remove(text)) }()
	var bare, step, whole []float64
	var peak float64
	for i := range floods {
		copied := filepath.Join(b.dir, "copy")
		began := time.Now()
		if err := exec.CommandContext(ctx, "sh", "-c", `cat "$0" >>"$1"`, text, copied).Run(); err != nil {
			return nil, fmt.Errorf("copy %s: %w", text, err)
		}
		bare = append(bare, time.Since(began).Seconds())
		if err := os.Remove(copied); err != nil {
			return nil, err
		}
		one, err := b.supervisedFlood(&recorder, text, i)
		if err != nil {
			return nil, err
		}
		step, whole, peak = append(step, one.step.Seconds()), append(whole, one.whole.Seconds()), max(peak, one.peak)
	}
	least := median(bare)
	floor := []floor{{"cat >> file", least}}
	return []row{
		{what: "1 GiB of output, the command", got: median(step), aim: "≤ cat >> file ÷ 0.9", limit: least / 0.9, unit: "s", floors: floor},
		{what: "1 GiB of output, to its verdict", got: median(whole), aim: "≤ cat >> file ÷ 0.9", limit: least / 0.9, unit: "s", floors: floor},
		{what: "its supervisor's peak memory", got: peak, aim: "< 50 MB with the screen", limit: 50, unit: "MB"},
	}, nil
}

type flooded struct {
	step, whole time.Duration
	peak        float64 // MB
}

func (b *bench) supervisedFlood(r *supervise.Recorder, text string, i int) (flooded, error) {
	o := supervise.Order{
		Argv: []string{"cat", text}, Path: "/usr/bin/cat", Dir: "/", Files: filepath.Join(b.dir, "steps", fmt.Sprintf("flood.%d", i)),
		Secrets: []steps.Secret{steps.NewSecret("correct-horse"), steps.NewSecret("postgres://app:battery-staple@db/users")},
	}
	sealed, err := supervise.Seal(o)
	if err != nil {
		return flooded{}, err
	}
	defer func() { _ = sealed.Close() }() // memory: nothing to lose
	began := time.Now()
	p, err := r.Start(sealed)
	if err != nil {
		return flooded{}, err
	}
	var peak float64
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for ended := false; !ended; {
		select {
		case <-p.Done():
			ended = true
		case <-tick.C:
			peak = max(peak, peakOf(filepath.Join(o.Files, "pid")))
		}
	}
	end := p.End()
	whole := time.Since(began)
	if end.Outcome.Bytes != gibibyte || end.Outcome.Warn != "" || peak == 0 {
		return flooded{}, fmt.Errorf("a flood was not recorded: peak %v MB, %+v", peak, end)
	}
	return flooded{end.Outcome.Took, whole, peak}, os.RemoveAll(o.Files)
}

// peakOf is the peak memory of the supervisor that a pid file names, in MB; 0
// if it can't be told.
func peakOf(pidFile string) float64 {
	var who struct{ Supervisor struct{ PID int } }
	data, err := os.ReadFile(pidFile)
	if err != nil || json.Unmarshal(data, &who) != nil {
		return 0
	}
	return peakOfPID(who.Supervisor.PID)
}

// peakOfPID is the peak memory of a process that lives, in MB; 0 if it can't
// be told.
func peakOfPID(pid int) float64 {
	status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0
	}
	_, rest, ok := bytes.Cut(status, []byte("VmHWM:"))
	fields := bytes.Fields(rest)
	if !ok || len(fields) == 0 {
		return 0
	}
	kib, err := strconv.ParseFloat(string(fields[0]), 64)
	if err != nil {
		return 0
	}
	return kib * 1024 / 1e6
}

// writeLog writes a gibibyte of lines.
func writeLog(path string) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	var block []byte
	for n, size := 0, 0; size < gibibyte; n++ {
		line := fmt.Appendf(nil, logLine, n)
		line = line[:min(len(line), gibibyte-size)]
		block = append(block, line...)
		size += len(line)
		if len(block) > 1<<20 || size == gibibyte {
			if _, err := f.Write(block); err != nil {
				return err
			}
			block = block[:0]
		}
	}
	return nil
}
