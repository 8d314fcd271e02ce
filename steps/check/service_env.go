package check

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"runbook/steps"
)

// serviceEnvLimit is how long all that is asked for an environment may take.
const serviceEnvLimit = 40 * time.Second

// ServiceEnv reads the environment of a service where it runs, from here or, if
// the World names one, from its Host: "docker:CONTAINER" is what a container was
// started with, "k8s:NAMESPACE/DEPLOYMENT" what a deployment's only container
// gets (".../CONTAINER" one of several), of the cluster that kubectl knows as
// kubeContext, and "file:PATH" a dotenv file. What the image of a deployment
// sets by itself is not seen. Where a part can't be read the error is a
// *steps.PartialEnv, beside what is known.
func ServiceEnv(ctx context.Context, w *steps.World, source, kubeContext string) (map[string]string, error) {
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
		return ask.environment(place)
	case kind == "k8s" && kubeContext == "":
		return nil, errors.New("the target names no kube context, and the one that happens to be current may be anybody's")
	case kind == "k8s":
		return kubectl{ask, kubeContext, namespace}.environment(name, container)
	case kind == "file":
		text, err := ask.asks([]string{"cat", "--", place})
		if err != nil {
			return nil, err
		}
		return steps.ParseEnv(text)
	}
	return nil, fmt.Errorf("env_from %q is not known: file:PATH, docker:CONTAINER, k8s:NAMESPACE/DEPLOYMENT or process", outside(source))
}

// environment is what a container was started with. Of a stopped one it is the
// environment of nothing.
func (d engine) environment(name string) (map[string]string, error) {
	text, err := d.asks([]string{"docker", "container", "inspect", "--format", `{"Running":{{.State.Running}},"Env":{{json .Config.Env}}}`, name})
	if err != nil {
		return nil, err
	}
	var one struct {
		Running bool
		Env     []string
	}
	if err := json.Unmarshal(text, &one); err != nil {
		return nil, errors.New("what docker container inspect prints is no JSON of it")
	}
	if !one.Running {
		return nil, fmt.Errorf("container %s does not run", outside(name))
	}
	vars := make(map[string]string, len(one.Env))
	for _, pair := range one.Env {
		key, value, _ := strings.Cut(pair, "=")
		vars[key] = value
	}
	return vars, nil
}
