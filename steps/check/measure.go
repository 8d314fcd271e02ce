package check

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"runbook/steps"
	"runbook/steps/safetext"
)

// measure stamps what look sees with its place, beginning and length. A bug in
// look is an unknown, never a crash of the operator's session; the panic's
// value may hold outside text, so only its type is told.
func measure(where string, look func(r *steps.Result)) (r steps.Result) {
	r = steps.Result{Where: where, Began: time.Now()}
	defer func() {
		if p := recover(); p != nil {
			r.Decide(steps.Unknown, "this check broke (%T): report it as a defect of runbook", p)
		}
		r.Took = time.Since(r.Began)
		if r.Verdict != steps.Pass && r.Reason == "" {
			r.Decide(steps.Unknown, "nothing was measured")
		}
	}()
	look(&r)
	return r
}

// crew are goroutines of one look. A panic in one of them would end the process,
// so wait panics with it where measure takes it up.
type crew struct {
	group sync.WaitGroup
	mu    sync.Mutex
	broke any // what the first panicked with
}

// start has work done in a goroutine of its own.
func (c *crew) start(work func()) { c.group.Go(func() { c.safely(work) }) }

// safely does work, and notes its panic.
func (c *crew) safely(work func()) {
	defer func() {
		if p := recover(); p != nil {
			c.mu.Lock()
			defer c.mu.Unlock()
			if c.broke == nil {
				c.broke = p
			}
		}
	}()
	work()
}

// wait returns when all have ended.
func (c *crew) wait() {
	c.group.Wait()
	if c.broke != nil {
		panic(c.broke)
	}
}

// outside makes one short, harmless line of text that was not written by us.
func outside(text string) string { return safetext.Sample(text) }

// quoted puts text in quotes that are not in it, where there are such. A pattern
// stands without: it brings enough marks of its own.
func quoted(text string) string {
	if strings.ContainsAny(text, "\"\\") && !strings.Contains(text, "'") {
		return "'" + text + "'"
	}
	return strconv.Quote(text)
}

// redact takes secrets out of text that may hold them.
func redact(text string, secrets []steps.Secret) string {
	var clean strings.Builder
	to := safetext.NewRedactor(&clean, secrets...)
	if _, err := to.Write([]byte(text)); err != nil || to.Close() != nil {
		return "(withheld)" // a strings.Builder takes everything
	}
	return clean.String()
}

// Bounds of what a book may ask for.
const (
	maxPattern = 1 << 10 // bytes of a regular expression
	maxBody    = 1 << 20 // bytes read of a body or a file to look for text in
)

// compile reads a regular expression of a book. Go's take time linear in the
// text, so only the size of the source needs a limit.
func compile(field, pattern string) (*regexp.Regexp, error) {
	if len(pattern) > maxPattern {
		return nil, fmt.Errorf("%s: a regular expression of %d bytes; the limit is %d", field, len(pattern), maxPattern)
	}
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", field, err)
	}
	return re, nil
}

// unfilled reports that a field still holds ${name}, so that only its execution
// can judge it.
func unfilled(field string) bool { return strings.Contains(field, "${") }

// validPattern is compile for load time.
func validPattern(field, pattern string) error {
	if unfilled(pattern) {
		return nil
	}
	_, err := compile(field, pattern)
	return err
}

// yesNo is how evidence says whether something was there.
func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// between is how evidence tells limits, of which either may be empty.
func between(least, most string) string {
	switch {
	case least == "":
		return "<= " + most
	case most == "":
		return ">= " + least
	}
	return least + " to " + most
}

// milliseconds is how evidence tells a length of time.
func milliseconds(d time.Duration) string { return fmt.Sprintf("%d", d.Milliseconds()) }
