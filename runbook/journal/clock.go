package journal

import (
	"encoding/json"
	"fmt"
	"time"
)

// clockTolerance is how far the wall clock may run away from the time since
// boot before that is written down. Slewing moves both.
const clockTolerance = 2 * time.Second

// base is when the wall clock, as it is set now, says that Mono was 0.
func (e *Entry) base() time.Time { return e.Time.Add(-time.Duration(e.Mono) * time.Microsecond) }

// steps reports whether the wall clock was set by somebody.
func steps(by time.Duration) bool { return countsSuspended && by.Abs() > clockTolerance }

// clockStep is the request for an entry that nobody waits for: it stands before
// the first one by the other clock.
func clockStep(by time.Duration) *request {
	return &request{kind: KindClock, body: clockJSON(by), done: make(chan result, 1)}
}

// clockJSON is the body of a clock.step entry: how far the wall clock was set
// forward since the entry before, or back.
func clockJSON(by time.Duration) json.RawMessage {
	return fmt.Appendf(nil, `{"by_us":%d}`, by.Microseconds())
}
