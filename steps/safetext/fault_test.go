//go:build fault

package safetext_test

import "testing"

func TestFaultGigabyteInOneLine(t *testing.T) {
	held, arrived := writeEndless(t, endless["letters"], 1<<30)
	if held > 1<<20 || arrived < 1<<30 {
		t.Errorf("%d bytes are held of a gigabyte, %d arrived", held, arrived)
	}
}
