package doctor

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"runbook/steps"
)

// systemd is a system's tree in which ann, uid 1000, is logged in.
func systemd(t *testing.T, group string) Host {
	t.Helper()
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "run/systemd/system"), 0o700); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(root, "proc/self/cgroup"), "0::"+group+"\n", 0o600)
	return Host{Root: root, User: "ann", UID: 1000}
}

const (
	inSession = "/user.slice/user-1000.slice/session-3.scope"
	inManager = "/user.slice/user-1000.slice/user@1000.service/tmux-spawn-1.scope"
)

func TestLogout(t *testing.T) {
	t.Parallel()
	conf := func(lines string) string { return "[Login]\n" + lines + "\n" }
	for _, c := range []struct {
		name, group string
		files       map[string]string
		linger      bool
		want        steps.Verdict
		say         string
	}{
		{"kills", inSession, map[string]string{"etc/systemd/logind.conf": conf("KillUserProcesses=yes")}, false, steps.Fail, "loginctl enable-linger ann, then systemd-run --user --scope"},
		{"linger does not spare a session", inSession, map[string]string{"etc/systemd/logind.conf": conf("KillUserProcesses=yes")}, true, steps.Fail, "ends every command in session-3.scope: linger keeps none in a login session (KillUserProcesses=yes"},
		{"below the session's scope", inSession + "/inner", map[string]string{"etc/systemd/logind.conf": conf("KillUserProcesses=yes")}, true, steps.Fail, "in session-3.scope"},
		{"in the manager, with linger", inManager, map[string]string{"etc/systemd/logind.conf": conf("KillUserProcesses=yes")}, true, steps.Pass, "outlives"},
		{"in the manager, without", inManager, map[string]string{"etc/systemd/logind.conf": conf("KillUserProcesses=no")}, false, steps.Fail, "enable-linger ann"},
		{"spares", inSession, map[string]string{"etc/systemd/logind.conf": conf("KillUserProcesses=no")}, false, steps.Pass, "/etc/systemd/logind.conf"},
		{"the default is a comment", inSession, map[string]string{"etc/systemd/logind.conf": conf("#KillUserProcesses=yes")}, false, steps.Fail, "the default"},
		{"the vendor's file", inSession, map[string]string{"usr/lib/systemd/logind.conf": conf("#KillUserProcesses=no")}, false, steps.Pass, "/usr/lib/systemd/logind.conf"},
		{"a drop-in wins", inSession, map[string]string{
			"etc/systemd/logind.conf":              conf("#KillUserProcesses=no\nKillUserProcesses=no"),
			"usr/lib/systemd/logind.conf.d/9.conf": conf("KillUserProcesses = on"),
		}, false, steps.Fail, "/usr/lib/systemd/logind.conf.d/9.conf"},
		{"of one name the first", inSession, map[string]string{
			"etc/systemd/logind.conf.d/9.conf":     conf("KillUserProcesses=no"),
			"usr/lib/systemd/logind.conf.d/9.conf": conf("KillUserProcesses=yes"),
		}, false, steps.Pass, "/etc/systemd/logind.conf.d/9.conf"},
		{"another section", inSession, map[string]string{"etc/systemd/logind.conf": "[Other]\nKillUserProcesses=no\n[Login]\nKillUserProcesses=yes\n"}, false, steps.Fail, "yes"},
		{"excluded", inSession, map[string]string{"etc/systemd/logind.conf": conf("KillUserProcesses=yes\nKillExcludeUsers=bob ann")}, false, steps.Pass, "KillExcludeUsers"},
		{"only this one", inSession, map[string]string{"etc/systemd/logind.conf": conf("KillUserProcesses=no\nKillOnlyUsers=bob ann")}, false, steps.Fail, "KillOnlyUsers"},
		{"only this one, and nothing else is set", inSession, map[string]string{"etc/systemd/logind.conf": conf("KillOnlyUsers=ann")}, true, steps.Fail, "KillOnlyUsers"},
		{"excluded goes first", inSession, map[string]string{"etc/systemd/logind.conf": conf("KillOnlyUsers=ann\nKillExcludeUsers=ann")}, false, steps.Pass, "KillExcludeUsers"},
		{"emptied again", inSession, map[string]string{"etc/systemd/logind.conf": conf("KillUserProcesses=yes\nKillExcludeUsers=ann\nKillExcludeUsers=")}, false, steps.Fail, "yes"},
		{"only others", inSession, map[string]string{"etc/systemd/logind.conf": conf("KillUserProcesses=yes\nKillOnlyUsers=bob")}, false, steps.Pass, "KillOnlyUsers"},
		{"nobody says", inSession, nil, false, steps.Unknown, "default differs"},
		{"a service", "/system.slice/cron.service", nil, false, steps.Pass, "no login session"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := systemd(t, c.group)
			for name, text := range c.files {
				put(t, filepath.Join(h.Root, name), text, 0o600)
			}
			if c.linger {
				put(t, filepath.Join(h.Root, "var/lib/systemd/linger/ann"), "", 0o600)
			}
			want(t, h.logout(t.Context()), "logout", c.want, c.say)
		})
	}
}

