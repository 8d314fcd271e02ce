package check

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"runbook/steps"
)

// setup judges how a container was made, and how often it came up again.
func (c *Container) setup(r *steps.Result, one inspected) {
	name := one.name()
	if c.Limits {
		memory, cpus := one.HostConfig.Memory, one.cpus()
		r.Saw(name+" limits", fmt.Sprintf("memory %s, cpus %s", orNone(memory > 0, mebibytes(memory)), orNone(cpus > 0, fmt.Sprintf("%g", cpus))), "both", "")
		if memory <= 0 || cpus <= 0 {
			r.Worsen(steps.Fail, "%s has no limit of %s, wanted both limits", name, missingOf(memory <= 0, "memory", cpus <= 0, "CPU"))
		}
	}
	if c.NonRoot {
		user := outside(one.Config.User)
		r.Saw(name+" user", cmp.Or(user, "root"), "not root", "")
		if account, _, _ := strings.Cut(user, ":"); account == "" || account == "0" || account == "root" {
			r.Worsen(steps.Fail, "%s runs as root, wanted another user", name)
		}
	}
	if c.MaxRestarts != "" {
		most, err := number(c.MaxRestarts, "")
		if err != nil {
			r.Worsen(steps.Unknown, "max_restarts: %v", err)
			return
		}
		r.Saw(name+" restarts", strconv.Itoa(one.RestartCount), "<= "+c.MaxRestarts, "")
		if float64(one.RestartCount) > most {
			r.Worsen(steps.Fail, "%s came up again %d times, wanted at most %s", name, one.RestartCount, c.MaxRestarts)
		}
	}
}

func orNone(there bool, value string) string {
	if there {
		return value
	}
	return "none"
}

func missingOf(first bool, one string, second bool, other string) string {
	switch {
	case first && second:
		return one + " and " + other
	case first:
		return one
	}
	return other
}

func mebibytes(n int64) string { return strconv.FormatInt(n>>20, 10) + " MiB" }

// images judges what containers were made from. A name of an image moves: the
// one that a container runs need no longer be what its name means.
func (c *Container) images(d engine, r *steps.Result, there []inspected) error {
	if c.Image == "" && c.MaxImageAge == 0 || len(there) == 0 {
		return nil
	}
	var ids []string
	for _, one := range there {
		if !slices.Contains(ids, one.Image) {
			ids = append(ids, one.Image)
		}
	}
	images, err := d.images(ids)
	if err != nil {
		return err
	}
	for _, one := range there {
		at := slices.IndexFunc(images, func(i inspectedImage) bool { return i.ID == one.Image })
		if at < 0 {
			r.Worsen(steps.Unknown, "the image that %s runs, %.19s, is not there any more", one.name(), outside(one.Image))
			continue
		}
		c.image(r, one.name(), images[at])
	}
	return nil
}

func (c *Container) image(r *steps.Result, name string, image inspectedImage) {
	if c.Image != "" {
		tags := append(slices.Clone(image.RepoTags), image.RepoDigests...)
		shown := fmt.Sprintf("%.19s %s", outside(image.ID), outside(strings.Join(tags, " ")))
		r.Saw(name+" image", shown, c.Image, "")
		if !slices.ContainsFunc(tags, func(tag string) bool { return wholeName(tag) == wholeName(c.Image) }) {
			r.Worsen(steps.Fail, "%s runs %s, wanted what is called %s now", name, strings.TrimSpace(shown), c.Image)
		}
	}
	if c.MaxImageAge == 0 {
		return
	}
	age := steps.Duration(time.Since(image.Created).Truncate(time.Minute))
	r.Saw(name+" image built", image.Created.UTC().Format(time.DateOnly), "within "+c.MaxImageAge.String(), "")
	switch {
	case image.Created.Year() < 2000: // reproducible builds leave the date out
		r.Worsen(steps.Unknown, "the image of %s does not say when it was built", name)
	case age > c.MaxImageAge:
		r.Worsen(steps.Fail, "the image of %s was built %s ago, wanted within %s", name, age, c.MaxImageAge)
	}
}

// wholeName is an image's name with what may be left out of it.
func wholeName(name string) string {
	for _, usual := range []string{"docker.io/", "library/"} {
		name = strings.TrimPrefix(name, usual)
	}
	if !strings.Contains(name[strings.LastIndexByte(name, '/')+1:], ":") {
		name += ":latest"
	}
	return name
}

// use judges what containers use now. The percentage of CPU that Docker tells is
// that of one CPU, so it is divided by those that the container may use.
func (c *Container) use(d engine, r *steps.Result, there []inspected) error {
	used, err := d.stats(there)
	if err != nil {
		return err
	}
	for _, one := range there {
		at := slices.IndexFunc(used, func(s stat) bool { return s.ID != "" && strings.HasPrefix(one.ID, s.ID) })
		if at < 0 {
			r.Worsen(steps.Unknown, "docker stats tells nothing of %s", one.name())
			continue
		}
		if c.MaxCPUPercent != "" {
			cpus := one.cpus()
			if cpus == 0 {
				if cpus, err = d.cpus(); err != nil {
					return err
				}
			}
			within(r, one.name()+" CPU", used[at].CPUPerc, cpus, c.MaxCPUPercent)
		}
		if c.MaxMemoryPercent != "" {
			within(r, one.name()+" memory", used[at].MemPerc, 1, c.MaxMemoryPercent)
		}
	}
	return nil
}

// within judges a percentage as docker stats prints it, of so many wholes.
func within(r *steps.Result, label, percent string, of float64, limit string) {
	most, err := number(limit, "")
	if err != nil {
		r.Worsen(steps.Unknown, "%v", err)
		return
	}
	n, err := finite(strings.TrimSuffix(percent, "%"))
	if err != nil || of <= 0 {
		r.Saw(label, outside(percent), "< "+limit, "%")
		r.Worsen(steps.Unknown, "%s is not told: %s", label, outside(percent))
		return
	}
	shown := strconv.FormatFloat(n/of, 'f', 1, 64)
	r.Saw(label, shown, "< "+limit, "%")
	if n/of >= most {
		r.Worsen(steps.Fail, "%s is %s %%, wanted below %s %%", label, shown, limit)
	}
}
