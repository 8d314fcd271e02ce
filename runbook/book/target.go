package book

import (
	"maps"

	"runbook/steps/run"
)

// Target is a place where a book is run. What differs between places stands
// here, and in no book.
type Target struct {
	Name     string              `mapstructure:"name"`     // lower case letters, digits and dashes
	Practice string              `mapstructure:"practice"` // id of the practice world it belongs to; only that world writes it
	Guard    bool                `mapstructure:"guard"`    // production: an approval stands before the first change, and the frame says so
	Require  []Demand            `mapstructure:"require"`  // what a run here must be given, such as a change ticket
	Dir      string              `mapstructure:"dir"`      // where commands run and relative files of checks lie, absolute
	Path     string              `mapstructure:"path"`     // PATH of commands: absolute, colon separated
	Home     string              `mapstructure:"home"`     // HOME of commands; the operator's if empty
	User     string              `mapstructure:"user"`     // USER of commands; the operator's if empty
	Lang     string              `mapstructure:"lang"`     // LANG of commands; "C.UTF-8" if empty
	TZ       string              `mapstructure:"tz"`       // TZ of commands; "UTC" if empty
	Vars     map[string]string   `mapstructure:"vars"`     // values of the book's vars; --var wins
	Choose   map[string]string   `mapstructure:"choose"`   // what an ask.decide would ask, by its var
	Kube     Kube                `mapstructure:"kube"`
	Service  Service             `mapstructure:"service"`
	Secrets  map[string]Source   `mapstructure:"secret"` // where each secret var of the book comes from, by its name
	Hosts    map[string]run.Host `mapstructure:"host"`   // where the steps with that `on` run
	Waivers  []Waiver            `mapstructure:"waiver"` // checks that may fail for a while

	Raw     []byte     `mapstructure:"-"` // what it is read from; of one that extends others, all of them as one
	SHA256  string     `mapstructure:"-"` // of Raw
	File    string     `mapstructure:"-"` // a path, or "practice"
	Extends []Extended `mapstructure:"-"` // the files it extends, the nearest first

	layers []layer // itself, and those; none in a target made by hand
}

// Kube is a cluster. What is set here is also a var: kube_context, namespace.
type Kube struct {
	Context   string `mapstructure:"context"`   // of kubectl's configuration
	Namespace string `mapstructure:"namespace"` // where the service lies
}

// Service is the deployed service.
type Service struct {
	EnvFrom string `mapstructure:"env_from"` // "file:PATH", "docker:CONTAINER", "k8s:NAMESPACE/DEPLOYMENT" or "process"
	On      string `mapstructure:"on"`       // the host where that is looked at; here if empty
}

// Source is where a secret comes from: exactly one field is set.
type Source struct {
	Env     string   `mapstructure:"env"`     // an environment variable of the operator's shell
	File    string   `mapstructure:"file"`    // of mode 0600, absolute
	Command []string `mapstructure:"command"` // a program of the target's path, and its arguments: it prints the secret
}

// Values are the values that the target gives to vars: its own, and what it
// chooses.
func (t *Target) Values() map[string]string {
	values := maps.Clone(t.Vars)
	if values == nil {
		values = map[string]string{}
	}
	maps.Copy(values, t.Choose)
	return values
}
