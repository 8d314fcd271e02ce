package check

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"runbook/steps"
)

// Backup is check.backup: the backups that lie in a directory of this machine.
// What is asked of one is asked of the newest, by the time it was last written.
//
//	check.backup = { files = "backups/app-*.dump", max_age = "26h", min_ratio = "0.7", read = "pg_restore" }
//
//	files      a glob, relative to the target's dir
//	max_age    of the newest
//	min_size   of the newest: "1MiB"
//	min_ratio  of its size to the median of the 7 before it: one that shrinks
//	           was cut, or its data is gone
//	keep       at least so many are there
//	oldest     none is older
//	reach      one is at least so old: how far back one can go
//	read       the newest is read to its end, as
//	           pg_restore  an archive of pg_dump -Fc, -Fd or -Ft, by the target's
//	                       pg_restore
//	           tar         .tar, also compressed by gzip or bzip2
//	           gzip        anything compressed by it; a text dump of PostgreSQL
//	                       must have its last line
//	           sha256      what NAME.sha256 or SHA256SUMS beside it says it is
//	encrypted  "gpg" or "age": the newest is a message of it; gpg's is followed to
//	           its end, of age only the header can be read without its key
//	recipient  of gpg: one of the keys it is for, the last digits of the id of
//	           the subkey that encrypts
//	timeout    of reading; default "30m"
//
// pass: all that is given holds. fail: there is none, or something does not
// hold. unknown: they can't be read, there is no earlier one to compare with, no
// sum, no pg_restore new enough, or it was not read to its end in time.
type Backup struct {
	Files     string         `mapstructure:"files"`
	MaxAge    steps.Duration `mapstructure:"max_age"`
	MinSize   string         `mapstructure:"min_size"`
	MinRatio  string         `mapstructure:"min_ratio"`
	Keep      string         `mapstructure:"keep"`
	Oldest    steps.Duration `mapstructure:"oldest"`
	Reach     steps.Duration `mapstructure:"reach"`
	Read      string         `mapstructure:"read"`
	Encrypted string         `mapstructure:"encrypted"`
	Recipient string         `mapstructure:"recipient"`
	Timeout   steps.Duration `mapstructure:"timeout"`
}

// Touches is false: it reads.
func (c *Backup) Touches() bool { return false }

// Executes is pg_restore, if that reads.
func (c *Backup) Executes() *Command {
	if c.Read != "pg_restore" {
		return nil
	}
	return &Command{Argv: []string{"pg_restore"}}
}

// Validate reports that nothing is asked, and what cannot be read.
func (c *Backup) Validate() error {
	switch {
	case c.Files == "":
		return errors.New("files: missing")
	case c.MaxAge == 0 && c.Oldest == 0 && c.Reach == 0 && c.MinSize+c.MinRatio+c.Keep+c.Read+c.Encrypted == "":
		return errors.New("nothing is asked: max_age, min_size, min_ratio, keep, oldest, reach, read or encrypted")
	case c.Read != "" && readers[c.Read] == nil && !unfilled(c.Read):
		return fmt.Errorf("read: %q is none of pg_restore, tar, gzip, sha256", c.Read)
	case c.Encrypted != "" && c.Encrypted != "gpg" && c.Encrypted != "age" && !unfilled(c.Encrypted):
		return fmt.Errorf("encrypted: %q is neither gpg nor age", c.Encrypted)
	case c.Recipient != "" && c.Encrypted != "gpg":
		return errors.New("recipient: goes with encrypted = \"gpg\"")
	}
	if _, err := parseSize(c.MinSize); c.MinSize != "" && err != nil && !unfilled(c.MinSize) {
		return fmt.Errorf("min_size: %w", err)
	}
	return validNumbers(map[string]string{"min_ratio": c.MinRatio, "keep": c.Keep})
}

// artefact is a file that a backup is in.
type artefact struct {
	path string
	info os.FileInfo
}

func (a artefact) name() string { return outside(filepath.Base(a.path)) }

// artefacts are the regular files of a glob, newest first; a link to one of
// them is no other one.
func artefacts(dir, glob string) ([]artefact, error) {
	if !filepath.IsAbs(glob) {
		if dir == "" {
			return nil, errors.New("files is relative, and the target has no dir")
		}
		glob = filepath.Join(escapeGlob(dir), glob)
	}
	paths, err := filepath.Glob(glob)
	if err != nil {
		return nil, fmt.Errorf("files: %s", outside(err.Error()))
	}
	var all []artefact
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, fmt.Errorf("%s cannot be looked at: %s", outside(filepath.Base(path)), bare(err))
		}
		if info.Mode().IsRegular() && !slices.ContainsFunc(all, func(a artefact) bool { return os.SameFile(a.info, info) }) {
			all = append(all, artefact{path, info})
		}
	}
	if len(all) == 0 { // a glob says nothing of a directory that it can't enter
		if _, err := os.ReadDir(filepath.Dir(glob)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("%s cannot be read: %s", outside(filepath.Dir(glob)), bare(err))
		}
	}
	slices.SortStableFunc(all, func(a, b artefact) int { return b.info.ModTime().Compare(a.info.ModTime()) })
	return all, nil
}

