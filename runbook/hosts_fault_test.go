//go:build fault

package runbook

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"runbook/steps/run/loopback"
)

// TestFaultConnectionsToAHostDrop cuts the connection to a host again and
// again, at any moment: while ssh connects, while the script is on its way,
// while rows are printed, while the host is asked.
func TestFaultConnectionsToAHostDrop(t *testing.T) {
	const rounds, rows = 20, 60
	var want strings.Builder
	for i := range rows {
		fmt.Fprintf(&want, "row %d\n", i+1)
	}
	cuts, never := 0, 0
	for round := range rounds {
		t.Run(fmt.Sprint(round), func(t *testing.T) {
			s := loopback.Start(t)
			f := beginOn(t, onHosts(`"a"`, `sh = 'i=0; while [ "$i" -lt 60 ]; do i=$((i+1)); echo "row $i" | tee -a rows; sleep 0.05; done; exit 42'`), s)
			done := make(chan error, 1)
			go func() { done <- f.try(RunStep, "it") }()
			cut := 0
			for ended := false; !ended; {
				pause := time.NewTimer(rand.N(1500 * time.Millisecond))
				select {
				case err := <-done:
					if ended = true; err != nil {
						t.Fatal(err)
					}
				case <-pause.C:
					if cut < 3 {
						cut += s.Cut()
					}
				}
				pause.Stop()
			}
			cuts += cut
			st := f.step()
			there := rowsOf(t, s)
			switch {
			case st.State == Failed && st.Reason == "exit 42" && there == want.String() && strings.HasPrefix(output(t, f), want.String()+"-- a: exit 42 -- "):
			case st.State == Failed && strings.HasPrefix(st.Reason, "not started: ") && there == "":
				never++
			default:
				t.Errorf("%d cuts: %s (%s), %d bytes of rows there, printed %q", cut, st.State, st.Reason, len(there), output(t, f))
			}
			t.Logf("%d cuts: %s (%s), connections %d", cut, st.State, st.Reason, s.Served())
		})
	}
	if cuts < rounds || never == rounds {
		t.Errorf("%d cuts in %d rounds, %d of which never started", cuts, rounds, never)
	}
}
