package check

import (
	"encoding/base64"
	"fmt"
	"strings"

	"runbook/steps"
)

// environed is a deployment as far as its environment goes.
type environed struct {
	Spec struct {
		Template struct{ Spec environedPod }
	}
}

type environedPod struct {
	Containers []environedContainer
	Volumes    []struct {
		Name        string
		Secret, CSI *struct{}
		Projected   struct{ Sources []struct{ Secret *struct{} } }
	}
}

type environedContainer struct {
	Name         string
	VolumeMounts []struct{ Name, MountPath string }
	EnvFrom      []struct {
		Prefix                  string
		SecretRef, ConfigMapRef *objectRef
	}
	Env []environedVar
}

type environedVar struct {
	Name, Value string
	ValueFrom   *struct{ SecretKeyRef, ConfigMapKeyRef *objectRef }
}

// objectRef names a secret or a config map, and a key of it where one is meant.
type objectRef struct {
	Name, Key string
	Optional  bool
}

// environment is that of a container of a deployment, as far as kubectl may
// read what it is made of.
func (k kubectl) environment(name, container string) (map[string]string, error) {
	_, one, err := k.container(name, container)
	if err != nil {
		return nil, err
	}
	return k.environmentOf(one)
}

// container is the one that is meant of a deployment: its only one, or that of
// a name.
func (k kubectl) container(name, container string) (environedPod, environedContainer, error) {
	found, err := get[environed](k, "deployments.apps", name)
	if err != nil {
		return environedPod{}, environedContainer{}, err
	}
	if len(found) == 0 {
		return environedPod{}, environedContainer{}, fmt.Errorf("%s is no deployment in %s", outside(name), outside(k.namespace))
	}
	spec := found[0].Spec.Template.Spec
	var names []string
	for _, one := range spec.Containers {
		if container == "" && len(spec.Containers) == 1 || one.Name == container {
			return spec, one, nil
		}
		names = append(names, outside(one.Name))
	}
	return spec, environedContainer{}, fmt.Errorf("name one container of %s, k8s:%s/%s/CONTAINER: %s", outside(name), outside(k.namespace), outside(name), strings.Join(names, ", "))
}

// assembly puts an environment together.
type assembly struct {
	kubectl
	read    map[string]map[string]string // the objects read, by kind and name
	vars    map[string]string
	unknown steps.PartialEnv
}

// environmentOf puts an environment together as a cluster does: whole objects in
// their order, and then the variables by name.
func (k kubectl) environmentOf(c environedContainer) (map[string]string, error) {
	a := &assembly{kubectl: k, read: map[string]map[string]string{}, vars: map[string]string{}, unknown: steps.PartialEnv{Names: map[string]string{}}}
	for _, from := range c.EnvFrom {
		a.whole("configmap", from.ConfigMapRef, from.Prefix)
		a.whole("secret", from.SecretRef, from.Prefix)
	}
	for _, one := range c.Env {
		value, set, why := a.value(one)
		delete(a.vars, one.Name)
		delete(a.unknown.Names, one.Name)
		switch {
		case why != "":
			a.unknown.Names[one.Name] = why
		case set:
			a.vars[one.Name] = value
		}
	}
	if a.unknown.Rest == "" && len(a.unknown.Names) == 0 {
		return a.vars, nil
	}
	return a.vars, &a.unknown
}

// whole takes every key of an object. One that can't be read may hold what an
// earlier one held, and would win.
func (a *assembly) whole(kind string, ref *objectRef, prefix string) {
	if ref == nil {
		return
	}
	data, err := a.object(kind, *ref)
	if err != nil {
		clear(a.vars)
		a.unknown.Rest = err.Error()
	}
	for key, value := range data {
		a.vars[prefix+key] = value
	}
}

// value is that of a variable; why says why it is not known.
func (a *assembly) value(one environedVar) (value string, set bool, why string) {
	kind, ref := "", (*objectRef)(nil)
	switch from := one.ValueFrom; {
	case from == nil:
		return a.expand(one.Value)
	case from.SecretKeyRef != nil:
		kind, ref = "secret", from.SecretKeyRef
	case from.ConfigMapKeyRef != nil:
		kind, ref = "configmap", from.ConfigMapKeyRef
	default:
		return "", false, "it comes from the pod itself"
	}
	data, err := a.object(kind, *ref)
	if err != nil {
		return "", false, err.Error()
	}
	value, set = data[ref.Key]
	return value, set, ""
}

// expand replaces each $(NAME) that is set before; $$( stands for $(.
func (a *assembly) expand(text string) (value string, set bool, why string) {
	var out strings.Builder
	for {
		before, after, found := strings.Cut(text, "$")
		out.WriteString(before)
		name, rest, closed := strings.Cut(strings.TrimPrefix(after, "("), ")")
		known, isSet := a.vars[name]
		switch {
		case !found:
			return out.String(), true, ""
		case strings.HasPrefix(after, "$"):
			out.WriteString("$")
			text = after[1:]
		case !strings.HasPrefix(after, "(") || !closed:
			out.WriteString("$")
			text = after
		case isSet:
			out.WriteString(known)
			text = rest
		case a.unknown.Why(name) != "":
			return "", false, "it is made of " + outside(name) + ", which is not known"
		default:
			out.WriteString("$(" + name + ")")
			text = rest
		}
	}
}

// object reads a secret or a config map, each once. One that is not there holds
// nothing: a pod that may do without starts, and another never does.
func (a *assembly) object(kind string, ref objectRef) (map[string]string, error) {
	if data, ok := a.read[kind+"/"+ref.Name]; ok {
		return data, nil
	}
	found, err := get[struct{ Data map[string]string }](a.kubectl, kind, ref.Name)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s %s can't be read: %w", kind, outside(ref.Name), err)
	case len(found) == 0 && !ref.Optional:
		return nil, fmt.Errorf("there is no %s %s, so no pod can start with it", kind, outside(ref.Name))
	}
	data := map[string]string{}
	for _, one := range found {
		for key, value := range one.Data {
			if kind == "secret" {
				plain, err := base64.StdEncoding.DecodeString(value)
				if err != nil {
					return nil, fmt.Errorf("secret %s: %s is no base64", outside(ref.Name), outside(key))
				}
				value = string(plain)
			}
			data[key] = value
		}
	}
	a.read[kind+"/"+ref.Name] = data
	return data, nil
}
