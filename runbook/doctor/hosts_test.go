package doctor

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"testing"

	"runbook/runbook"
	"runbook/runbook/book"
	"runbook/steps"
	"runbook/steps/run"
	"runbook/steps/run/loopback"
)

const onHosts = `
schema = 1
name = "hosts"
[[phase]]
id = "act"
  [[phase.step]]
  id = "up"
  on = "app"
  effect = "none"
  run.command = { sh = "nosuchprogram --up; cat '/etc/hosts'" }
  [[phase.step]]
  id = "is-up"
  on = "app"
  check.command = { argv = ["./isup"] }
`

// withHost is a book that needs the host app, at a target that has it.
func withHost(t *testing.T, h run.Host) *Site {
	t.Helper()
	b, err := book.Read([]byte(onHosts), "hosts.toml")
	if err != nil {
		t.Fatal(err)
	}
	target, err := book.ReadTarget(fmt.Appendf(nil, "name = \"here\"\ndir = %q\npath = \"/usr/bin:/bin\"\n", t.TempDir()), "here.toml")
	if err != nil {
		t.Fatal(err)
	}
	w, err := runbook.NewWorld(target)
	if err != nil {
		t.Fatal(err)
	}
	target.Hosts = map[string]run.Host{h.Name: h}
	return &Site{Book: b, Target: target, World: w}
}

func TestHost(t *testing.T) {
	t.Parallel()
	server := loopback.Start(t)
	s := withHost(t, server.Host("app"))
	found := s.host(t.Context(), s.Target.Hosts["app"])
	want(t, found, "host app", steps.Pass, "answers in")
	want(t, found[1:], "host app", steps.Fail, "has no ./isup", "is-up")
	want(t, found[2:], "host app", steps.Fail, "has no nosuchprogram", "needed by up", "[host.app]")
	if len(found) != 3 {
		t.Errorf("%v", found)
	}
	put(t, filepath.Join(server.Dir, "isup"), "#!/bin/sh\n", 0o700)
	if found := s.host(t.Context(), s.Target.Hosts["app"]); len(found) != 2 {
		t.Errorf("%v", found)
	}
	server.Known("stranger")
	want(t, s.host(t.Context(), s.Target.Hosts["app"]), "host app", steps.Fail, "gave no answer", "Host key verification failed", "try by hand: ssh")
	server.Down()
	want(t, s.host(t.Context(), s.Target.Hosts["app"]), "host app", steps.Fail, "Connection refused")
}

// TestHostNobodyNeeds: it may be of another book.
func TestHostNobodyNeeds(t *testing.T) {
	t.Parallel()
	server := loopback.Start(t)
	server.Down()
	s := withHost(t, server.Host("db"))
	want(t, s.host(t.Context(), s.Target.Hosts["db"]), "host db", steps.Warn, "Connection refused")
	want(t, s.fits(), "hosts", steps.Fail, "target here has no host app")
}

// TestSilentHost: one that takes the connection and says nothing.
func TestSilentHost(t *testing.T) {
	t.Parallel()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go func() {
		if conn, err := l.Accept(); err == nil {
			stop()
			<-t.Context().Done()
			_ = conn.Close()
		}
	}()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	h := run.Host{Name: "app", Via: []string{"ssh", "-F", "/dev/null", "-p", port, "127.0.0.1"}, Dir: "/srv"}
	s := withHost(t, h)
	want(t, s.host(ctx, h), "host app", steps.Fail, "gave no answer")
}
