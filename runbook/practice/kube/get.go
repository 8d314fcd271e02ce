package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"runbook/runbook/practice/web"
)

// object is a part of Kubernetes' JSON.
type object = map[string]any

// get prints objects of one kind: those named, those a selector means, or all.
func (c *Cluster) get(_ context.Context, call Call, o options, args []string) error {
	if len(args) == 0 {
		return errNotSimulated
	}
	kind, names := args[0], args[1:]
	if one, name, found := strings.Cut(kind, "/"); found {
		kind, names = one, []string{name}
	}
	makers := map[string]func(*deployment) []object{"deployment": c.deployment, "pod": c.pods, "hpa": c.scaler}
	kind, plural := singular(kind)
	maker, known := makers[kind]
	if !known {
		return errNotSimulated
	}
	found := []object{}
	for _, d := range c.deployments {
		if *o.namespace != d.namespace || *o.selector != "" && !slices.Contains([]string{"app=" + d.name, "app==" + d.name}, *o.selector) {
			continue
		}
		for _, one := range maker(d) {
			if name := one["metadata"].(object)["name"]; len(names) == 0 || slices.Contains(names, name.(string)) { //nolint:errcheck // the maker's own
				found = append(found, one)
			}
		}
	}
	return c.show(call, o, plural, names, found)
}

// singular is what a kind of object is called here, and by the server.
func singular(kind string) (own, servers string) {
	switch kind {
	case "deployment", "deployments", "deploy", "deployment.apps", "deployments.apps":
		return "deployment", "deployments.apps"
	case "pod", "pods", "po":
		return "pod", "pods"
	case "hpa", "horizontalpodautoscaler", "horizontalpodautoscalers", "horizontalpodautoscalers.autoscaling", "horizontalpodautoscalers.v2.autoscaling":
		return "hpa", "horizontalpodautoscalers.autoscaling"
	}
	return "", ""
}

func (c *Cluster) show(call Call, o options, kind string, names []string, found []object) error {
	var missing error
	for _, name := range names {
		if !slices.ContainsFunc(found, func(one object) bool { return one["metadata"].(object)["name"] == name }) { //nolint:errcheck // the maker's own
			missing = errSilent
			_, _ = fmt.Fprintln(call.Err, notFound(kind, name))
		}
	}
	switch *o.output {
	case "json":
		if len(names) == 1 && len(found) == 1 {
			return json.NewEncoder(call.Out).Encode(found[0])
		}
		if len(names) == 1 {
			return missing
		}
		if err := json.NewEncoder(call.Out).Encode(object{"apiVersion": "v1", "kind": "List", "items": found}); err != nil {
			return err
		}
	case "name":
		for _, one := range found {
			_, _ = fmt.Fprintf(call.Out, "%s/%s\n", strings.TrimSuffix(kind, "s.apps"), one["metadata"].(object)["name"]) //nolint:errcheck // the maker's own
		}
	case "":
		if len(found) == 0 && missing == nil {
			_, _ = fmt.Fprintf(call.Err, "No resources found in %s namespace.\n", *o.namespace)
		}
		for _, one := range found {
			_, _ = fmt.Fprintf(call.Out, "%-40s %s\n", one["metadata"].(object)["name"], one["row"]) //nolint:errcheck // the maker's own
		}
	default:
		return errNotSimulated
	}
	return missing
}

func (c *Cluster) meta(name string, d *deployment) object {
	return object{
		"name": name, "namespace": d.namespace, "generation": d.generation, "labels": object{"app": d.name},
		"annotations": object{"deployment.kubernetes.io/revision": strconv.Itoa(d.revisions[len(d.revisions)-1].number)},
	}
}

