package main

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"runbook/runbook/practice"
)

// hasPostgres reports whether this machine can hold a practice world's
// database.
func hasPostgres() bool {
	places, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	_, err := exec.LookPath("initdb")
	return err == nil || len(places) > 0
}

// worldState is what `world seen` keeps for `world gone`.
const worldState = "world.json"

// world seen: a world lives, and answers on what it says it listens on.
// world gone: of that very world no process, port or file is left.
func world(ts *testscript.TestScript, _ bool, args []string) {
	ctx, stop := context.WithTimeout(context.Background(), 20*time.Second)
	defer stop()
	if args[0] == "seen" {
		w, err := practice.Find(ctx, ts.Getenv("RUNBOOK_HOME"))
		ts.Check(err)
		status, err := w.Status(ctx)
		ts.Check(err)
		data, err := json.Marshal(status)
		ts.Check(err)
		ts.Check(os.WriteFile(ts.MkAbs(worldState), data, 0o600))
		if len(status.Open) == 0 {
			ts.Fatalf("the world listens on nothing")
		}
		for _, addr := range status.Open {
			ts.Check(dialable(ctx, addr))
		}
		return
	}
	data, err := os.ReadFile(ts.MkAbs(worldState))
	ts.Check(err)
	var status practice.Status
	ts.Check(json.Unmarshal(data, &status))
	for _, addr := range status.Open {
		if dialable(ctx, addr) == nil {
			ts.Fatalf("%s still answers", addr)
		}
	}
	if _, err := os.Lstat(status.Dir); err == nil {
		ts.Fatalf("%s is still there", status.Dir)
	}
	if left := processesIn(status.Dir); len(left) > 0 {
		ts.Fatalf("still running: %s", strings.Join(left, "; "))
	}
}

func dialable(ctx context.Context, addr string) error {
	var d net.Dialer
	network := "tcp"
	if strings.HasPrefix(addr, "/") {
		network = "unix"
	}
	conn, err := d.DialContext(ctx, network, addr)
	if err != nil {
		return err
	}
	return conn.Close()
}

// processesIn are the processes whose command line names a directory.
func processesIn(dir string) []string {
	var found []string
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range files {
		line, err := os.ReadFile(file)
		if err == nil && strings.Contains(string(line), dir) {
			found = append(found, strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	return found
}
