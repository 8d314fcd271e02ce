package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"runbook/runbook/durable"
	"runbook/runbook/journal"
)

const (
	batches = 11
	batch   = 50
)

// appends holds a signed entry against the bare write and sync of a line of
// the same size in the same directory, batch by batch in turns.
func (b *bench) appends(ctx context.Context) (rows []row, err error) {
	l, err := journal.Create(filepath.Join(b.dir, "log"), journal.Options{World: journal.Real})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	body := map[string]any{"step": "pre-checks/jwt-secret", "verdict": "pass", "reason": "32 bytes, 180 bits", "took_us": 1234}
	first, err := l.Append(ctx, "note", body)
	if err != nil {
		return nil, err
	}
	raw, err := newRaw(filepath.Join(b.dir, "raw"), len(first.Line()))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, raw.f.Close()) }()

	var signed, bare []float64
	for range batches {
		began := time.Now()
		for range batch {
			if _, err := l.Append(ctx, "note", body); err != nil {
				return nil, err
			}
		}
		signed = append(signed, milliseconds(time.Since(began))/batch)
		began = time.Now()
		for range batch {
			if err := raw.append(); err != nil {
				return nil, err
			}
		}
		bare = append(bare, milliseconds(time.Since(began))/batch)
	}
	least := median(bare)
	return []row{{
		what: "append a signed entry", got: median(signed), aim: "≤ write and sync ÷ 0.7", limit: least / 0.7, unit: "ms",
		floors: []floor{{"write and sync", least}},
	}}, nil
}

// raw is a file with room for all lines.
type raw struct {
	f    *os.File
	line []byte
	off  int64
}

func newRaw(path string, size int) (*raw, error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("make %s: %w", path, err)
	}
	r := &raw{f: f, line: bytes.Repeat([]byte("x"), size)}
	if err := durable.Reserve(f, 0, int64(size)*batches*batch); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return r, nil
}

func (r *raw) append() error {
	if _, err := r.f.WriteAt(r.line, r.off); err != nil {
		return fmt.Errorf("write a line: %w", err)
	}
	r.off += int64(len(r.line))
	return durable.SyncData(r.f)
}