func count(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

func (c *Cluster) deployment(d *deployment) []object {
	s := c.state(d)
	limits := object{}
	if s.look.Memory > 0 {
		limits["memory"] = fmt.Sprintf("%dMi", s.look.Memory>>20)
	}
	if s.look.CPUs > 0 {
		limits["cpu"] = strconv.FormatFloat(s.look.CPUs, 'g', -1, 64)
	}
	security := object{}
	user, _, _ := strings.Cut(s.look.User, ":")
	if uid, err := strconv.Atoi(user); err == nil {
		security["runAsUser"], security["runAsNonRoot"] = uid, uid != 0
	}
	progress, reason := "True", "NewReplicaSetAvailable"
	switch {
	case d.paused:
		progress, reason = "Unknown", "DeploymentPaused"
	case s.waiting && time.Since(d.changed) > 10*time.Minute:
		progress, reason = "False", "ProgressDeadlineExceeded"
	case !s.updated:
		reason = "ReplicaSetUpdated"
	}
	available := s.there && s.look.Healthy
	return []object{{
		"apiVersion": "apps/v1", "kind": "Deployment", "metadata": c.meta(d.name, d),
		"spec": object{
			"replicas": 1, "paused": d.paused, "selector": object{"matchLabels": object{"app": d.name}},
			"template": object{"metadata": object{"labels": object{"app": d.name}}, "spec": object{"containers": []object{{
				"name": d.name, "image": d.template, "resources": object{"limits": limits}, "securityContext": security,
			}}}},
		},
		"status": object{
			"observedGeneration": d.generation, "replicas": count(s.there) + count(s.waiting), "updatedReplicas": count(s.updated) + count(s.waiting),
			"readyReplicas": count(available), "availableReplicas": count(available), "unavailableReplicas": 1 - count(available),
			"conditions": []object{
				{"type": "Available", "status": map[bool]string{true: "True", false: "False"}[available], "reason": "MinimumReplicas"},
				{"type": "Progressing", "status": progress, "reason": reason},
			},
		},
		"row": fmt.Sprintf("%d/1  %d up to date  %d available  %s", count(available), count(s.updated), count(available), d.template),
	}}
}

func (c *Cluster) pods(d *deployment) []object {
	s := c.state(d)
	pod := func(image, phase string, state object, ready bool) object {
		return object{
			"apiVersion": "v1", "kind": "Pod", "metadata": c.meta(d.name+"-"+podHash(image)[:7]+"-"+podHash(image + d.name)[:5], d),
			"spec": object{"containers": []object{{"name": d.name, "image": image}}},
			"status": object{"phase": phase, "containerStatuses": []object{{
				"name": d.name, "image": image, "ready": ready, "restartCount": 0, "state": state,
			}}},
			"row": fmt.Sprintf("%d/1  %s", count(ready), phase),
		}
	}
	var pods []object
	if s.there {
		pods = append(pods, pod(s.look.Ref, "Running", object{"running": object{"startedAt": s.look.Started.UTC().Format(time.RFC3339)}}, s.look.Healthy))
	}
	if s.waiting {
		pods = append(pods, pod(d.template, "Pending", object{"waiting": object{"reason": "ImagePullBackOff", "message": "manifest unknown: " + d.template}}, false))
	}
	return pods
}

// scaler is the deployment's autoscaler. Its load is that of the process all
// pods live in, since its start, of one CPU.
func (c *Cluster) scaler(d *deployment) []object {
	s := c.state(d)
	active := object{"type": "ScalingActive", "status": "True", "reason": "ValidMetricFound"}
	metrics := []object{}
	if s.there {
		used := 100 * web.CPUSeconds() / max(1, time.Since(s.look.Started).Seconds()) / float64(runtime.NumCPU())
		metrics = append(metrics, object{"type": "Resource", "resource": object{"name": "cpu", "current": object{"averageUtilization": int(min(used, 100))}}})
	} else {
		active["status"], active["reason"] = "False", "FailedGetResourceMetric"
	}
	return []object{{
		"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": c.meta(d.name, d),
		"spec": object{
			"scaleTargetRef": object{"kind": "Deployment", "name": d.name}, "minReplicas": 1, "maxReplicas": 4,
			"metrics": []object{{"type": "Resource", "resource": object{"name": "cpu", "target": object{"type": "Utilization", "averageUtilization": 70}}}},
		},
		"status": object{
			"currentReplicas": count(s.there), "desiredReplicas": 1, "currentMetrics": metrics,
			"conditions": []object{{"type": "AbleToScale", "status": "True", "reason": "ReadyForNewScale"}, active},
		},
		"row": fmt.Sprintf("Deployment/%s  1 to 4 replicas at 70%% CPU, %d now", d.name, count(s.there)),
	}}
}
