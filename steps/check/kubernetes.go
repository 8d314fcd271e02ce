package check

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"runbook/steps"
)

// Kubernetes is check.kubernetes: deployments are rolled out whole: as many
// pods as wanted are updated, ready and available, and the cluster has seen the
// newest change. The rest is asked for.
//
//	check.kubernetes = { context = "production", namespace = "encrypted-email", deployments = ["backend"], image = ":${image_tag}$" }
//
//	context       kubectl's; it is never the one that happens to be current
//	namespace
//	deployments   by name
//	image         a regular expression; of each deployment one container's image
//	              must match
//	limits        every container has a limit of memory and one of CPU
//	non_root      no container may run as root
//	max_restarts  of each container of their pods; none may wait to be started
//	              again
//	hpa           each has an autoscaler that works and sees its metrics
//	hpa_min       and scales from so many replicas
//	hpa_max       to so many
//	hpa_cpu       at so many percent of CPU
//	timeout       default "30s"; a rollout under way is looked at again until then
//
// With `on` it is the kubectl of that host. kubectl is asked by its name, in the
// target's path, with the configuration of the target's home.
//
// pass: all hold. fail: one is not there, its rollout has failed, or is not
// done within the time, or something does not hold. unknown: kubectl or the
// cluster could not be asked, or an autoscaler has no metrics.
type Kubernetes struct {
	Context     string         `mapstructure:"context"`
	Namespace   string         `mapstructure:"namespace"`
	Deployments []string       `mapstructure:"deployments"`
	Image       string         `mapstructure:"image"`
	Limits      bool           `mapstructure:"limits"`
	NonRoot     bool           `mapstructure:"non_root"`
	MaxRestarts string         `mapstructure:"max_restarts"`
	HPA         bool           `mapstructure:"hpa"`
	HPAMin      string         `mapstructure:"hpa_min"`
	HPAMax      string         `mapstructure:"hpa_max"`
	HPACPU      string         `mapstructure:"hpa_cpu"`
	Timeout     steps.Duration `mapstructure:"timeout"`
}

// Touches is false: it gets.
func (c *Kubernetes) Touches() bool { return false }

// Executes is kubectl.
func (c *Kubernetes) Executes() *Command { return &Command{Argv: []string{"kubectl"}} }

// Validate reports what is not named, and limits that cannot be read.
func (c *Kubernetes) Validate() error {
	switch {
	case c.Context == "" || c.Namespace == "":
		return errors.New("context, namespace: want both, the current ones may be anybody's")
	case len(c.Deployments) == 0:
		return errors.New("deployments: missing")
	}
	for _, name := range append([]string{c.Context, c.Namespace}, c.Deployments...) {
		if name == "" || strings.HasPrefix(name, "-") {
			return fmt.Errorf("%q would be an option of kubectl", name)
		}
	}
	if err := validPattern("image", c.Image); err != nil {
		return err
	}
	return validNumbers(map[string]string{"max_restarts": c.MaxRestarts, "hpa_min": c.HPAMin, "hpa_max": c.HPAMax, "hpa_cpu": c.HPACPU})
}

// Do gets the deployments, and those that are rolled out again and again.
func (c *Kubernetes) Do(whole context.Context, w *steps.World) steps.Result {
	return measure(whereOf("kubectl", w), func(r *steps.Result) {
		if err := c.Validate(); err != nil {
			r.Decide(steps.Unknown, "%v", err)
			return
		}
		r.Where = outside(c.Context + "/" + c.Namespace)
		if w.Host != "" {
			r.Where += " on " + outside(w.Host)
		}
		ctx, cancel := context.WithTimeout(whole, cmp.Or(c.Timeout.D(), 30*time.Second))
		defer cancel()
		k := kubectl{engine{ctx, w}, c.Context, c.Namespace}
		untilSettled(ctx, r, func(r *steps.Result) (underWay bool, err error) { return c.look(k, r) })
		if whole.Err() != nil {
			r.Decide(steps.Unknown, "interrupted before it was rolled out")
		}
	})
}

func (c *Kubernetes) look(k kubectl, r *steps.Result) (underWay bool, err error) {
	found, err := get[deployment](k, "deployments.apps", c.Deployments...)
	if err != nil {
		return false, err
	}
	r.Decide(steps.Pass, "")
	there := map[string]deployment{}
	for _, one := range found {
		there[one.Metadata.Name] = one
	}
	failed := false
	for _, name := range c.Deployments {
		one, ok := there[name]
		if !ok {
			r.Saw(name, "missing", "rolled out", "")
			r.Worsen(steps.Fail, "%s is no deployment here", name)
			failed = true
			continue
		}
		state, reason := one.rollout()
		r.Saw(name, one.counts(), "rolled out", "")
		if state != rolledOut {
			r.Worsen(steps.Fail, "%s %s", name, outside(reason))
		}
		failed = failed || state == rolloutFailed
		underWay = underWay || state == rollingOut
		c.template(r, one)
	}
	if underWay {
		return !failed, nil // the rest would judge pods that are about to go
	}
	if c.MaxRestarts != "" {
		for _, one := range found {
			if err := c.pods(k, r, one); err != nil {
				return false, err
			}
		}
	}
	if c.HPA || c.HPAMin != "" || c.HPAMax != "" || c.HPACPU != "" {
		return false, c.scaling(k, r)
	}
	return false, nil
}
