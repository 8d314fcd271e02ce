package doctor

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"runbook/runbook/book"
	"runbook/runbook/journal"
	"runbook/steps"
)

// Site is a trusted book at a trusted target: what a run of it would need.
type Site struct {
	Book   *book.Book
	Target *book.Target
	World  *steps.World
	Given  map[string]string // by --var

	Signers     func() (journal.Signers, error) // who may sign in which role; nil: nobody is looked for, as in practice
	SignersFile string                          // where that stands

	vars map[string]string // what is known of them before a run

	mu       sync.Mutex
	resolved map[string]resolved // the programs looked for so far
}

// Probes are the looks at a book and its target, with the vars that were
// given and those of the target. Nothing that acts is run; secrets are resolved and never shown.
func (s *Site) Probes() []Probe {
	vars := s.values()
	s.resolved = map[string]resolved{}
	probes := []Probe{
		{What: "vars", Look: func(context.Context) []Finding { return vars }},
		{What: "disk of dir", Look: func(context.Context) []Finding { return disk("disk of dir", s.World.Dir) }},
		{What: "programs", Limit: lookLimit, Look: s.programs},
	}
	if s.Signers != nil {
		probes = append(probes, Probe{What: "roles", Look: s.roles})
	}
	if s.Target.Service.EnvFrom != "" {
		probes = append(probes, Probe{What: "service", Limit: lookLimit, Look: s.service})
	}
	for _, name := range slices.Sorted(maps.Keys(s.Book.Vars)) {
		if s.Book.Vars[name].Secret {
			probes = append(probes, Probe{What: name, Limit: secretLimit, Look: func(ctx context.Context) []Finding { return s.secret(ctx, name) }})
		}
	}
	if wrong := s.fits(); wrong != nil {
		probes = append(probes, Probe{What: "hosts", Look: func(context.Context) []Finding { return wrong }})
	}
	for _, name := range slices.Sorted(maps.Keys(s.Target.Hosts)) {
		probes = append(probes, Probe{What: "host " + name, Limit: 2 * hostLimit, Look: func(ctx context.Context) []Finding {
			return s.host(ctx, s.Target.Hosts[name])
		}})
	}
	probes = append(probes, Probe{What: "verify and during", Limit: lookLimit, Look: s.settles})
	for _, plan := range s.Book.Plans {
		probes = append(probes, Probe{What: "plan " + plan.ID, Limit: lookLimit, Look: func(ctx context.Context) []Finding { return s.plan(ctx, plan) }})
	}
	return probes
}

// values takes the vars from the target and the book's defaults, and tells
// which a run would still have to be given.
func (s *Site) values() []Finding {
	// Required is left to us: Resolve would answer no vars at all.
	all := s.Book.On(s.Target)
	for name, v := range all.Vars {
		v.Required = false
		all.Vars[name] = v
	}
	vars, err := all.Resolve(s.Given, s.Target.Values())
	if err != nil {
		return one(steps.Fail, "vars", err.Error(), "", "correct --var, or [vars] of "+s.Target.Name)
	}
	s.vars = vars
	var found []Finding
	for _, d := range s.Target.Unmet(vars) {
		saw := "no value yet: " + cmp.Or(d.Title, "the target demands it of each run")
		if vars[d.Name] != "" {
			saw = d.Check(vars[d.Name]).Error()
		}
		found = append(found, one(steps.Warn, "var "+d.Name, saw, "", "give --var "+d.Name+"=… here and to deploy")...)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Book.Vars)) {
		if v := s.Book.Vars[name]; v.Required && !v.Secret && vars[name] == "" {
			delete(vars, name)
			found = append(found, one(steps.Warn, "var "+name, "no value yet: "+cmp.Or(v.Title, "the book requires it"), "",
				"give --var "+name+"=… here and to deploy, or set it in [vars] of "+s.Target.Name)...)
		}
	}
	if found == nil {
		return pass("vars", "every required one has a value")
	}
	return found
}

// service reads the environment of the service, and keeps it to itself.
func (s *Site) service(ctx context.Context) []Finding {
	vars, err := s.World.Vars(ctx, "service")
	if err != nil {
		return one(steps.Unknown, "service", "its environment can't be read whole: "+err.Error(), "", "look at [service] of "+s.Target.Name)
	}
	return pass("service", count(len(vars), "variable")+" in "+s.Target.Service.EnvFrom)
}

const (
	secretLimit = 25 * time.Second // its command has 20 s
	slowSecret  = 5 * time.Second  // each step that names it waits as long
)

// secret resolves one, and keeps it to itself.
func (s *Site) secret(ctx context.Context, name string) []Finding {
	what := "secret " + name
	began := time.Now()
	_, err := s.World.Secret(ctx, name) // an empty one is an error
	took := time.Since(began)
	switch {
	case err != nil:
		return one(s.secretNeeds(name).weigh(steps.Fail), what, strings.TrimPrefix(err.Error(), steps.ErrSecret.Error()+": "+name+": "), "", "look at [secret."+name+"] of "+s.Target.Name)
	case took > slowSecret:
		return one(steps.Warn, what, "resolves in "+short(took)+", for each step that names it", "at most "+slowSecret.String(), "")
	}
	return pass(what, "resolves in "+short(took))
}

func short(d time.Duration) string { return d.Round(time.Millisecond).String() }
