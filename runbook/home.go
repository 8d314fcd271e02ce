package runbook

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/BurntSushi/toml"

	"runbook/runbook/book"
	"runbook/runbook/durable"
)

// hostFile is what the machine's administrator says about runs here.
const hostFile = "/etc/runbook.toml"

// Home is where runs and configuration lie. It belongs to one account: that
// one drives. Of a shared home a group reads along.
type Home struct {
	Dir    string // $RUNBOOK_HOME, else `home` of /etc/runbook.toml, else $XDG_STATE_HOME/runbook
	Config string // $XDG_CONFIG_HOME/runbook
	Seen   string // heads that this account saw of runs: seen under $RUNBOOK_HOME, else under $XDG_STATE_HOME/runbook

	group string // who reads along; nobody if empty
}

// FindHome reads the two places from an environment and from
// /etc/runbook.toml.
func FindHome(getenv func(string) string) (Home, error) { return findHome(getenv, hostFile) }

func findHome(getenv func(string) string, file string) (Home, error) {
	under := func(name, fallback string) string {
		if dir := getenv(name); filepath.IsAbs(dir) {
			return dir
		}
		return filepath.Join(getenv("HOME"), fallback)
	}
	h := Home{
		Dir:    filepath.Join(under("XDG_STATE_HOME", ".local/state"), "runbook"),
		Config: filepath.Join(under("XDG_CONFIG_HOME", ".config"), "runbook"),
	}
	if dir := getenv("RUNBOOK_HOME"); dir != "" {
		abs, err := filepath.Abs(dir)
		if err != nil {
			return h, fmt.Errorf("RUNBOOK_HOME=%s: %w", dir, err)
		}
		h.Dir = abs
	}
	h.Seen = filepath.Join(h.Dir, "seen")
	if getenv("RUNBOOK_HOME") == "" {
		if err := h.readHost(file); err != nil {
			return h, err
		}
	}
	if !filepath.IsAbs(h.Dir) || !filepath.IsAbs(h.Config) {
		return h, errors.New("neither HOME nor RUNBOOK_HOME is set: set one, the runs are kept there")
	}
	return h, nil
}

// readHost takes home and group from the machine's file, if there is one.
func (h *Home) readHost(file string) error {
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read where runs are kept: %w", err)
	}
	if err := book.CheckOwner(file); err != nil {
		return fmt.Errorf("read where runs are kept: %w", err)
	}
	var host struct {
		Home  string `toml:"home"`
		Group string `toml:"group"`
	}
	meta, err := toml.Decode(string(data), &host)
	switch {
	case err != nil:
		return fmt.Errorf("read %s: %w", file, err)
	case len(meta.Undecoded()) > 0:
		return fmt.Errorf("%s: %s is not known here: it holds home and group", file, meta.Undecoded()[0])
	case !filepath.IsAbs(host.Home):
		return fmt.Errorf("%s: home = %q: write an absolute path", file, host.Home)
	}
	h.Dir, h.group = host.Home, host.Group
	return nil
}

// Runs is the directory of the runs of one kind of world.
func (h Home) Runs(practice bool) string {
	if practice {
		return filepath.Join(h.Dir, "practice", "runs")
	}
	return filepath.Join(h.Dir, "runs")
}

// Make makes the home, and lets its group read along in the runs. Whoever is
// not its account is refused: that one drives, others follow.
func (h Home) Make() error {
	if err := durable.MkdirAll(h.Dir, 0o700); err != nil {
		return fmt.Errorf("make %s: %w; RUNBOOK_HOME names another place", h.Dir, err)
	}
	if uid, name := owner(h.Dir); uid != os.Geteuid() {
		return fmt.Errorf("the runs in %s are driven by %s: work as that account, or name another place with RUNBOOK_HOME; `runbook follow` reads along", h.Dir, name)
	}
	if h.group == "" {
		return nil
	}
	group, err := groupID(h.group)
	if err != nil {
		return err
	}
	if err := durable.MkdirAll(h.Runs(false), 0o700); err != nil {
		return fmt.Errorf("make %s: %w", h.Runs(false), err)
	}
	for _, dir := range []string{h.Dir, h.Runs(false)} {
		if err := durable.Share(dir, group); err != nil {
			return fmt.Errorf("let group %s read along in %s: %w; this account must be in that group (%s)", h.group, dir, err, hostFile)
		}
	}
	return nil
}

// groupID finds a group by its name or number. An account that is not in it
// could not hand it anything.
func groupID(name string) (int, error) {
	g, err := user.LookupGroup(name)
	if err != nil {
		g, err = user.LookupGroupId(name)
	}
	if err != nil {
		return 0, fmt.Errorf("%s: group = %q: no such group on this machine", hostFile, name)
	}
	return strconv.Atoi(g.Gid)
}

// owner is the account that something belongs to, by number and for people;
// -1 if there is nothing.
func owner(path string) (uid int, name string) {
	info, err := os.Stat(path)
	if err != nil {
		return -1, "nobody"
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return -1, "somebody"
	}
	name = fmt.Sprintf("uid %d", st.Uid)
	if u, err := user.LookupId(strconv.Itoa(int(st.Uid))); err == nil {
		name = u.Username
	}
	return int(st.Uid), name
}
