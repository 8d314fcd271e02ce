package doctor

import (
	"context"
	"fmt"
	"os"
	"os/user"
	"regexp"
	"strconv"
	"strings"

	"runbook/steps"
)

// logout tells what becomes of a running command when its operator's
// connection drops. A command is a child of ours and stays in our control
// group, whatever session it has: systemd ends it with that group.
func (h Host) logout(ctx context.Context) []Finding {
	const what = "logout"
	if !h.exists("run/systemd/system") {
		return pass(what, "nothing here ends commands at a logout: no systemd")
	}
	group, err := h.group()
	if err != nil {
		return one(steps.Unknown, what, "which control group commands are in: "+err.Error(), "", "")
	}
	// It goes by who logged in: behind sudo that is not us.
	who := h.User
	if found := regexp.MustCompile(`/user-(\d+)\.slice/`).FindStringSubmatch(group + "/"); found != nil {
		who = h.login(found[1])
	}
	session := regexp.MustCompile(`/(session-[^/]+\.scope)/`).FindStringSubmatch(group + "/")
	manager := regexp.MustCompile(`/(user@\d+\.service)/`).FindStringSubmatch(group + "/")
	switch {
	case session != nil:
		return h.session(ctx, what, session[1], who)
	case manager != nil && h.lingers(who):
		return pass(what, "commands are in "+manager[1]+", which outlives logins (linger)")
	case manager != nil:
		return one(steps.Fail, what, "the last logout ends every command: they are in "+manager[1], "no linger", "loginctl enable-linger "+who)
	}
	return pass(what, "commands are in "+group+", and in no login session")
}

// login is the name of an account.
func (h Host) login(uid string) string {
	if uid == strconv.Itoa(h.UID) {
		return h.User
	}
	if other, err := user.LookupId(uid); err == nil {
		return other.Username
	}
	return uid
}

// session tells it of a login session, whose scope is what logind ends. Linger
// alone does not help there: it keeps the user's manager, and a command has to
// be in it.
func (h Host) session(ctx context.Context, what, scope, who string) []Finding {
	leave, ended := "systemd-run --user --scope tmux, and work in there", "ends every command in "+scope
	if h.lingers(who) {
		ended += ": linger keeps none in a login session"
	} else {
		leave = "loginctl enable-linger " + who + ", then " + leave
	}
	l, err := h.logind(ctx)
	if err != nil {
		return one(steps.Unknown, what, fmt.Sprintf("whether it ends the commands in %s: %v", scope, err), "", "to be safe: "+leave)
	}
	ends, by := l.ends(who)
	if ends {
		return one(steps.Fail, what, ended, by+", "+l.source, leave)
	}
	return pass(what, "leaves the commands of "+who+" in "+scope+" alone ("+by+", "+l.source+")")
}

// group is systemd's control group of this process.
func (h Host) group() (string, error) {
	data, err := os.ReadFile(h.path("proc/self/cgroup"))
	if err != nil {
		return "", err
	}
	unified := ""
	for line := range strings.Lines(string(data)) {
		fields := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		switch {
		case len(fields) < 3:
		case fields[1] == "name=systemd":
			return fields[2], nil // of a system with both kinds, the one that systemd goes by
		case fields[1] == "":
			unified = fields[2]
		}
	}
	if unified == "" {
		return "", fmt.Errorf("%s names none of systemd's", h.path("proc/self/cgroup"))
	}
	return unified, nil
}

// lingers reports whether the user's manager runs without a login.
func (h Host) lingers(who string) bool { return h.exists("var/lib/systemd/linger/" + who) }
