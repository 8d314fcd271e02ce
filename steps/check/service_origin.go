package check

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"runbook/steps"
)

// ServiceOrigins tells where each variable of a source comes from, as ServiceEnv
// reads the same source: here or, if the World names one, on its Host. A
// variable NAME_FILE stands for NAME, which the service reads from that file.
// Where a part can't be told the error is a *steps.PartialEnv, beside what is
// known.
func ServiceOrigins(ctx context.Context, w *steps.World, source, kubeContext string) (map[string]steps.Origin, error) {
	ctx, stop := context.WithTimeout(ctx, serviceEnvLimit)
	defer stop()
	ask := engine{ctx, w}
	kind, place, _ := strings.Cut(source, ":")
	namespace, name, _ := strings.Cut(place, "/")
	name, container, _ := strings.Cut(name, "/")
	switch {
	case strings.HasPrefix(place, "-") || strings.HasPrefix(name, "-"):
		return nil, fmt.Errorf("%q would be an option", outside(place))
	case kind == "docker":
		return ask.origins(place)
	case kind == "k8s" && kubeContext == "":
		return nil, errors.New("the target names no kube context, and the one that happens to be current may be anybody's")
	case kind == "k8s":
		return kubectl{ask, kubeContext, namespace}.origins(name, container)
	case kind == "file":
		return ask.fileOrigins(place)
	}
	return nil, fmt.Errorf("where the variables of %q come from can't be told: file:PATH, docker:CONTAINER or k8s:NAMESPACE/DEPLOYMENT", outside(source))
}

// reference tells a value that is none: something else puts the secret in its
// place before the service sees it.
func reference(value, where string) (steps.Origin, bool) {
	switch {
	case strings.HasPrefix(value, "ENC["):
		return steps.Origin{From: steps.FromSops, Where: "encrypted by sops in " + where}, true
	case strings.HasPrefix(value, "vault:"), strings.HasPrefix(value, "ref+"):
		return steps.Origin{From: steps.FromVault, Where: "a reference in " + where}, true
	}
	return steps.Origin{}, false
}

// secretMounts are the directories where Docker and Vault's agent put secrets.
var secretMounts = []string{"/run/secrets", "/var/run/secrets", "/vault/secrets"}

// under reports that a path lies in one of some directories, or is one of them.
func under(path string, dirs []string) bool {
	path = filepath.Clean(path)
	return slices.ContainsFunc(dirs, func(dir string) bool {
		dir = filepath.Clean(dir)
		return path == dir || strings.HasPrefix(path, strings.TrimSuffix(dir, "/")+"/")
	})
}

// byFile is the variable that a NAME_FILE stands for.
func byFile(name, value string) (string, bool) {
	short, found := strings.CutSuffix(name, "_FILE")
	return short, found && short != "" && filepath.IsAbs(value)
}

// started is a container as far as its variables' origins go.
type started struct {
	Running bool
	Env     []string
	Image   string
	Labels  map[string]string
	Mounts  []struct{ Destination string }
}

// origins are those of a container. Docker does not know what file a variable
// was read from: only what the image and the Compose file say can be told.
func (d engine) origins(name string) (map[string]steps.Origin, error) {
	text, err := d.asks([]string{
		"docker", "container", "inspect", "--format",
		`{"Running":{{.State.Running}},"Env":{{json .Config.Env}},"Image":{{json .Image}},"Labels":{{json .Config.Labels}},"Mounts":{{json .Mounts}}}`, name,
	})
	if err != nil {
		return nil, err
	}
	var one started
	if err := json.Unmarshal(text, &one); err != nil {
		return nil, errors.New("what docker container inspect prints is no JSON of it")
	}
	if !one.Running {
		return nil, fmt.Errorf("container %s does not run", outside(name))
	}
	shipped, err := d.imageEnv(one.Image)
	if err != nil {
		return nil, err
	}
	files, err := d.composed(one.Labels["com.docker.compose.project.config_files"])
	if err != nil {
		return nil, err
	}
	mounts := slices.Clone(secretMounts)
	for _, mount := range one.Mounts {
		mounts = append(mounts, mount.Destination)
	}
	all, paths := map[string]steps.Origin{}, map[string]string{}
	for _, pair := range one.Env {
		key, value, _ := strings.Cut(pair, "=")
		paths[key] = value
		switch {
		case value == "":
		case slices.Contains(shipped, pair):
			all[key] = steps.Origin{From: steps.FromImage, Where: "its image"}
		default:
			all[key] = files.origin(key, value, name)
		}
	}
	mounted(all, paths, mounts)
	return all, nil
}

// mounted adds what is read from a mounted file, whoever sets its path. A service
// that is given the value as well takes that, or refuses to start.
func mounted(all map[string]steps.Origin, vars map[string]string, mounts []string) {
	for name, value := range vars {
		short, is := byFile(name, value)
		if _, given := all[short]; is && !given && under(value, mounts) {
			all[short] = steps.Origin{From: steps.FromMount, Where: "the mounted file " + value}
		}
	}
}

