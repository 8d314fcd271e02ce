package check

import (
	"encoding/base64"
	"encoding/hex"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestEntropyOfRandomKeys(t *testing.T) {
	t.Parallel()
	lowestHex, lowestBase64 := 1000, 1000
	keys := rand.NewChaCha8([32]byte{}) // the same each time: of others, one in a million is estimated lower
	for range 2000 {
		key := make([]byte, 32)
		_, _ = keys.Read(key) // it never fails
		for _, form := range []struct {
			text   string
			lowest *int
		}{{hex.EncodeToString(key), &lowestHex}, {base64.StdEncoding.EncodeToString(key), &lowestBase64}} {
			bits := entropyBits(form.text)
			*form.lowest = min(*form.lowest, bits)
			if bits > 256 {
				t.Errorf("%d bits for 32 bytes: the estimate is not from below", bits)
			}
			if size, _ := keyBytes(form.text); size != 32 {
				t.Errorf("keyBytes = %d for 32 bytes in %q", size, form.text)
			}
		}
	}
	if lowestHex < 180 || lowestBase64 < 160 {
		t.Errorf("random keys of 256 bits estimated as low as %d (hex), %d (base64)", lowestHex, lowestBase64)
	}
	t.Logf("lowest estimates of 256 bits: hex %d, base64 %d", lowestHex, lowestBase64)
}

func TestEntropyOfMadeUpKeys(t *testing.T) {
	t.Parallel()
	for value, most := range map[string]int{
		"":                                 0,
		strings.Repeat("a", 64):            0,
		strings.Repeat("ab", 40):           3,
		strings.Repeat("correct-horse", 9): 27,
		"abcdefghijklmnopqrstuvwxyz012345": 20,
		"secret":                           13,
		"your-super-secret-jwt-key":        60,
		"12345678901234567890123456789012": 20,
		"correct horse battery staple":     52,
	} {
		if bits := entropyBits(value); bits > most {
			t.Errorf("entropyBits(%q) = %d, want at most %d", value, bits, most)
		}
	}
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	for _, value := range []string{
		"secret", "changeme", "Change-Me", "your-secret-key", "jwt-secret", "your-super-secret-jwt-key-change-in-production",
		"password", "postgres", "keyboard cat", "<your key>", "${JWT_SECRET}", "replace-with-random",
	} {
		if !isDefault(value) {
			t.Errorf("%q is not known as a default", value)
		}
	}
	for _, value := range []string{"q7Zt2LmXw9RbY4sKd8VhNc3Ug6JpTf1A", "0f3a9c", "production"} {
		if isDefault(value) {
			t.Errorf("%q is taken for a default", value)
		}
	}
}
