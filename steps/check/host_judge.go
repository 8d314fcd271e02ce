package check

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"runbook/steps"
)

// usable is the part of a size as it is sold that is enough.
const usable = 0.95

// judge holds what was read against the limits. said is what the shell
// complained of, if it did.
func (c *Host) judge(r *steps.Result, parts map[string]string, said string) {
	for _, one := range []struct {
		asked string
		judge func(*steps.Result, map[string]string) error
	}{
		{c.MinMemory + c.MaxMemoryPercent, c.memory},
		{c.MinCPUs + c.MaxLoadPercent, c.cpus},
		{c.MinDisk + c.MinFreePercent, c.disk},
		{c.MinInodesPercent, c.inodes},
		{c.MaxCPUPercent, c.busy},
		{c.Updates, updates},
		{c.Reboot, reboot},
	} {
		if one.asked == "" {
			continue
		}
		if err := one.judge(r, parts); err != nil {
			r.Worsen(steps.Unknown, "%v: %s", err, said)
		}
	}
}

// percent judges one; a lower limit is not to be fallen below, an upper one is
// not to be reached.
func percent(r *steps.Result, label string, n float64, least, most string) {
	shown := strconv.FormatFloat(n, 'f', 1, 64)
	if least != "" {
		limit, err := number(least, "")
		r.Saw(label, shown, ">= "+least, "%")
		if err != nil || n < limit {
			r.Worsen(verdictOf(err), "%s is %s %%, wanted at least %s %%", label, shown, least)
		}
	}
	if most != "" {
		limit, err := number(most, "")
		r.Saw(label, shown, "< "+most, "%")
		if err != nil || n >= limit {
			r.Worsen(verdictOf(err), "%s is %s %%, wanted below %s %%", label, shown, most)
		}
	}
}

// atLeast judges a size in bytes.
func atLeast(r *steps.Result, label string, n float64, least string) {
	wanted, err := parseSize(least)
	shown := strconv.FormatFloat(n/1e9, 'f', 1, 64)
	r.Saw(label, shown, ">= "+least+" less 5 %", "GB")
	if err != nil || n < usable*float64(wanted) {
		r.Worsen(verdictOf(err), "%s is %s GB, wanted at least %s", label, shown, least)
	}
}

func (c *Host) memory(r *steps.Result, parts map[string]string) error {
	fields := map[string]float64{}
	for line := range strings.Lines(parts["memory"]) {
		if words := strings.Fields(line); len(words) >= 2 {
			kibibytes, _ := strconv.ParseFloat(words[1], 64) // 0 is as good as none
			fields[strings.TrimSuffix(words[0], ":")] = 1024 * kibibytes
		}
	}
	total, free := fields["MemTotal"], fields["MemAvailable"]
	if total == 0 {
		return errors.New("its memory cannot be read")
	}
	if c.MinMemory != "" {
		atLeast(r, "memory", total, c.MinMemory)
	}
	if c.MaxMemoryPercent == "" {
		return nil
	}
	if free == 0 {
		return errors.New("it does not tell how much memory can be had")
	}
	percent(r, "memory in use", 100*(total-free)/total, "", c.MaxMemoryPercent)
	return nil
}

func (c *Host) cpus(r *steps.Result, parts map[string]string) error {
	online, err := number(strings.TrimSpace(parts["cpus"]), "x")
	if err != nil || online == 0 {
		return errors.New("its CPUs cannot be counted")
	}
	if c.MinCPUs != "" {
		least, err := number(c.MinCPUs, "")
		r.Saw("CPUs", strconv.Itoa(int(online)), ">= "+c.MinCPUs, "")
		if err != nil || online < least {
			r.Worsen(verdictOf(err), "%d CPUs, wanted at least %s", int(online), c.MinCPUs)
		}
	}
	if c.MaxLoadPercent == "" {
		return nil
	}
	words := strings.Fields(parts["load"])
	if len(words) < 3 {
		return errors.New("its load cannot be read")
	}
	load, err := number(words[1], "")
	if err != nil {
		return errors.New("its load cannot be read")
	}
	percent(r, "load of 5 minutes", 100*load/online, "", c.MaxLoadPercent)
	return nil
}

