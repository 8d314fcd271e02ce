package check

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"runbook/steps"
)

// SecretSource is check.secret_source: where the secrets of a service come from.
// Its environment alone does not show whether everybody may read them.
//
//	check.secret_source = { names = ["JWT_SECRET", "DB_PASSWORD"], env_file = "${env_file}" }
//
//	names     variables of the service
//	source    default "service", the target's [service]; or "file:PATH",
//	          "docker:CONTAINER", "k8s:NAMESPACE/DEPLOYMENT"
//	env_file  the file that the service is started with: Docker does not know it.
//	          It must hold the values that the container has
//	from      where they may come from, some of these; default all
//	          secret  a Kubernetes secret: secretKeyRef or secretRef
//	          mount   a mounted file that NAME_FILE names: a secret of Docker
//	                  (/run/secrets), a volume of a secret or of CSI, what Vault's
//	                  agent writes (/vault/secrets)
//	          vault   a reference, "vault:…" or "ref+vault://…". Whether something
//	                  resolves it before the service starts can't be seen: it
//	                  is unknown, unless from says vault
//	          sops    a value that sops has encrypted
//	          file    an environment file that only its owner may read and git
//	                  does not track
//
// Never right are a literal in a Compose file or a deployment, a config map, the
// image, a file that git tracks and one that others may read. No value is shown.
//
// pass: each comes from one of them. fail: one does not. unknown: the source
// can't be read or does not tell, or it has no such variable and no NAME_FILE.
type SecretSource struct {
	Names   []string `mapstructure:"names"`
	Source  string   `mapstructure:"source"`
	EnvFile string   `mapstructure:"env_file"`
	From    []string `mapstructure:"from"`
}

// safeOrigins are those a book may allow.
var safeOrigins = []string{steps.FromSecret, steps.FromMount, steps.FromVault, steps.FromSops, steps.FromFile}

// Touches is false: it reads.
func (c *SecretSource) Touches() bool { return false }

// Validate reports missing names, and origins that none may come from.
func (c *SecretSource) Validate() error {
	if len(c.Names) == 0 || slices.Contains(c.Names, "") {
		return errors.New("names: want at least one variable")
	}
	for _, from := range c.From {
		if !unfilled(from) && !slices.Contains(safeOrigins, from) {
			return fmt.Errorf("from: %q is none of %s", outside(from), strings.Join(safeOrigins, ", "))
		}
	}
	return nil
}

// Do reads where the variables come from and holds it against what is allowed.
func (c *SecretSource) Do(ctx context.Context, w *steps.World) steps.Result {
	source := orElse(c.Source, "service")
	return measure(outside(source), func(r *steps.Result) {
		if err := c.Validate(); err != nil {
			r.Decide(steps.Unknown, "%v", err)
			return
		}
		all, unknown, err := origins(ctx, w, source)
		if err != nil {
			r.Decide(steps.Unknown, "%v", err)
			return
		}
		r.Decide(steps.Pass, "")
		for _, name := range c.Names {
			from, there := all[name]
			var why error
			switch {
			case there && from.From == steps.FromContainer && c.EnvFile != "":
				from, why = c.file(ctx, w, source, name)
			case !there && unknown.Why(name) != "":
				why = errors.New(outside(unknown.Why(name)))
			case !there:
				why = fmt.Errorf("neither it nor %s_FILE is set in %s", name, outside(source))
			}
			c.judge(r, name, from, why)
		}
	})
}

// origins reads a source through the World.
func origins(ctx context.Context, w *steps.World, source string) (map[string]steps.Origin, *steps.PartialEnv, error) {
	if w.Origins == nil {
		return nil, nil, fmt.Errorf("where the variables of %s come from can't be read: this world has no environments", outside(source))
	}
	all, err := w.Origins(ctx, source)
	partial := &steps.PartialEnv{}
	if err != nil && !errors.As(err, &partial) {
		return nil, nil, fmt.Errorf("where the variables of %s come from can't be told: %s", outside(source), outside(err.Error()))
	}
	return all, partial, nil
}

// file is the origin of a variable that a container was started with, if the
// named file holds the very value.
func (c *SecretSource) file(ctx context.Context, w *steps.World, source, name string) (steps.Origin, error) {
	has, err := environment(ctx, w, source)
	if err != nil && has[name] == "" {
		return steps.Origin{}, err
	}
	held, err := environment(ctx, w, "file:"+c.EnvFile)
	if err != nil {
		return steps.Origin{}, err
	}
	if has[name] == "" || !sameFingerprint(fingerprint(has[name]), fingerprint(held[name])) {
		return steps.Origin{}, fmt.Errorf("%s holds another value of it, or none, so it does not come from there", outside(c.EnvFile))
	}
	all, partial, err := origins(ctx, w, "file:"+c.EnvFile)
	if err != nil {
		return steps.Origin{}, err
	}
	from, there := all[name]
	if !there {
		return from, errors.New(outside(partial.Why(name)))
	}
	return from, nil
}

// fromWords tells where a secret may come from.
func fromWords(allowed []string) string {
	words := make([]string, len(allowed))
	for i, from := range allowed {
		words[i] = cmp.Or(originWords[from], from)
	}
	last := len(words) - 1
	if last == 0 {
		return words[0]
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

var originWords = map[string]string{
	steps.FromSecret: "a Kubernetes secret", steps.FromMount: "a mounted file", steps.FromVault: "a reference to Vault",
	steps.FromSops: "what sops encrypted", steps.FromFile: "a file of its owner alone",
}

func (c *SecretSource) judge(r *steps.Result, name string, from steps.Origin, why error) {
	allowed := c.From
	if len(allowed) == 0 {
		allowed = safeOrigins
	}
	limit := "from " + fromWords(allowed)
	switch {
	case why != nil:
		r.Saw(name, "not known", limit, "")
		r.Worsen(steps.Unknown, "where %s comes from is not known: %v", name, why)
	case from.From == steps.FromContainer:
		r.Saw(name, outside(from.Where), limit, "")
		r.Worsen(steps.Unknown, "where %s comes from is not known: Docker keeps no file's name; env_file names it", name)
	case from.From == steps.FromVault && len(c.From) == 0:
		r.Saw(name, outside(from.Where), limit, "")
		r.Worsen(steps.Unknown, "%s is %s: whether anything resolves it is not known; from = [\"vault\"] says so", name, outside(from.Where))
	case slices.Contains(allowed, from.From):
		r.Saw(name, outside(from.Where), limit, "")
	default:
		r.Saw(name, outside(from.Where), limit, "")
		r.Worsen(steps.Fail, "%s comes from %s, wanted it %s", name, outside(from.Where), limit)
	}
}
