package steps

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Duration is a time.Duration that books may also write in days and weeks:
// "90s", "15m", "24h", "7d", "1w".
type Duration time.Duration

// D is the value as the standard library knows it.
func (d Duration) D() time.Duration { return time.Duration(d) }

// UnmarshalText reads the book's form.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := ParseDuration(string(text))
	*d = Duration(v)
	return err
}

// MarshalText writes the shortest form that UnmarshalText reads back.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// String is the book's form: whole days as "7d", otherwise as Go prints it
// without trailing zero units.
func (d Duration) String() string {
	v := time.Duration(d)
	if v != 0 && v%(24*time.Hour) == 0 {
		return strconv.Itoa(int(v/(24*time.Hour))) + "d"
	}
	s := v.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// ParseDuration reads what time.ParseDuration reads, and whole days ("7d") and
// weeks ("1w"). Negative durations are refused: no field of a book means one.
func ParseDuration(s string) (time.Duration, error) {
	unit := map[string]time.Duration{"d": 24 * time.Hour, "w": 7 * 24 * time.Hour}
	for suffix, length := range unit {
		if n, err := strconv.Atoi(strings.TrimSuffix(s, suffix)); err == nil && strings.HasSuffix(s, suffix) && n >= 0 && n <= 3650 {
			return time.Duration(n) * length, nil
		}
	}
	v, err := time.ParseDuration(s)
	if err != nil || v < 0 {
		return 0, fmt.Errorf("not a duration: %q (such as 90s, 15m, 24h, 7d)", s)
	}
	return v, nil
}