// dfRow is a row of df -P: size, used, left, and the share in use.
var dfRow = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\s(\d+|-)\s+(\d+|-)\s+(-?\d+|-)\s+(?:\d+%|-)\s+/`) })

func df(text string) (size, used, left float64, ok bool) {
	rows := strings.Split(strings.TrimSpace(text), "\n")
	cells := dfRow().FindStringSubmatch(rows[len(rows)-1])
	if len(rows) < 2 || cells == nil {
		return 0, 0, 0, false
	}
	var n [3]float64
	for i := range n {
		n[i], _ = strconv.ParseFloat(cells[i+1], 64) // - is nothing to count
	}
	return n[0], n[1], n[2], true
}

func (c *Host) disk(r *steps.Result, parts map[string]string) error {
	size, used, left, ok := df(parts["disk"])
	if !ok || size == 0 {
		return fmt.Errorf("the disk of %s cannot be read", outside(c.Path))
	}
	if c.MinDisk != "" {
		atLeast(r, "disk", size*1024, c.MinDisk)
	}
	if c.MinFreePercent != "" {
		r.Saw("free", strconv.FormatFloat(left*1024/1e9, 'f', 1, 64), "", "GB")
		percent(r, "disk free", 100*left/max(1, used+left), c.MinFreePercent, "")
	}
	return nil
}

func (c *Host) inodes(r *steps.Result, parts map[string]string) error {
	all, _, free, ok := df(parts["inodes"])
	switch {
	case !ok:
		return fmt.Errorf("the inodes of %s cannot be read", outside(c.Path))
	case all == 0: // btrfs and their like make them as they need
		r.Saw("inodes free", "not limited", ">= "+c.MinInodesPercent, "%")
	default:
		percent(r, "inodes free", 100*free/all, c.MinInodesPercent, "")
	}
	return nil
}

// jiffies are those that all CPUs spent, and spent idle.
func jiffies(line string) (all, idle float64) {
	words := strings.Fields(line)
	if len(words) < 6 || words[0] != "cpu" {
		return 0, 0
	}
	// Time of guests is counted in that of user and nice already.
	for i, word := range words[1:min(len(words), 9)] {
		n, _ := strconv.ParseFloat(word, 64) // 0 then
		all += n
		if i == 3 || i == 4 {
			idle += n
		}
	}
	return all, idle
}

func (c *Host) busy(r *steps.Result, parts map[string]string) error {
	before, idleBefore := jiffies(parts["before"])
	after, idleAfter := jiffies(parts["after"])
	if before == 0 || after <= before {
		return errors.New("the time of its CPUs cannot be read")
	}
	percent(r, "CPU over "+steps.Duration(c.over()).String(), 100*(1-(idleAfter-idleBefore)/(after-before)), "", c.MaxCPUPercent)
	return nil
}

var securityUpdate = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?m)^Inst (\S+) .*\(.*(?:Debian-Security:|-security\b)`)
})

// fresh reports that the lists by which security updates are told are. Others of
// a stable release change only every few months, and apt gives a list the time
// of its last change.
func fresh(lists string) bool {
	all := strings.Split(strings.TrimSpace(lists), "\n")
	if named := slices.DeleteFunc(slices.Clone(all), func(one string) bool { return !strings.Contains(filepath.Base(one), "security") }); len(named) > 0 {
		return slices.ContainsFunc(named, isFresh)
	}
	return !slices.ContainsFunc(all, func(one string) bool { return !isFresh(one) })
}

func isFresh(list string) bool { return strings.HasPrefix(list, "fresh ") }

func updates(r *steps.Result, parts map[string]string) error {
	simulated, whole := strings.CutSuffix(strings.TrimSpace(parts["updates"]), "-- all")
	switch {
	case !whole:
		return errors.New("apt-get does not tell what waits")
	case !fresh(parts["lists"]):
		return errors.New("its package lists are older than 7 days (apt-get update)")
	}
	var names []string
	for _, hit := range securityUpdate().FindAllStringSubmatch(simulated, -1) {
		names = append(names, hit[1])
	}
	r.Saw("security updates", strconv.Itoa(len(names)), "0", "")
	if len(names) > 0 {
		r.Saw("they are", outside(strings.Join(names, " ")), "", "")
		r.Worsen(steps.Fail, "%d security updates wait, the first is %s; wanted none", len(names), outside(names[0]))
	}
	return nil
}

func reboot(r *steps.Result, parts map[string]string) error {
	if strings.TrimSpace(parts["reboot"]) != "" {
		r.Saw("reboot", "required", "none", "")
		r.Worsen(steps.Fail, "a reboot is required (/run/reboot-required)")
		return nil
	}
	running := strings.TrimSpace(parts["running"])
	var installed []string
	for _, file := range strings.Fields(parts["installed"]) {
		if kernel, ok := strings.CutPrefix(file, "vmlinuz-"); ok && flavour(kernel) == flavour(running) {
			installed = append(installed, kernel)
		}
	}
	if !slices.Contains(installed, running) {
		return fmt.Errorf("the kernel that runs, %s, is not under /boot: whether a newer one is installed is not known", outside(running))
	}
	newest := slices.MaxFunc(installed, natural)
	r.Saw("kernel", outside(running), outside(newest), "")
	if newest != running {
		r.Worsen(steps.Fail, "kernel %s runs, %s is installed; wanted a reboot", outside(running), outside(newest))
	}
	return nil
}

var runs = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\d+|\D+`) })

// flavour is a kernel's name without its numbers.
func flavour(kernel string) string {
	return regexp.MustCompile(`[\d.~+-]+`).ReplaceAllString(kernel, "#")
}

// natural orders names as people do: 6.1.0-9 before 6.1.0-18.
func natural(a, b string) int {
	left, right := runs().FindAllString(a, -1), runs().FindAllString(b, -1)
	return slices.CompareFunc(left, right, func(x, y string) int {
		m, err := strconv.Atoi(x)
		n, other := strconv.Atoi(y)
		if err == nil && other == nil {
			return m - n
		}
		return strings.Compare(x, y)
	})
}