// Do looks at the files, and reads the newest.
func (c *Backup) Do(ctx context.Context, w *steps.World) steps.Result {
	return measure(outside(c.Files), func(r *steps.Result) {
		if err := c.Validate(); err != nil {
			r.Decide(steps.Unknown, "%v", err)
			return
		}
		if w.Host != "" {
			r.Decide(steps.Unknown, "backups are looked at on the machine of runbook, not on %s", outside(w.Host))
			return
		}
		all, err := artefacts(w.Dir, c.Files)
		switch {
		case err != nil:
			r.Decide(steps.Unknown, "%v", err)
		case len(all) == 0:
			r.Saw("backups", "0", cmp.Or(c.Keep, "1"), "")
			r.Decide(steps.Fail, "there is no backup")
		default:
			r.Where = outside(all[0].path)
			r.Decide(steps.Pass, "")
			c.newest(r, all)
			c.number(r, all)
			c.content(ctx, w, r, all[0])
		}
	})
}

// newest judges the age and the size of the newest.
func (c *Backup) newest(r *steps.Result, all []artefact) {
	newest := all[0]
	age := time.Since(newest.info.ModTime()).Truncate(time.Second)
	limit := ""
	if c.MaxAge != 0 {
		limit = c.MaxAge.String()
	}
	r.Saw(newest.name(), steps.Duration(age).String()+" old", limit, "")
	switch {
	case c.MaxAge != 0 && age < -5*time.Minute:
		r.Worsen(steps.Unknown, "%s was written in the future: a clock is wrong", newest.name())
	case c.MaxAge != 0 && age > c.MaxAge.D():
		r.Worsen(steps.Fail, "the newest, %s, is %s old, wanted within %s", newest.name(), steps.Duration(age), c.MaxAge)
	}
	least, err := parseSize(cmp.Or(c.MinSize, "0"))
	r.Saw("size", strconv.FormatInt(newest.info.Size(), 10), c.MinSize, "bytes")
	if err != nil || newest.info.Size() < least {
		r.Worsen(verdictOf(err), "%s has %d bytes, wanted at least %s", newest.name(), newest.info.Size(), c.MinSize)
	}
	if c.MinRatio != "" {
		c.ratio(r, newest, all[1:])
	}
}

func (c *Backup) ratio(r *steps.Result, newest artefact, before []artefact) {
	least, err := number(c.MinRatio, "")
	if err != nil {
		r.Worsen(steps.Unknown, "min_ratio: %v", err)
		return
	}
	before = before[:min(len(before), 7)]
	if len(before) == 0 {
		r.Worsen(steps.Unknown, "no backup before %s is there to compare its size with", newest.name())
		return
	}
	sizes := make([]int64, len(before))
	for i, one := range before {
		sizes[i] = one.info.Size()
	}
	slices.Sort(sizes)
	usual := sizes[len(sizes)/2]
	ratio := float64(newest.info.Size()) / float64(max(usual, 1))
	r.Saw("of the usual size", strconv.FormatFloat(ratio, 'f', 2, 64), ">= "+c.MinRatio, fmt.Sprintf("median of %d", len(sizes)))
	if ratio < least {
		r.Worsen(steps.Fail, "%s has %d bytes, %.2f of the usual %d; wanted at least %s", newest.name(), newest.info.Size(), ratio, usual, c.MinRatio)
	}
}

// number judges how many there are, and how far back they go.
func (c *Backup) number(r *steps.Result, all []artefact) {
	if c.Keep != "" {
		least, err := number(c.Keep, "")
		r.Saw("backups", strconv.Itoa(len(all)), ">= "+c.Keep, "")
		if err != nil || float64(len(all)) < least {
			r.Worsen(verdictOf(err), "%d backups, wanted at least %s", len(all), c.Keep)
		}
	}
	last := all[len(all)-1]
	age := steps.Duration(time.Since(last.info.ModTime()).Truncate(time.Minute))
	if c.Oldest > 0 || c.Reach > 0 {
		r.Saw("oldest", age.String()+" old", between(given(c.Reach), given(c.Oldest)), "")
	}
	if c.Oldest > 0 && age > c.Oldest {
		r.Worsen(steps.Fail, "%s is %s old, wanted none older than %s", last.name(), age, c.Oldest)
	}
	if c.Reach > 0 && age < c.Reach {
		r.Worsen(steps.Fail, "the oldest, %s, is %s old: wanted one of %s", last.name(), age, c.Reach)
	}
}

// given is a length of time, or nothing.
func given(d steps.Duration) string {
	if d == 0 {
		return ""
	}
	return d.String()
}

// content reads the newest.
func (c *Backup) content(whole context.Context, w *steps.World, r *steps.Result, newest artefact) {
	if c.Read == "" && c.Encrypted == "" {
		return
	}
	limit := cmp.Or(c.Timeout.D(), 30*time.Minute)
	ctx, cancel := context.WithTimeout(whole, limit)
	defer cancel()
	tell := func(label, wanted, saw string, err error) {
		var bad broken
		switch {
		case err == nil:
			r.Saw(label, saw, wanted, "")
		case errors.As(err, &bad):
			r.Saw(label, outside(string(bad)), wanted, "")
			r.Worsen(steps.Fail, "%s: %s", newest.name(), outside(string(bad)))
		case whole.Err() == nil && ctx.Err() != nil:
			r.Worsen(steps.Unknown, "%s was not read to its end within %s", newest.name(), steps.Duration(limit))
		default:
			r.Worsen(steps.Unknown, "%s: %s", newest.name(), bare(err))
		}
	}
	if c.Encrypted != "" {
		saw, err := c.sealed(ctx, newest.path)
		tell("encrypted", c.Encrypted, saw, err)
	}
	if c.Read != "" {
		saw, err := readers[c.Read](ctx, w, newest.path)
		tell("read as "+c.Read, "to its end", saw, err)
	}
}
