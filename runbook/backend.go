package runbook

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"runbook/steps"
	"runbook/steps/check"
	"runbook/steps/safetext"
)

// appVar carries a command's application name. It is ours alone: a book's var
// can't be called so (PG… is reserved), and a target sets no such variable. A
// program that sets an application name of its own wins over it; its sessions
// are then not found, which is told as such.
const appVar = "PGAPPNAME"

// maxApp is how much of an application name PostgreSQL keeps, in bytes.
const maxApp = 63

// appName is what PostgreSQL calls the sessions of an attempt: "runbook
// 7f3a91c2 migrate.1". Eight digits of the run, not the four people say: what
// carries the name may be cancelled.
func (r *Run) appName(step string, attempt int) string {
	before, after := "runbook "+r.ID[:min(8, len(r.ID))]+" ", "."+strconv.Itoa(attempt)
	if room := maxApp - len(before) - len(after); len(step) > room {
		sum := sha256.Sum256([]byte(step)) // two long ids may begin alike
		step = step[:room-9] + "~" + hex.EncodeToString(sum[:4])
	}
	return before + step + after
}

// Server is one PostgreSQL as seen last: the sessions of the command there,
// and who stands in their way.
type Server struct {
	Where    string // host:port/database
	At       time.Time
	Activity check.Activity
	Unknown  string // why nothing could be seen
}

// door is where one secret of a command leads to.
type door struct {
	secret string

	asking   sync.Mutex // one look at a time
	kept     bool       // somebody goes on looking, and the connection stays open for it
	database *check.Database

	mu     sync.Mutex
	server Server
}

// keepAsking looks at the command's sessions while it runs, and after that
// until the step is settled: what outlived the command may still connect.
func (s *Session) keepAsking(ctx context.Context, c *companion, d *door) {
	d.keep(true)
	defer d.keep(false)
	for {
		began := time.Now()
		running, open := s.stage(c) // before the look: what is seen after the end counts
		seen, ok := s.askAt(ctx, c, d)
		if !ok || !running && !open {
			return
		}
		pace := max(livePace, liveRest*time.Since(began))
		if seen.Unknown != "" || open && len(seen.Activity.Backends) == 0 {
			pace = max(pace, quietPace)
		}
		if pause(ctx, pace) != nil {
			return
		}
	}
}

// askAt looks once at where a secret leads to. ok is false if that is no
// database.
func (s *Session) askAt(ctx context.Context, c *companion, d *door) (seen Server, ok bool) {
	d.asking.Lock()
	defer d.asking.Unlock()
	defer d.shut()
	seen = Server{Where: d.secret, At: time.Now()}
	secret, err := c.world.Secret(ctx, d.secret)
	if err == nil && d.database == nil {
		if d.database, ok = check.NewDatabase(d.secret, secret, c.world); !ok {
			d.database = nil
			return Server{}, false
		}
	}
	if err == nil {
		seen.Where = d.database.Where()
		seen.Activity, err = c.backends(ctx, d.database)
		hideQueries(seen.Activity, secret)
		c.note(seen.Activity)
	}
	if err != nil {
		seen.Unknown = safetext.Line(err.Error())
	}
	if ctx.Err() == nil {
		d.mu.Lock()
		d.server = seen
		d.mu.Unlock()
		s.signal()
	}
	return seen, true
}

// backends looks once, unless the address means the host that the command
// runs on: from here it leads elsewhere.
func (c *companion) backends(ctx context.Context, d *check.Database) (check.Activity, error) {
	if len(c.step.On) > 0 && d.Local() {
		return check.Activity{}, errors.New("that is on the command's own host, and can't be asked from here")
	}
	return d.Backends(ctx, c.app)
}

// note keeps the longest wait for the log.
func (c *companion) note(a check.Activity) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, b := range a.Backends {
		if b.Blocked && len(b.Blockers) > 0 && b.Waits >= c.waited.Waits {
			c.waited = b
		}
	}
}

// sawBlocked is what a command's result says of its longest wait for a lock.
func (s *Session) sawBlocked(step string) []steps.Evidence {
	s.mu.Lock()
	c := s.company[step]
	s.mu.Unlock()
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.waited.Blockers) == 0 {
		return nil
	}
	by := c.waited.Blockers[0]
	return []steps.Evidence{{
		Label: "blocked", Value: fmt.Sprintf("at least %s by pid %d, %q of %q, %s", c.waited.Waits.Round(time.Second), by.PID, by.App, by.User, by.State),
	}}
}

// hideQueries takes a secret out of what sessions execute: their literals are
// gone, and a password may stand elsewhere.
func hideQueries(a check.Activity, secret steps.Secret) {
	hide := []steps.Secret{secret}
	for i := range a.Backends {
		a.Backends[i].Query = clean(a.Backends[i].Query, hide)
		for k := range a.Backends[i].Blockers {
			a.Backends[i].Blockers[k].Query = clean(a.Backends[i].Blockers[k].Query, hide)
		}
	}
}

// keep says whether somebody goes on looking.
func (d *door) keep(on bool) {
	d.asking.Lock()
	defer d.asking.Unlock()
	d.kept = on
	d.shut()
}

// shut closes a connection that nobody goes on with.
func (d *door) shut() {
	if d.database != nil && !d.kept {
		d.database.Close()
		d.database = nil
	}
}

// servers are the databases as seen last. A session that two secrets lead to
// is told once.
func (c *companion) servers() []Server {
	var all []Server
	for _, d := range c.doors {
		d.mu.Lock()
		seen := d.server
		d.mu.Unlock()
		if seen.At.IsZero() {
			continue
		}
		seen.Activity.Backends = slices.DeleteFunc(slices.Clone(seen.Activity.Backends), func(b check.Backend) bool {
			return slices.ContainsFunc(all, func(other Server) bool { return host(other) == host(seen) && other.has(b.PID) })
		})
		all = append(all, seen)
	}
	return all
}

func host(s Server) string { return s.Where[:max(0, strings.LastIndexByte(s.Where, '/'))] }

func (s Server) has(pid int) bool {
	return slices.ContainsFunc(s.Activity.Backends, func(b check.Backend) bool { return b.PID == pid })
}

// lookAfter looks at what commands of earlier sessions left open.
func (s *Session) lookAfter() {
	for id, st := range s.State().Steps {
		if step := s.book.Step(id); step != nil && (st.State == Running || st.State.Open()) {
			s.accompany(step, st.Attempt)
		}
	}
}

// LiveNow is Live after a look of its own at the command's sessions, which
// waits some seconds at most.
func (s *Session) LiveNow(ctx context.Context, step string) Live {
	st := s.State().Steps[step]
	if st == nil || st.State != Running && !st.State.Open() {
		return Live{}
	}
	c := s.accompany(s.book.Step(step), st.Attempt)
	if c == nil {
		return Live{}
	}
	var group sync.WaitGroup
	for _, d := range c.doors {
		group.Go(func() { s.askAt(ctx, c, d) })
	}
	group.Wait()
	return s.Live(step)
}