func TestLogoutWithoutSystemd(t *testing.T) {
	t.Parallel()
	want(t, Host{Root: t.TempDir()}.logout(t.Context()), "logout", steps.Pass, "no systemd")
}

// TestLogoutBehindSudo: root is spared by default, and the login is still that
// of ann.
func TestLogoutBehindSudo(t *testing.T) {
	t.Parallel()
	h := systemd(t, "/user.slice/user-4242424.slice/session-3.scope")
	h.User, h.UID = "root", 0
	put(t, filepath.Join(h.Root, "etc/systemd/logind.conf"), "[Login]\nKillUserProcesses=yes\n", 0o600)
	want(t, h.logout(t.Context()), "logout", steps.Fail, "enable-linger 4242424")
	put(t, filepath.Join(h.Root, "proc/self/cgroup"), "0::/user.slice/user-0.slice/session-3.scope\n", 0o600)
	want(t, h.logout(t.Context()), "logout", steps.Pass, "KillExcludeUsers")
	// A list without it takes the default's place.
	put(t, filepath.Join(h.Root, "etc/systemd/logind.conf"), "[Login]\nKillUserProcesses=yes\nKillExcludeUsers=bob\n", 0o600)
	want(t, h.logout(t.Context()), "logout", steps.Fail, "KillUserProcesses=yes")
}

// TestLogoutUnreadable: what can't be read is not taken for what it may say.
func TestLogoutUnreadable(t *testing.T) {
	t.Parallel()
	h := systemd(t, inSession)
	put(t, filepath.Join(h.Root, "etc/systemd/logind.conf"), "[Login]\nKillUserProcesses=no\n", 0o600)
	if err := os.MkdirAll(filepath.Join(h.Root, "etc/systemd/logind.conf.d/1.conf"), 0o700); err != nil {
		t.Fatal(err) // a directory can't be read as a file, whoever tries
	}
	want(t, h.logout(t.Context()), "logout", steps.Unknown, "1.conf", "to be safe")
	put(t, filepath.Join(h.Root, "proc/self/cgroup"), "", 0o600)
	want(t, h.logout(t.Context()), "logout", steps.Unknown, "control group")
}

// TestControlGroups: of a system with both kinds the one of systemd counts.
func TestControlGroups(t *testing.T) {
	t.Parallel()
	h := systemd(t, inSession)
	put(t, filepath.Join(h.Root, "proc/self/cgroup"), fmt.Sprintf("4:memory:/x\n1:name=systemd:%s\n0::/y\n", inManager), 0o600)
	if group, err := h.group(); err != nil || group != inManager {
		t.Errorf("%q, %v", group, err)
	}
}
