//go:build fault

package bundle_test

import "testing"

// TestFaultScriptAgreesOnDamage is the rest of the changes, and of the bits.
func TestFaultScriptAgreesOnDamage(t *testing.T) {
	t.Parallel()
	d := wreck(t)
	d.change(d.changes()[often:])
	d.flip(6)
}
