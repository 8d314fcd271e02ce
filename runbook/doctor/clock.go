package doctor

import (
	"context"
	"fmt"
	"time"

	"runbook/steps"
)

// No certificate and no signature of ours is older, or will be younger.
const firstYear, lastYear = 2025, 2100

// clock looks at the wall clock: entries, certificates and slots go by it.
func (h Host) clock(context.Context) []Finding {
	const what = "clock"
	now := time.Now()
	found := synchronised(what, now.UTC().Format("2006-01-02 15:04:05Z"))
	if year := now.UTC().Year(); year < firstYear || year > lastYear {
		found = one(steps.Fail, what, fmt.Sprintf("it is the year %d here", year), fmt.Sprintf("%d to %d", firstYear, lastYear), "set the clock")
	}
	if zone := h.Getenv("TZ"); zone != "" {
		if _, err := time.LoadLocation(zone); err != nil {
			found = append(found, one(steps.Warn, "TZ", "no time zone: "+zone, "", "unset TZ, or name one such as Europe/Berlin")...)
		}
	}
	return found
}

// milliseconds is a number of microseconds for people.
func milliseconds(us int64) string {
	return (time.Duration(us) * time.Microsecond).Round(time.Millisecond).String()
}
