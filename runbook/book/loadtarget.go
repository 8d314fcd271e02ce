package book

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// later are keys of a target that this version can't act on. To ignore one
// would be to run without what somebody relies on.
var later = map[string]string{
	"kube": "a kube context", "choose": "choices", "guard": "guarded targets",
	"require": "required tickets", "waiver": "waivers", "extends": "targets that extend others",
}

// ReadTarget reads a target as strictly as Read reads a book. The error is
// *Problems.
func ReadTarget(data []byte, file string) (*Target, error) {
	r, top := parse(data, file)
	if top == nil {
		return nil, r.failed()
	}
	for _, key := range slices.Sorted(maps.Keys(later)) {
		if _, ok := top[key]; ok {
			r.at(key, "%s: %s are not supported by this version", key, later[key])
			delete(top, key)
		}
	}
	t := &Target{}
	r.decode("", top, t)
	r.id("name", t.Name)
	r.directories(t)
	r.hosts(t)
	r.values(t)
	for _, name := range slices.Sorted(maps.Keys(t.Secrets)) {
		r.source(join("secret", name), t.Secrets[name])
		if !varPattern().MatchString(name) {
			r.at(join("secret", name), "no var of a book can be named %q", name)
		}
	}
	if err := r.err(); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(data)
	t.Raw, t.SHA256, t.File = slices.Clone(data), hex.EncodeToString(sum[:]), file
	return t, nil
}

func (r *reader) directories(t *Target) {
	switch {
	case t.Dir == "":
		r.at("dir", "dir is missing: the directory where commands run")
	case !filepath.IsAbs(t.Dir):
		r.at("dir", "dir must be absolute: %q", t.Dir)
	}
	if t.Home != "" && !filepath.IsAbs(t.Home) {
		r.at("home", "home must be absolute: %q", t.Home)
	}
	if t.Path == "" {
		r.at("path", "path is missing: the PATH of commands, such as \"/usr/local/bin:/usr/bin:/bin\"")
		return
	}
	for _, dir := range strings.Split(t.Path, ":") {
		if !filepath.IsAbs(dir) {
			r.at("path", "each element of path must be absolute; %q would be looked up where the command runs", dir)
		}
	}
}

func (r *reader) values(t *Target) {
	for _, name := range slices.Sorted(maps.Keys(t.Vars)) {
		if err := checkValue(name, Var{}, t.Vars[name]); err != nil {
			r.at(join("vars", name), "%v", err)
		}
	}
	from := t.Service.EnvFrom
	if path, ok := strings.CutPrefix(from, "file:"); from != "" && from != "process" && (!ok || path == "") {
		r.at("service.env_from", "env_from is \"file:PATH\" or \"process\" in this version, not %q", from)
	}
}

func (r *reader) source(path string, s Source) {
	given := 0
	for _, set := range []bool{s.Env != "", s.File != "", len(s.Command) > 0} {
		if set {
			given++
		}
	}
	switch {
	case given != 1:
		r.at(path, "a secret comes from exactly one of env, file, command")
	case s.Env != "" && !exportPattern().MatchString(s.Env):
		r.at(join(path, "env"), "env is no name of an environment variable: %q", s.Env)
	case s.File != "" && !filepath.IsAbs(s.File):
		r.at(join(path, "file"), "file must be absolute: %q", s.File)
	case len(s.Command) > 0 && s.Command[0] == "":
		r.at(join(path, "command"), "command names no program")
	}
}
