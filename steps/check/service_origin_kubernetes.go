package check

import (
	"strings"

	"runbook/steps"
)

// provenance puts the origins of a container's variables together.
type provenance struct {
	assembly
	from  map[string]steps.Origin
	where string
}

// origins are those of a container of a deployment. A secret's values are not
// needed, but its keys are where all of them are taken.
func (k kubectl) origins(name, container string) (map[string]steps.Origin, error) {
	spec, c, err := k.container(name, container)
	if err != nil {
		return nil, err
	}
	p := &provenance{
		assembly: assembly{kubectl: k, read: map[string]map[string]string{}, vars: map[string]string{}, unknown: steps.PartialEnv{Names: map[string]string{}}},
		from:     map[string]steps.Origin{},
		where:    "deployment " + k.namespace + "/" + name,
	}
	for _, from := range c.EnvFrom {
		p.all("configmap", from.ConfigMapRef, from.Prefix)
		p.all("secret", from.SecretRef, from.Prefix)
	}
	for _, one := range c.Env {
		p.one(one)
	}
	p.files(append(spec.secretMounts(c), secretMounts...))
	if p.unknown.Rest == "" && len(p.unknown.Names) == 0 {
		return p.from, nil
	}
	return p.from, &p.unknown
}

// all takes every key of an object. One that can't be read may hold what an
// earlier one held, and would win.
func (p *provenance) all(kind string, ref *objectRef, prefix string) {
	if ref == nil {
		return
	}
	data, err := p.object(kind, *ref)
	if err != nil {
		clear(p.from)
		clear(p.vars)
		p.unknown.Rest = err.Error()
	}
	for key, value := range data {
		p.set(prefix+key, value, kindOrigin(kind, ref.Name))
	}
}

func kindOrigin(kind, name string) steps.Origin {
	if kind == "secret" {
		return steps.Origin{From: steps.FromSecret, Where: "secret " + name}
	}
	return steps.Origin{From: steps.FromConfigMap, Where: "config map " + name}
}

func (p *provenance) one(v environedVar) {
	delete(p.from, v.Name)
	delete(p.vars, v.Name)
	delete(p.unknown.Names, v.Name)
	switch from := v.ValueFrom; {
	case from == nil:
		p.set(v.Name, v.Value, p.written(v.Value))
	case from.SecretKeyRef != nil:
		p.key("secret", v.Name, *from.SecretKeyRef)
	case from.ConfigMapKeyRef != nil:
		p.key("configmap", v.Name, *from.ConfigMapKeyRef)
	default:
		p.from[v.Name] = steps.Origin{From: steps.FromPod, Where: "a field of the pod"}
	}
}

// key is one of an object. Without it no pod starts, unless it is optional: then
// only the object tells whether it is set.
func (p *provenance) key(kind, name string, ref objectRef) {
	if !ref.Optional {
		p.from[name] = kindOrigin(kind, ref.Name)
		return
	}
	data, err := p.object(kind, ref)
	if err != nil {
		p.unknown.Names[name] = err.Error()
		return
	}
	p.set(name, data[ref.Key], kindOrigin(kind, ref.Name))
}

// written is the origin of a value that stands in the deployment: what it is
// made of, if that is a secret.
func (p *provenance) written(value string) steps.Origin {
	for _, part := range strings.Split(value, "$(")[1:] {
		name, _, _ := strings.Cut(part, ")")
		if made := p.from[name]; made.From == steps.FromSecret {
			return made
		}
	}
	return steps.Origin{From: steps.FromLiteral, Where: "a literal in " + p.where}
}

// files are read for what has no value of its own, as far as that is known.
func (p *provenance) files(mounts []string) {
	for name := range p.vars {
		if short, _ := strings.CutSuffix(name, "_FILE"); p.unknown.Why(short) != "" {
			delete(p.vars, name)
		}
	}
	mounted(p.from, p.vars, mounts)
}

// set notes where a variable comes from whose value is known; "" is none.
func (p *provenance) set(name, value string, from steps.Origin) {
	delete(p.from, name)
	p.vars[name] = value
	if value == "" {
		return
	}
	if from.From != steps.FromSecret {
		if better, is := reference(value, from.Where); is {
			from = better
		}
	}
	p.from[name] = from
}

// secretMounts are where a container has volumes of secrets.
func (s environedPod) secretMounts(c environedContainer) []string {
	secret := map[string]bool{}
	for _, v := range s.Volumes {
		secret[v.Name] = v.Secret != nil || v.CSI != nil
		for _, source := range v.Projected.Sources {
			secret[v.Name] = secret[v.Name] || source.Secret != nil
		}
	}
	var all []string
	for _, mount := range c.VolumeMounts {
		if secret[mount.Name] && mount.MountPath != "" {
			all = append(all, mount.MountPath)
		}
	}
	return all
}
