package check

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"runbook/steps"
)

func askSettings(ctx context.Context, c *Postgres, s *session, r *steps.Result) error {
	if c.Role != "" {
		there, err := s.shippedQuery(ctx, "role", c.Role)
		if err != nil {
			return err
		}
		if len(there) == 0 {
			r.Decide(steps.Fail, "role %s does not exist", outside(c.Role))
			return nil
		}
	}
	rows, err := s.shippedQuery(ctx, "settings", sortedKeys(c.Settings), c.Role)
	if err != nil {
		return err
	}
	for _, one := range rows {
		judgeSetting(r, one, c.Settings[one.text("name")])
	}
	return nil
}

// judgeSetting holds one setting against what is wanted of it.
func judgeSetting(r *steps.Result, one row, wanted string) {
	name := outside(one.text("name"))
	switch {
	case !one.yes("seen") && one.yes("sees_all"):
		r.Saw(name, "not known", wanted, "")
		r.Worsen(steps.Fail, "the server knows no setting %s", name)
		return
	case !one.yes("seen"):
		r.Worsen(steps.Unknown, "%s is not known, or this role may not see it: grant it pg_read_all_settings", name)
		return
	case one["value"] == nil:
		r.Worsen(steps.Unknown, "%s is set for the role that asks, so what others have is not seen", name)
		return
	}
	value := one.text("value")
	r.Saw(name, outside(value), wanted, outside(one.text("unit")))
	holds, err := settingHolds(one.text("vartype"), one.text("unit"), value, wanted)
	switch {
	case err != nil:
		r.Worsen(steps.Unknown, "%s: %v", name, err)
	case !holds:
		r.Worsen(steps.Fail, "%s is %s, wanted %s", name, outside(cmp.Or(strings.TrimSpace(value+" "+unitShown(one)), "empty")), wanted)
	case one.yes("pending_restart"):
		r.Worsen(steps.Warn, "%s is as wanted, and will have another value after the next restart", name)
	}
}

// unitShown is the unit of a value that does not name its own.
func unitShown(one row) string {
	if strings.TrimLeft(one.text("value"), "-.0123456789") != "" {
		return ""
	}
	return one.text("unit")
}

// settingHolds reports whether a value is the one wanted: numbers as amounts,
// with the units that postgresql.conf knows, of which bounds may be wanted.
func settingHolds(vartype, unit, value, wanted string) (bool, error) {
	switch vartype {
	case "integer", "real":
		return amountHolds(unit, value, wanted)
	case "bool":
		on, known := switches[strings.ToLower(wanted)]
		if !known {
			return false, fmt.Errorf("%q is neither on nor off", wanted)
		}
		return switches[strings.ToLower(value)] == on, nil
	case "enum":
		return strings.EqualFold(value, wanted), nil
	}
	return value == wanted, nil
}

// switches are the words that PostgreSQL knows for on and off.
var switches = map[string]bool{"on": true, "true": true, "yes": true, "1": true, "off": false, "false": false, "no": false, "0": false}

func amountHolds(unit, value, wanted string) (bool, error) {
	is, err := amount(value, unit)
	if err != nil {
		return false, err
	}
	least, most := wanted, wanted
	if from, to, both := strings.Cut(wanted, " to "); both {
		least, most = from, to
	} else if bound, ok := strings.CutPrefix(wanted, ">="); ok {
		least, most = bound, ""
	} else if bound, ok := strings.CutPrefix(wanted, "<="); ok {
		least, most = "", bound
	}
	for _, bound := range []struct {
		text string
		sign float64
	}{{least, 1}, {most, -1}} {
		if bound.text == "" {
			continue
		}
		limit, err := amount(bound.text, unit)
		if err != nil || (is-limit)*bound.sign < 0 {
			return false, err
		}
	}
	return true, nil
}

// The units of postgresql.conf, in bytes and in milliseconds.
var (
	memoryUnits = map[string]float64{"B": 1, "kB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30, "TB": 1 << 40}
	timeUnits   = map[string]float64{"us": 0.001, "ms": 1, "s": 1e3, "min": 60e3, "h": 3600e3, "d": 24 * 3600e3}
)

// amount reads a number as PostgreSQL does: one without a unit is in that of its
// setting, which may be a number of them ("8kB").
func amount(text, unit string) (float64, error) {
	text = strings.TrimSpace(text)
	digits := text[:len(text)-len(strings.TrimLeft(text, "+-.0123456789"))]
	n, err := finite(digits)
	suffix := strings.TrimSpace(text[len(digits):])
	if err != nil || unit == "" && suffix != "" {
		return 0, fmt.Errorf("%q is no number of it", outside(text))
	}
	if unit == "" {
		return n, nil
	}
	units := memoryUnits
	if _, isTime := timeUnits[unit]; isTime {
		units = timeUnits
	}
	suffix = cmp.Or(suffix, unit)
	times := 1.0
	if bare := strings.TrimLeft(suffix, "0123456789"); bare != suffix {
		if times, err = finite(strings.TrimSuffix(suffix, bare)); err != nil {
			return 0, err
		}
		suffix = bare
	}
	size, known := units[suffix]
	if !known {
		return 0, fmt.Errorf("%q has a unit that is none of %s", outside(text), strings.Join(sortedKeys(units), ", "))
	}
	return n * times * size, nil
}

// askExtensions takes each as a name, or as "name >= version".
func askExtensions(ctx context.Context, c *Postgres, s *session, r *steps.Result) error {
	var names []string
	least := map[string]string{}
	for _, wanted := range c.Extensions {
		name, version, _ := strings.Cut(wanted, ">=")
		name = strings.TrimSpace(name)
		names, least[name] = append(names, name), strings.TrimSpace(version)
	}
	rows, err := s.shippedQuery(ctx, "extensions", names)
	if err != nil {
		return err
	}
	for _, one := range rows {
		c.judgeExtension(r, one, least[one.text("name")])
	}
	return nil
}

func (c *Postgres) judgeExtension(r *steps.Result, one row, least string) {
	name, installed, available := outside(one.text("name")), outside(one.text("installed")), outside(one.text("available"))
	limit := "installed"
	if least != "" {
		limit = ">= " + least
	}
	r.Saw(name, cmp.Or(installed, "not installed"), limit, strings.TrimSpace(strings.TrimPrefix(available+" available", " ")))
	version := installed
	switch {
	case installed != "":
	case available == "":
		r.Worsen(steps.Fail, "%s is not installed, and the server has no package of it", name)
		return
	case c.Pending != "any":
		r.Worsen(steps.Fail, "%s is not installed; version %s is available", name, available)
		return
	case !one.yes("may_create"):
		r.Worsen(steps.Fail, "%s is not installed, and this role may not create it", name)
		return
	default:
		version = available
	}
	if least == "" {
		return
	}
	behind, err := older(version, least)
	if err != nil {
		r.Worsen(steps.Unknown, "%s: %v", name, err)
	} else if behind {
		r.Worsen(steps.Fail, "%s has version %s, wanted at least %s", name, version, least)
	}
}
