//go:build !linux

package durable

import "os"

// SyncData makes the bytes of f durable. After an error the file must not be
// trusted again.
func SyncData(f *os.File) error { return f.Sync() }

// Reserve does nothing here: the space is taken when it is written.
func Reserve(*os.File, int64, int64) error { return nil }
