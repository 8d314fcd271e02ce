package book

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// ReadTarget reads a target as strictly as Read reads a book. The error is
// *Problems. One that extends others is read by LoadTarget: the bytes here are
// all there is.
func ReadTarget(data []byte, file string) (*Target, error) {
	r, top := parse(data, file)
	if top == nil {
		return nil, r.failed()
	}
	if _, ok := top["extends"]; ok {
		r.at("extends", "extends: only a target file may extend the one beside it")
		delete(top, "extends")
	}
	t := &Target{}
	r.decode("", top, t)
	r.id("name", t.Name)
	r.directories(t)
	r.hosts(t)
	r.values(t)
	r.service(t)
	r.demands(t)
	r.waivers(t)
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
	t.layers = []layer{{r, top, t.SHA256}}
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

// values checks what the target gives to vars. The cluster's names are vars
// too, so that the commands of a book can name it.
func (r *reader) values(t *Target) {
	for _, kube := range [][2]string{{"kube_context", t.Kube.Context}, {"namespace", t.Kube.Namespace}} {
		if kube[1] == "" {
			continue
		}
		if _, ok := t.Vars[kube[0]]; ok {
			r.at(join("vars", kube[0]), "%s stands in kube too; keep one of the two", kube[0])
		}
		if t.Vars == nil {
			t.Vars = map[string]string{}
		}
		t.Vars[kube[0]] = kube[1]
	}
	for table, values := range map[string]map[string]string{"vars": t.Vars, "choose": t.Choose} {
		for _, name := range slices.Sorted(maps.Keys(values)) {
			if err := checkValue(name, Var{}, values[name]); err != nil {
				r.at(join(table, name), "%v", err)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(t.Choose)) {
		if t.Choose[name] == "" {
			r.at(join("choose", name), "%s is chosen empty", name)
		}
		if _, ok := t.Vars[name]; ok {
			r.at(join("choose", name), "%s stands in [vars] too; what is chosen belongs here alone", name)
		}
	}
}

// service checks where the service's environment is read. That of our own
// process is the operator's shell, and on production never the service's.
func (r *reader) service(t *Target) {
	kind, place, _ := strings.Cut(t.Service.EnvFrom, ":")
	namespace, deployment, _ := strings.Cut(place, "/")
	known := kind == "" || kind == "process" && place == "" || (kind == "file" || kind == "docker") && place != "" ||
		kind == "k8s" && namespace != "" && deployment != ""
	switch {
	case !known:
		r.at("service.env_from", `env_from is "file:PATH", "docker:CONTAINER", "k8s:NAMESPACE/DEPLOYMENT" or "process", not %q`, t.Service.EnvFrom)
	case kind == "process" && t.Guard:
		r.at("service.env_from", "env_from is our own process, and the target is guarded: name the service's file, container or deployment")
	case strings.HasPrefix(place, "-"), strings.HasPrefix(deployment, "-"):
		r.at("service.env_from", "no name begins with a dash: %q", t.Service.EnvFrom)
	case kind == "k8s" && t.Kube.Context == "":
		r.at("service.env_from", "env_from k8s: wants kube = { context = … }: the one that happens to be current may be anybody's")
	case t.Service.On == "":
	case kind == "" || kind == "process":
		r.at("service.on", "on means something only with an env_from that is looked at there")
	default:
		if _, ok := t.Hosts[t.Service.On]; !ok {
			r.at("service.on", "the target has no host %s%s", t.Service.On, nearest(t.Service.On, slices.Collect(maps.Keys(t.Hosts))))
		}
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
