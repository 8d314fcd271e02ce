package check

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/jackc/pgx/v5"

	"runbook/steps"
)

// Restore is run.probe.restore: the newest backup is restored into an empty
// database, compared with the original, and taken out of it again.
//
//	run.probe.restore = { from = "backups/app-*.dump", into = "scratch_database_url", compare = "database_url", max = "1h" }
//
//	from     a glob, relative to the target's dir: an archive of pg_dump, which
//	         the target's pg_restore turns into SQL, or a text dump of it
//	into     a secret var: the postgres:// URL of a database that holds nothing;
//	         the role must be allowed to make what the backup holds
//	compare  a secret var: the URL of the original. It is only read
//	tables   of it, as "schema.table"; default all
//	behind   percent of its rows by which a table may differ: what was written
//	         since the backup; default "0"
//	max      how long it may take, until the last row is back; default "1h"
//
// Owners and privileges of an archive are left out; a text dump is made with
// --no-owner and --no-privileges, or its roles are there. Of each table the rows
// are counted and the columns compared, not their contents. The database is
// empty again at the end: what was there before, extensions and empty schemas,
// is left.
//
// pass: restored in time, and equal. warn: so, but something is left in the
// database. fail: there is no backup, it can't be read to its end or restored,
// not in time, or a table is missing or differs. unknown: the database holds
// something, it or the original could not be asked, or a privilege is missing.
type Restore struct {
	From    string         `mapstructure:"from"`
	Into    string         `mapstructure:"into"`
	Compare string         `mapstructure:"compare"`
	Tables  []string       `mapstructure:"tables"`
	Behind  string         `mapstructure:"behind"`
	Max     steps.Duration `mapstructure:"max"`
}

// Touches is true: it writes a database, and loads its server.
func (c *Restore) Touches() bool { return true }

// Executes is what reads archives.
func (c *Restore) Executes() *Command { return &Command{Argv: []string{"pg_restore"}} }

// SecretVars are the two addresses.
func (c *Restore) SecretVars() []SecretVar {
	return []SecretVar{{"into", c.Into}, {"compare", c.Compare}}
}

// Plan is what it does to which database.
func (c *Restore) Plan() []string {
	plan := []string{"restore the newest of " + c.From + " into the database of " + c.Into + ", refused unless that is empty"}
	if c.Compare != "" {
		plan = append(plan, "count the rows of the database of "+c.Compare+", which is only read")
	}
	return append(plan, "at its end drop what was restored")
}

// Validate reports what is not named.
func (c *Restore) Validate() error {
	switch {
	case c.From == "" || c.Into == "":
		return errors.New("from, into: want both")
	case c.Into == c.Compare:
		return errors.New("into: is the original")
	case c.Compare == "" && (len(c.Tables) > 0 || c.Behind != ""):
		return errors.New("tables, behind: go with compare")
	}
	return validNumbers(map[string]string{"behind": c.Behind})
}

// scratchLimit is how long a look at either database may take, beside counting
// its rows.
const scratchLimit = 20 * time.Second

// countLimit is how long the rows of both may take to count.
const countLimit = 30 * time.Minute

// Do restores, compares and cleans up.
func (c *Restore) Do(ctx context.Context, w *steps.World) steps.Result {
	return measure("restore of "+outside(c.From), func(r *steps.Result) {
		if err := c.Validate(); err != nil {
			r.Decide(steps.Unknown, "%v", err)
			return
		}
		all, err := artefacts(w.Dir, c.From)
		switch {
		case w.Host != "":
			r.Decide(steps.Unknown, "a backup is restored from the machine of runbook, not from %s", outside(w.Host))
		case err != nil:
			r.Decide(steps.Unknown, "%v", err)
		case len(all) == 0:
			r.Decide(steps.Fail, "there is no backup")
		default:
			d, err := c.drill(ctx, w)
			if err == nil {
				r.Where = outside(d.into.where())
				r.Saw("backup", all[0].name(), "", steps.Duration(time.Since(all[0].info.ModTime()).Truncate(time.Second)).String()+" old")
				err = d.run(ctx, c, r, all[0])
			}
			if err != nil {
				verdict, reason := d.fault(ctx, err)
				r.Decide(verdict, "%s", outside(redact(reason, []steps.Secret{d.into.password, d.original.password})))
			}
		}
	})
}

