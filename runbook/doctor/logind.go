package doctor

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
)

// logind is what systemd-logind does to processes at a logout.
type logind struct {
	kill    bool     // KillUserProcesses
	only    []string // KillOnlyUsers
	exclude []string // KillExcludeUsers; nil if it is not set: then root is spared
	source  string   // who says so
}

// ends reports whether a logout of this user ends what the session started,
// and what sets that. The lists go before KillUserProcesses.
func (l logind) ends(user string) (ends bool, by string) {
	switch {
	case l.exclude == nil && user == "root", slices.Contains(l.exclude, user):
		return false, "KillExcludeUsers"
	case len(l.only) > 0:
		return slices.Contains(l.only, user), "KillOnlyUsers"
	case l.kill:
		return true, "KillUserProcesses=yes"
	}
	return false, "KillUserProcesses=no"
}

var errNoPolicy = errors.New("logind does not answer, and no file sets KillUserProcesses, whose default differs between distributions")

// logind asks the running one; where it does not answer, its files.
func (h Host) logind(ctx context.Context) (logind, error) {
	if h.Root == "/" {
		if l, err := askLogind(ctx); err == nil {
			if l.exclude == nil { // it tells a list that was emptied as one that was never set
				files, _ := h.readLogind()
				l.exclude = files.exclude
			}
			return l, nil
		}
	}
	return h.readLogind()
}

// askLogind reads the three properties: "b false", "as 0", `as 1 "ann"`.
func askLogind(ctx context.Context) (logind, error) {
	const name, object = "org.freedesktop.login1", "/org/freedesktop/login1"
	out, err := exec.CommandContext(ctx, "busctl", "--system", "get-property", name, object, name+".Manager",
		"KillUserProcesses", "KillOnlyUsers", "KillExcludeUsers").Output()
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if err != nil || len(lines) != 3 || !strings.HasPrefix(lines[0], "b ") {
		return logind{}, errNoPolicy
	}
	list := func(line string) (names []string) {
		for i, field := range strings.Fields(line) {
			if i > 1 { // behind the type and the count
				names = append(names, strings.Trim(field, `"`))
			}
		}
		return names
	}
	return logind{kill: lines[0] == "b true", only: list(lines[1]), exclude: list(lines[2]), source: "logind says"}, nil
}

// logindDirs are where logind's files are, the first before the others.
var logindDirs = []string{"etc/systemd", "run/systemd", "usr/local/lib/systemd", "usr/lib/systemd"}

// readLogind reads the files as logind does: the first main file, then every
// drop-in in the order of their names, of two with one name the first. Where
// nothing is set, a comment in the main file tells the default.
func (h Host) readLogind() (logind, error) {
	l := logind{}
	files := map[string]string{} // where each is, by its name
	order := []string{}
	for _, dir := range logindDirs {
		if name := dir + "/logind.conf"; len(order) == 0 && h.exists(name) {
			order = append(order, name)
		}
		dropins, err := fs.Glob(os.DirFS(h.Root), dir+"/logind.conf.d/*.conf")
		if err != nil {
			return l, err
		}
		for _, name := range dropins {
			if _, taken := files[path.Base(name)]; !taken {
				files[path.Base(name)] = name
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		order = append(order, files[name])
	}
	for _, name := range order {
		data, err := os.ReadFile(h.path(name))
		if err != nil {
			return l, err
		}
		l.read("/"+name, string(data))
	}
	if l.source == "" {
		return l, errNoPolicy
	}
	return l, nil
}

// read takes over what one file sets. A boolean that can't be read is passed
// over; a list is added to, and emptied by an empty value.
func (l *logind) read(source, text string) {
	section := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if word, ok := strings.CutPrefix(line, "#KillUserProcesses="); ok && l.source == "" {
			l.kill, l.source = truth[strings.ToLower(word)], "the default, says "+source
		}
		if strings.HasPrefix(line, "[") {
			section = line
		}
		name, value, ok := strings.Cut(line, "=")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if !ok || section != "[Login]" {
			continue
		}
		switch name {
		case "KillUserProcesses":
			if kill, known := truth[strings.ToLower(value)]; known {
				l.kill, l.source = kill, source
			}
		case "KillOnlyUsers":
			if l.only = extend(l.only, value); len(l.only) > 0 {
				l.source = source
			}
		case "KillExcludeUsers":
			l.exclude = extend(l.exclude, value)
		}
	}
}

// truth is how systemd writes booleans.
var truth = map[string]bool{
	"1": true, "yes": true, "y": true, "true": true, "t": true, "on": true,
	"0": false, "no": false, "n": false, "false": false, "f": false, "off": false,
}

func extend(list []string, value string) []string {
	if value == "" {
		return []string{}
	}
	return append(list, strings.Fields(value)...)
}
