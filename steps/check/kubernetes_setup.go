package check

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"runbook/steps"
)

// template judges what pods are made from.
func (c *Kubernetes) template(r *steps.Result, d deployment) {
	name, spec := d.Metadata.Name, d.Spec.Template.Spec
	if c.Image != "" {
		var images []string
		for _, one := range spec.Containers {
			images = append(images, one.Image)
		}
		r.Saw(name+" image", outside(strings.Join(images, " ")), outside(c.Image), "")
		re, err := compile("image", c.Image)
		switch {
		case err != nil:
			r.Worsen(steps.Unknown, "%v", err)
		case !slices.ContainsFunc(images, re.MatchString):
			r.Worsen(steps.Fail, "%s has %s, wanted an image that matches %s", name, outside(strings.Join(images, " ")), outside(c.Image))
		}
	}
	for _, one := range spec.Containers {
		memory, cpu := one.Resources.Limits["memory"], one.Resources.Limits["cpu"]
		if !c.Limits {
			break
		}
		label := outside(name + "/" + one.Name)
		r.Saw(label+" limits", outside(fmt.Sprintf("memory %s, cpu %s", orNone(memory != "", memory), orNone(cpu != "", cpu))), "both", "")
		if memory == "" || cpu == "" {
			r.Worsen(steps.Fail, "%s has no limit of %s, wanted both limits", label, missingOf(memory == "", "memory", cpu == "", "CPU"))
		}
	}
	if c.NonRoot {
		for _, one := range slices.Concat(spec.Containers, spec.InitContainers) {
			label := outside(name + "/" + one.Name)
			safe := unprivileged(spec.SecurityContext, one.SecurityContext)
			r.Saw(label+" non-root", yesNo(safe), "yes", "")
			if !safe {
				r.Worsen(steps.Fail, "%s may run as root, wanted runAsNonRoot or a runAsUser", label)
			}
		}
	}
}

// unprivileged reports that a container can't run as root: what it says itself
// counts before what its pod says.
func unprivileged(pod, own securityContext) bool {
	user, forced := own.RunAsUser, own.RunAsNonRoot
	if user == nil {
		user = pod.RunAsUser
	}
	if forced == nil {
		forced = pod.RunAsNonRoot
	}
	return forced != nil && *forced || user != nil && *user != 0
}

// pods judges how often the pods of a deployment came up again.
func (c *Kubernetes) pods(k kubectl, r *steps.Result, d deployment) error {
	most, err := number(c.MaxRestarts, "")
	if err != nil {
		return fmt.Errorf("max_restarts: %w", err)
	}
	if d.selector() == "" {
		return fmt.Errorf("%s does not say which pods are its", outside(d.Metadata.Name))
	}
	pods, err := get[pod](k, "pods", "-l", d.selector())
	if err != nil {
		return err
	}
	total := 0
	for _, pod := range pods {
		for _, one := range pod.Status.ContainerStatuses {
			label := outside(pod.Metadata.Name + "/" + one.Name)
			total += one.RestartCount
			if wait := one.State.Waiting; wait != nil {
				r.Saw(label, outside(wait.Reason), "running", "")
				r.Worsen(steps.Fail, "%s waits: %s", label, outside(wait.Reason))
			}
			if float64(one.RestartCount) > most {
				r.Saw(label, strconv.Itoa(one.RestartCount), "<= "+c.MaxRestarts, "restarts")
				r.Worsen(steps.Fail, "%s came up again %d times, wanted at most %s", label, one.RestartCount, c.MaxRestarts)
			}
		}
	}
	r.Saw(d.Metadata.Name+" restarts", strconv.Itoa(total), "<= "+c.MaxRestarts+" each", fmt.Sprintf("of %d pods", len(pods)))
	if len(pods) == 0 {
		r.Worsen(steps.Unknown, "%s shows no pods", d.Metadata.Name)
	}
	return nil
}

// scaler is an autoscaler as autoscaling/v2 tells it.
type scaler struct {
	Metadata objectMeta
	Spec     struct {
		ScaleTargetRef           struct{ Kind, Name string }
		MinReplicas, MaxReplicas int
		Metrics                  []struct {
			Type     string
			Resource struct {
				Name   string
				Target struct{ AverageUtilization int }
			}
		}
	}
	Status struct {
		CurrentReplicas int
		Conditions      []condition
		CurrentMetrics  []struct {
			Type     string
			Resource struct {
				Name    string
				Current struct{ AverageUtilization *int }
			}
		}
	}
}

func (c *Kubernetes) scaling(k kubectl, r *steps.Result) error {
	all, err := get[scaler](k, "horizontalpodautoscalers.v2.autoscaling")
	if err != nil {
		return err
	}
	for _, name := range c.Deployments {
		at := slices.IndexFunc(all, func(s scaler) bool {
			return s.Spec.ScaleTargetRef.Kind == "Deployment" && s.Spec.ScaleTargetRef.Name == name
		})
		if at < 0 {
			r.Saw(name+" autoscaler", "none", "one", "")
			r.Worsen(steps.Fail, "%s has no autoscaler", name)
			continue
		}
		c.scaler(r, name, all[at])
	}
	return nil
}

func (c *Kubernetes) scaler(r *steps.Result, name string, s scaler) {
	target, load := 0, "unknown"
	for _, one := range s.Spec.Metrics {
		if one.Type == "Resource" && one.Resource.Name == "cpu" {
			target = one.Resource.Target.AverageUtilization
		}
	}
	for _, one := range s.Status.CurrentMetrics {
		if now := one.Resource.Current.AverageUtilization; one.Resource.Name == "cpu" && now != nil {
			load = strconv.Itoa(*now) + " %"
		}
	}
	r.Saw(name+" autoscaler", fmt.Sprintf("%d of %d to %d replicas, CPU %s of %d %%", s.Status.CurrentReplicas, s.Spec.MinReplicas, s.Spec.MaxReplicas, load, target), "", "")
	for _, limit := range []struct {
		field, wanted string
		is            int
	}{{"from", c.HPAMin, s.Spec.MinReplicas}, {"to", c.HPAMax, s.Spec.MaxReplicas}, {"at a CPU percentage of", c.HPACPU, target}} {
		if limit.wanted != "" && limit.wanted != strconv.Itoa(limit.is) {
			r.Worsen(steps.Fail, "the autoscaler of %s scales %s %d, wanted %s", name, limit.field, limit.is, limit.wanted)
		}
	}
	for _, kind := range []string{"AbleToScale", "ScalingActive"} {
		at := slices.IndexFunc(s.Status.Conditions, func(one condition) bool { return one.Type == kind })
		switch {
		case at < 0:
			r.Worsen(steps.Unknown, "the autoscaler of %s does not say whether it is %s", name, kind)
		case s.Status.Conditions[at].Status != "True":
			r.Worsen(steps.Fail, "the autoscaler of %s is not %s: %s", name, kind, outside(s.Status.Conditions[at].Reason))
		}
	}
	if target > 0 && load == "unknown" {
		r.Worsen(steps.Unknown, "the autoscaler of %s does not know the load", name)
	}
}