// drill is one restore: from where to where.
type drill struct {
	world          *steps.World
	into, original place
	compares       bool
	name           string // of the secret with the database's address
}

func (c *Restore) drill(ctx context.Context, w *steps.World) (d drill, err error) {
	d = drill{world: w, name: c.Into, compares: c.Compare != ""}
	for _, one := range []struct {
		name string
		at   *place
	}{{c.Into, &d.into}, {c.Compare, &d.original}} {
		if one.name == "" {
			continue
		}
		dsn, err := secretVar(ctx, w, one.name)
		if err != nil {
			return d, unmeasured(err.Error())
		}
		if *one.at, err = placeOfURL(one.name, dsn.Reveal()); err != nil {
			return d, unmeasured(err.Error())
		}
	}
	if d.compares && d.into.where() == d.original.where() {
		return d, unmeasured(c.Into + " and " + c.Compare + " are the same database")
	}
	return d, nil
}

// fault is what an error means: of the backup, or of a database.
func (d drill) fault(ctx context.Context, err error) (steps.Verdict, string) {
	var bad broken
	if errors.As(err, &bad) {
		return steps.Fail, string(bad)
	}
	return (&Postgres{DSN: d.name, Timeout: steps.Duration(scratchLimit)}).fault(ctx, err)
}

func (d drill) run(ctx context.Context, c *Restore, r *steps.Result, from artefact) (err error) {
	before, err := d.empty(ctx)
	if err != nil {
		return err
	}
	defer func() {
		left, failed := d.clean(before)
		switch {
		case failed != nil:
			r.Saw("cleaned up", outside(failed.Error()), "yes", "")
		default:
			r.Saw("cleaned up", cmp.Or(outside(left), "yes"), "yes", "")
		}
		if err == nil && (failed != nil || left != "") {
			r.Worsen(steps.Warn, "the database of %s is not empty again: drop it and make it anew", c.Into)
		}
	}()
	began := time.Now()
	if err := d.restore(ctx, cmp.Or(c.Max.D(), time.Hour), from); err != nil {
		return err
	}
	r.Saw("restored within", steps.Duration(time.Since(began).Truncate(time.Millisecond)).String(), cmp.Or(c.Max, steps.Duration(time.Hour)).String(), "")
	r.Decide(steps.Pass, "")
	if !d.compares {
		return nil
	}
	return d.compare(ctx, c, r)
}

// restore feeds a dump to the database, within its time.
func (d drill) restore(whole context.Context, limit time.Duration, from artefact) error {
	ctx, cancel := context.WithTimeout(whole, limit)
	defer cancel()
	err := d.feedOver(ctx, from)
	late, _ := ctx.Deadline() // a connection keeps to it by itself, and may be there before ctx is
	if err != nil && whole.Err() == nil && !time.Now().Before(late) {
		return broken(fmt.Sprintf("not restored within %s", steps.Duration(limit)))
	}
	return err
}

// feedOver feeds a dump over a connection of its own.
func (d drill) feedOver(ctx context.Context, from artefact) error {
	config, err := d.into.config(d.world)
	if err != nil {
		return unmeasured(err.Error())
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	defer func() {
		done, stop := context.WithTimeout(context.Background(), time.Second)
		defer stop()
		_ = conn.Close(done) // it has what it was given, or not
	}()
	return d.feed(ctx, conn.PgConn(), from)
}

// archive reports whether a file is one of pg_dump's own formats.
func archive(path string) (bool, error) {
	file, err := os.Open(path) // #nosec G304 -- a book names it
	if err != nil {
		return false, unmeasured("the backup cannot be read: " + bare(err))
	}
	defer func() { _ = file.Close() }() // only read from
	head := make([]byte, 262)
	n, _ := file.Read(head) // what is empty is no archive
	return n >= 5 && string(head[:5]) == "PGDMP" || n == len(head) && string(head[257:262]) == "ustar", nil
}
