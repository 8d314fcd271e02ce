package check

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// kubectl asks for the objects of one namespace.
type kubectl struct {
	engine
	context, namespace string
}

// get asks for objects of a kind: those named, or with a leading -l those that a
// selector means, or all. Those that are not there are left out.
func get[T any](k kubectl, kind string, which ...string) ([]T, error) {
	argv := append([]string{"kubectl", "--context", k.context, "-n", k.namespace, "--request-timeout=15s", "get", kind}, which...)
	text, err := k.asks(append(argv, "-o", "json"), "error from server (notfound)")
	if err != nil {
		return nil, err
	}
	if len(strings.TrimSpace(string(text))) == 0 { // not one of them is there
		return nil, nil
	}
	// One that is asked for by its name comes alone, more as a list.
	var list struct {
		Kind  string
		Items []T
	}
	if err := json.Unmarshal(text, &list); err != nil {
		return nil, errors.New("what kubectl prints is no JSON of it")
	}
	if list.Kind == "List" || strings.HasSuffix(list.Kind, "List") {
		return list.Items, nil
	}
	var one T
	if err := json.Unmarshal(text, &one); err != nil || list.Kind == "" {
		return nil, errors.New("what kubectl prints is no JSON of it")
	}
	return []T{one}, nil
}

type objectMeta struct {
	Name       string
	Generation int
}

type condition struct{ Type, Status, Reason, Message string }

// deployment is one as apps/v1 tells it, as far as it is looked at.
type deployment struct {
	Metadata objectMeta
	Spec     struct {
		Replicas *int
		Selector struct{ MatchLabels map[string]string }
		Template struct{ Spec podSpec }
	}
	Status struct {
		ObservedGeneration                                          int
		Replicas, UpdatedReplicas, ReadyReplicas, AvailableReplicas int
		Conditions                                                  []condition
	}
}

type securityContext struct {
	RunAsNonRoot *bool
	RunAsUser    *int
}

type podSpec struct {
	SecurityContext            securityContext
	Containers, InitContainers []podContainer
}

type podContainer struct {
	Name, Image     string
	SecurityContext securityContext
	Resources       struct{ Limits map[string]string }
}

// pod is one as it is looked at.
type pod struct {
	Metadata objectMeta
	Status   struct {
		ContainerStatuses []struct {
			Name         string
			RestartCount int
			State        struct {
				Waiting *struct{ Reason string }
			}
		}
	}
}

// rollout is how far one has come.
type rollout uint8

const (
	rollingOut rollout = iota
	rolledOut
	rolloutFailed
)

// rollout judges as kubectl rollout status does, and wants every replica ready.
func (d deployment) rollout() (rollout, string) {
	wanted := 1
	if d.Spec.Replicas != nil {
		wanted = *d.Spec.Replicas
	}
	now := d.Status
	for _, one := range now.Conditions {
		if one.Type == "Progressing" && one.Reason == "ProgressDeadlineExceeded" && now.ObservedGeneration >= d.Metadata.Generation {
			return rolloutFailed, "has exceeded its progress deadline: " + one.Message
		}
	}
	switch {
	case now.ObservedGeneration < d.Metadata.Generation:
		return rollingOut, "is not rolled out: the cluster has not seen its newest change yet"
	case now.UpdatedReplicas < wanted:
		return rollingOut, fmt.Sprintf("is not rolled out: %d of %d replicas are updated", now.UpdatedReplicas, wanted)
	case now.Replicas > now.UpdatedReplicas:
		return rollingOut, fmt.Sprintf("is not rolled out: %d old replicas are still there", now.Replicas-now.UpdatedReplicas)
	case now.AvailableReplicas < wanted || now.ReadyReplicas < wanted:
		return rollingOut, fmt.Sprintf("is not rolled out: %d of %d replicas are ready, %d available", now.ReadyReplicas, wanted, now.AvailableReplicas)
	case wanted == 0:
		return rolloutFailed, "is scaled to 0 replicas, wanted at least one"
	}
	return rolledOut, ""
}

func (d deployment) counts() string {
	wanted := 1
	if d.Spec.Replicas != nil {
		wanted = *d.Spec.Replicas
	}
	return fmt.Sprintf("of %d: %d updated, %d ready, %d available", wanted, d.Status.UpdatedReplicas, d.Status.ReadyReplicas, d.Status.AvailableReplicas)
}

// selector is the labels of its pods, as -l takes them.
func (d deployment) selector() string {
	var all []string
	for _, label := range sortedKeys(d.Spec.Selector.MatchLabels) {
		all = append(all, label+"="+d.Spec.Selector.MatchLabels[label])
	}
	return strings.Join(all, ",")
}
