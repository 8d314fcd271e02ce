package book

import "runbook/steps/run"

// Target is a place where a book is run. What differs between places stands
// here, and in no book.
type Target struct {
	Name     string              `mapstructure:"name"`
	Practice string              `mapstructure:"practice"` // id of the practice world it belongs to; only that world writes it
	Dir      string              `mapstructure:"dir"`
	Path     string              `mapstructure:"path"` // PATH of commands: absolute, colon separated
	Home     string              `mapstructure:"home"`
	User     string              `mapstructure:"user"`
	Lang     string              `mapstructure:"lang"`
	TZ       string              `mapstructure:"tz"`
	Vars     map[string]string   `mapstructure:"vars"`
	Service  Service             `mapstructure:"service"`
	Secrets  map[string]Source   `mapstructure:"secret"`
	Hosts    map[string]run.Host `mapstructure:"host"` // where the steps with that `on` run

	Raw    []byte `mapstructure:"-"`
	SHA256 string `mapstructure:"-"`
	File   string `mapstructure:"-"` // a path, or "practice"
}

// Service is the deployed service.
type Service struct {
	EnvFrom string `mapstructure:"env_from"` // "file:PATH" or "process"
}

// Source is where a secret comes from: exactly one field is set.
type Source struct {
	Env     string   `mapstructure:"env"`
	File    string   `mapstructure:"file"`
	Command []string `mapstructure:"command"`
}