func (d engine) imageEnv(id string) ([]string, error) {
	text, err := d.asks([]string{"docker", "image", "inspect", "--format", "{{json .Config.Env}}", id})
	var env []string
	if err == nil && json.Unmarshal(text, &env) != nil {
		err = errors.New("what docker image inspect prints is no JSON of it")
	}
	return env, err
}

// composeFiles are the text of Compose files by their path.
type composeFiles map[string]string

func (d engine) composed(paths string) (composeFiles, error) {
	all := composeFiles{}
	for path := range strings.SplitSeq(paths, ",") {
		if path == "" {
			continue
		}
		text, err := d.asks([]string{"cat", "--", path})
		if err != nil {
			return nil, fmt.Errorf("the Compose file %s can't be read: %w", outside(path), err)
		}
		all[path] = string(text)
	}
	return all, nil
}

// origin looks for a value where the service is described: it is a literal
// there if what follows the name begins with the value itself.
func (files composeFiles) origin(name, value, container string) steps.Origin {
	if from, is := reference(value, "the environment of "+container); is {
		return from
	}
	written := regexp.MustCompile(`(?m)(?:^|[\s"'{,\[-])` + regexp.QuoteMeta(name) + `["']?\s*[:=]\s*["']?(.*)$`)
	for _, path := range sortedKeys(files) {
		for _, found := range written.FindAllStringSubmatch(files[path], -1) {
			// "${NAME:-value}" carries it as well.
			if value != "" && strings.Contains(found[1], value) {
				return steps.Origin{From: steps.FromLiteral, Where: "a literal in " + path}
			}
		}
	}
	return steps.Origin{From: steps.FromContainer, Where: "what container " + container + " was started with"}
}

// whoseFile prints the permissions of a file as ls does, and whether git tracks
// it: "outside" of every work tree, "tracked" or "untracked"; else what git says.
// Of a link both are those of the file it leads to.
const whoseFile = `path=$(readlink -f -- "$1")
line=$(LC_ALL=C ls -ld -- "$path")
echo "${line%% *}"
cd -P -- "$(dirname -- "$path")"
dir=$PWD
while ! [ -e "$dir/.git" ]; do
	[ -n "$dir" ] || { echo outside; exit 0; }
	dir=${dir%/*}
done
code=0
said=$(LC_ALL=C git ls-files --error-unmatch -- "$(basename -- "$path")" 2>&1) || code=$?
case $code in
0) echo tracked ;;
1) echo untracked ;;
*) echo "$said" ;;
esac`

// fileOrigins are those of an environment file.
func (d engine) fileOrigins(path string) (map[string]steps.Origin, error) {
	if !filepath.IsAbs(path) && d.w.Host == "" {
		path = filepath.Join(d.w.Dir, path)
	}
	text, err := d.asks([]string{"cat", "--", path})
	if err != nil {
		return nil, err
	}
	vars, err := steps.ParseEnv(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", outside(path), err)
	}
	file, err := d.fileOrigin(path)
	if err != nil {
		return nil, err
	}
	all, unknown := map[string]steps.Origin{}, &steps.PartialEnv{Names: map[string]string{}}
	for name, value := range vars {
		if value == "" {
			continue
		}
		if from, is := reference(value, file.Where); is {
			all[name] = from
			continue
		}
		all[name] = file
		short, is := byFile(name, value)
		switch {
		case !is || vars[short] != "":
		case under(value, secretMounts):
			all[short] = steps.Origin{From: steps.FromMount, Where: "the mounted file " + value}
		default:
			if all[short], err = d.fileOrigin(value); err != nil {
				delete(all, short)
				unknown.Names[short] = err.Error()
			}
		}
	}
	if len(unknown.Names) > 0 {
		return all, unknown
	}
	return all, nil
}

// fileOrigin judges a file that holds secrets, not what it holds.
func (d engine) fileOrigin(path string) (steps.Origin, error) {
	text, err := d.asks([]string{"sh", "-euc", whoseFile, "sh", path})
	if err != nil {
		return steps.Origin{}, err
	}
	mode, git, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
	here := steps.Origin{From: steps.FromFile, Where: "file " + path}
	switch {
	case len(mode) < 10:
		return here, fmt.Errorf("the permissions of %s can't be told", outside(path))
	case git == "tracked":
		return steps.Origin{From: steps.FromRepository, Where: path + ", which git tracks"}, nil
	case mode[4:10] != "------":
		return steps.Origin{From: steps.FromOpenFile, Where: path + ", which others may read (" + mode[:10] + ")"}, nil
	case git != "untracked" && git != "outside":
		return here, fmt.Errorf("whether git tracks %s is not known: %s", outside(path), outside(git))
	}
	return here, nil
}
