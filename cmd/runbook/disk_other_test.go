//go:build !linux

package main

import "github.com/rogpeppe/go-internal/testscript"

// The scripts that mount a disk are Linux's.
func smallDisk(ts *testscript.TestScript, _ bool, _ []string) { ts.Fatalf("not on this system") }
func fill(ts *testscript.TestScript, _ bool, _ []string)      { ts.Fatalf("not on this system") }
