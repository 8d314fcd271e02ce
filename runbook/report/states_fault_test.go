//go:build fault

package report

import "testing"

func TestFaultLongRun(t *testing.T) { longRun(t, 10_000) }
