package check

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"runbook/steps"
)

// Host is check.host: what a machine has, what of it is in use, and what waits
// to be installed on it. Linux only.
//
//	check.host = { min_memory = "8GB", path = "/var/lib", min_disk = "50GB", min_free_percent = "20" }
//
//	min_memory          as it is sold: 5 % less is enough, the kernel keeps some
//	min_cpus            that are online
//	path                a directory, relative to the target's dir; of the file
//	                    system it lies on:
//	min_disk            its size, again 5 % less is enough
//	min_free_percent    left to others than root
//	min_inodes_percent  left
//	max_cpu_percent     of all CPUs, over `over` (default "5s")
//	max_memory_percent  in use: all but what can be had without swapping
//	max_load_percent    of 5 minutes; a load as high as there are CPUs is 100
//	updates             "none": no security update of Debian or Ubuntu waits, by
//	                    a list of security updates that is at most 7 days old;
//	                    where none is called so, all lists must be
//	reboot              "none": nothing asks for one, and the kernel that runs is
//	                    the newest that is installed
//	over                how long CPUs are sampled
//	timeout             beside that; default "60s"
//
// With `on` it is that host, else the machine runbook runs on. A percentage that
// is as high as its limit is too high.
//
// pass: all that is given holds. fail: something does not. unknown: it could not
// be read: no such path, no apt-get, lists too old.
type Host struct {
	MinMemory        string         `mapstructure:"min_memory"`
	MinCPUs          string         `mapstructure:"min_cpus"`
	Path             string         `mapstructure:"path"`
	MinDisk          string         `mapstructure:"min_disk"`
	MinFreePercent   string         `mapstructure:"min_free_percent"`
	MinInodesPercent string         `mapstructure:"min_inodes_percent"`
	MaxCPUPercent    string         `mapstructure:"max_cpu_percent"`
	MaxMemoryPercent string         `mapstructure:"max_memory_percent"`
	MaxLoadPercent   string         `mapstructure:"max_load_percent"`
	Updates          string         `mapstructure:"updates"`
	Reboot           string         `mapstructure:"reboot"`
	Over             steps.Duration `mapstructure:"over"`
	Timeout          steps.Duration `mapstructure:"timeout"`
}

// Touches is false: it reads.
func (c *Host) Touches() bool { return false }

// Executes is the shell that reads.
func (c *Host) Executes() *Command { return &Command{Argv: []string{"sh"}} }

// Validate reports that nothing is asked, and limits that cannot be read.
func (c *Host) Validate() error {
	disk := c.MinDisk + c.MinFreePercent + c.MinInodesPercent
	switch {
	case disk+c.MinMemory+c.MinCPUs+c.MaxCPUPercent+c.MaxMemoryPercent+c.MaxLoadPercent+c.Updates+c.Reboot == "":
		return errors.New("no limit is given: min_memory, min_disk, max_cpu_percent, …")
	case (disk == "") != (c.Path == ""):
		return errors.New("path: goes with min_disk, min_free_percent or min_inodes_percent")
	case c.Over != 0 && c.MaxCPUPercent == "":
		return errors.New("over: goes with max_cpu_percent")
	}
	for field, value := range map[string]string{"updates": c.Updates, "reboot": c.Reboot} {
		if value != "" && value != "none" && !unfilled(value) {
			return fmt.Errorf("%s: %q is not none", field, value)
		}
	}
	for field, size := range map[string]string{"min_memory": c.MinMemory, "min_disk": c.MinDisk} {
		if _, err := parseSize(size); size != "" && err != nil && !unfilled(size) {
			return fmt.Errorf("%s: %w", field, err)
		}
	}
	return validNumbers(map[string]string{
		"min_cpus": c.MinCPUs, "min_free_percent": c.MinFreePercent, "min_inodes_percent": c.MinInodesPercent,
		"max_cpu_percent": c.MaxCPUPercent, "max_memory_percent": c.MaxMemoryPercent, "max_load_percent": c.MaxLoadPercent,
	})
}

func (c *Host) over() time.Duration { return cmp.Or(c.Over.D(), 5*time.Second) }

// Do has one shell read all that is asked for, and judges it.
func (c *Host) Do(ctx context.Context, w *steps.World) steps.Result {
	return measure(whereOf("machine", w), func(r *steps.Result) {
		if err := c.Validate(); err != nil {
			r.Decide(steps.Unknown, "%v", err)
			return
		}
		if w.Host == "" {
			r.Where = "this machine"
		}
		path := c.Path
		if path != "" && !filepath.IsAbs(path) && w.Host == "" {
			path = filepath.Join(w.Dir, path)
		}
		limit := c.over() + cmp.Or(c.Timeout.D(), time.Minute)
		ended, err := program{argv: []string{"sh", "-c", c.script(), "sh", path}, limit: limit, keep: maxBody}.run(ctx, w)
		switch {
		case err != nil:
			r.Decide(steps.Unknown, "%v", err)
		case ended.stdout.more:
			r.Decide(steps.Unknown, "it tells more than %d bytes", maxBody)
		default:
			r.Decide(steps.Pass, "")
			c.judge(r, partsOf(ended.stdout.head.Bytes()), outside(firstLine(&ended.stderr)))
		}
	})
}

// script is what the shell executes: each part prints its name and what it read.
func (c *Host) script() string {
	var all strings.Builder
	add := func(asked string, parts ...string) {
		if asked == "" {
			return
		}
		for _, part := range parts {
			name, read, _ := strings.Cut(part, ": ")
			fmt.Fprintf(&all, "echo '== %s'; %s\n", name, read)
		}
	}
	add(c.MinMemory+c.MaxMemoryPercent, "memory: cat /proc/meminfo")
	add(c.MinCPUs+c.MaxLoadPercent, "cpus: getconf _NPROCESSORS_ONLN")
	add(c.MaxLoadPercent, "load: cat /proc/loadavg")
	// -- would not be known to every df; a path that begins with - is made to begin with ./
	add(c.Path, `disk: case $1 in -*) set -- "./$1" ;; esac; df -Pk "$1"`, `inodes: df -Pi "$1"`)
	add(c.Updates,
		`lists: eval "$(apt-config shell lists Dir::State::lists/d)" && find "$lists" -maxdepth 1 -name '*Release' '(' -mtime -7 -exec echo fresh {} ';' -o -exec echo old {} ';' ')'`,
		// dist-upgrade: a new kernel is a new package, which upgrade keeps back
		"updates: LC_ALL=C apt-get -s -qq dist-upgrade && echo '-- all'")
	add(c.Reboot, "reboot: test ! -e /run/reboot-required || echo required", "running: uname -r", "installed: ls /boot")
	add(c.MaxCPUPercent, "before: head -n 1 /proc/stat; sleep "+strconv.FormatFloat(c.over().Seconds(), 'f', -1, 64), "after: head -n 1 /proc/stat")
	return all.String()
}

// partsOf is what the script printed, by the names of its parts.
func partsOf(printed []byte) map[string]string {
	parts := map[string]string{}
	for part := range bytes.SplitSeq(append([]byte("\n"), printed...), []byte("\n== ")) {
		name, read, _ := strings.Cut(string(part), "\n")
		parts[name] = read
	}
	return parts
}
