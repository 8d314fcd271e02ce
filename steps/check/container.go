package check

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"runbook/steps"
)

// Container is check.container: containers of Docker, by name or as services of
// a Compose file. They must run; the rest is asked for.
//
//	check.container = { compose = "docker-compose.prod.yml", services = ["backend"], healthy = true, max_restarts = "0" }
//
//	names               containers by name
//	compose             instead: a Compose file, relative to the target's dir
//	project             of it, as docker-compose -p; default: the file's own
//	services            of it, each with at least one container; those that
//	                    Compose's run made for one task are none
//	healthy             each has a health check, and it says healthy
//	limits              each may use only so much memory and so much CPU
//	non_root            none runs as root
//	image               what all were made from, as "backend:1.4.0", while the
//	                    engine still means that image by this name
//	max_restarts        of each, since it was made
//	max_cpu_percent     of the CPUs each may use, as docker stats tells it
//	max_memory_percent  of its limit, or of the machine's memory without one
//	max_image_age       since its image was built
//	timeout             default "30s"; while a container is starting it is
//	                    looked at again until then
//
// With `on` it is the Docker of that host. Nothing is executed in a container,
// and no variable of one is shown.
//
// pass: all run and hold what is given. fail: one is missing, stopped,
// restarting, unhealthy, or does not hold. unknown: Docker could not be asked,
// one is still starting when the time is over, has no health check, or does not
// tell its use.
type Container struct {
	Names            []string       `mapstructure:"names"`
	Compose          string         `mapstructure:"compose"`
	Project          string         `mapstructure:"project"`
	Services         []string       `mapstructure:"services"`
	Healthy          bool           `mapstructure:"healthy"`
	Limits           bool           `mapstructure:"limits"`
	NonRoot          bool           `mapstructure:"non_root"`
	Image            string         `mapstructure:"image"`
	MaxRestarts      string         `mapstructure:"max_restarts"`
	MaxCPUPercent    string         `mapstructure:"max_cpu_percent"`
	MaxMemoryPercent string         `mapstructure:"max_memory_percent"`
	MaxImageAge      steps.Duration `mapstructure:"max_image_age"`
	Timeout          steps.Duration `mapstructure:"timeout"`
}

// Touches is false: it inspects.
func (c *Container) Touches() bool { return false }

// Executes is Docker's client, and with a Compose file that of Compose.
func (c *Container) Executes() *Command { return &Command{Argv: []string{"docker"}} }

// Validate reports that nothing is named, and limits that cannot be read.
func (c *Container) Validate() error {
	switch {
	case (len(c.Names) == 0) == (c.Compose == ""):
		return errors.New("names or compose: want exactly one of them")
	case (len(c.Services) == 0) != (c.Compose == ""):
		return errors.New("services: want those of compose, at least one")
	case c.Project != "" && c.Compose == "":
		return errors.New("project: belongs to compose")
	}
	for _, name := range slices.Concat(c.Names, c.Services, []string{c.Compose, c.Project}) {
		if strings.HasPrefix(name, "-") {
			return fmt.Errorf("%q would be an option of docker", name)
		}
	}
	return validNumbers(map[string]string{"max_restarts": c.MaxRestarts, "max_cpu_percent": c.MaxCPUPercent, "max_memory_percent": c.MaxMemoryPercent})
}

// validNumbers reports the first limit that is no number.
func validNumbers(limits map[string]string) error {
	for _, field := range sortedKeys(limits) {
		if _, err := number(limits[field], "0"); err != nil && !unfilled(limits[field]) {
			return fmt.Errorf("%s: %w", field, err)
		}
	}
	return nil
}

// Do inspects the containers, and those that are starting again and again.
func (c *Container) Do(whole context.Context, w *steps.World) steps.Result {
	return measure(whereOf("docker", w), func(r *steps.Result) {
		if err := c.Validate(); err != nil {
			r.Decide(steps.Unknown, "%v", err)
			return
		}
		ctx, cancel := context.WithTimeout(whole, cmp.Or(c.Timeout.D(), 30*time.Second))
		defer cancel()
		untilSettled(ctx, r, func(r *steps.Result) (starting bool, err error) { return c.look(ctx, w, r) })
	})
}

// untilSettled looks until what it looks at is no longer under way, or the time
// is over; what was seen last counts. The pauses grow to two seconds.
func untilSettled(ctx context.Context, r *steps.Result, look func(*steps.Result) (underWay bool, err error)) {
	blank := *r
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, 2*time.Second) {
		now := blank
		again, err := look(&now)
		switch {
		case err == nil:
			*r = now
		case r.Reason == "" || ctx.Err() == nil: // not one that the limit cut short
			r.Decide(steps.Unknown, "%v", err)
		}
		if !again || err != nil {
			return
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}

func (c *Container) look(ctx context.Context, w *steps.World, r *steps.Result) (starting bool, err error) {
	d := engine{ctx, w}
	there, err := c.find(d)
	if err != nil {
		return false, err
	}
	r.Decide(steps.Pass, "")
	for _, name := range slices.Concat(c.Names, c.Services) {
		if !slices.ContainsFunc(there, func(one inspected) bool { return one.called(name) }) {
			r.Saw(name, "missing", "running", "")
			r.Worsen(steps.Fail, "%s has no container, wanted it running", name)
		}
	}
	for _, one := range there {
		starting = c.state(r, one) || starting
		c.setup(r, one)
	}
	if err := c.images(d, r, there); err != nil {
		return false, err
	}
	if c.MaxCPUPercent != "" || c.MaxMemoryPercent != "" {
		if err := c.use(d, r, there); err != nil {
			return false, err
		}
	}
	return starting && r.Verdict != steps.Fail, nil
}

// find inspects the containers that are meant. Those that Compose has besides
// are not looked at.
func (c *Container) find(d engine) ([]inspected, error) {
	ids := c.Names
	if c.Compose != "" {
		var err error
		if ids, err = d.compose(c.Compose, c.Project); err != nil || len(ids) == 0 {
			return nil, err
		}
	}
	all, err := d.containers(ids)
	if c.Compose == "" {
		return all, err
	}
	return slices.DeleteFunc(all, func(one inspected) bool {
		return strings.EqualFold(one.Config.Labels[composeTask], "true") || !slices.ContainsFunc(c.Services, one.called)
	}), err
}

// state judges whether a container runs, and reports that it is on the way to.
func (c *Container) state(r *steps.Result, one inspected) (starting bool) {
	name, state := one.name(), outside(one.State.Status)
	health := ""
	if one.State.Health != nil {
		health = outside(one.State.Health.Status)
	}
	wanted := "running"
	if c.Healthy {
		wanted = "running, healthy"
	}
	r.Saw(name, strings.TrimSuffix(state+", "+health, ", "), wanted, "")
	switch {
	case state == "created":
		r.Worsen(steps.Unknown, "%s is made, and not started yet", name)
		return true
	case state != "running":
		r.Worsen(steps.Fail, "%s is %s (exit %d%s), wanted it running", name, state, one.State.ExitCode, one.oom())
	case health == "starting" && c.Healthy:
		r.Worsen(steps.Unknown, "%s is starting: its health check has not answered yet", name)
		return true
	case health == "unhealthy":
		r.Worsen(steps.Fail, "%s is unhealthy, wanted it healthy", name)
	case health != "healthy" && c.Healthy:
		r.Worsen(steps.Unknown, "%s has no health check", name)
	}
	return false
}
