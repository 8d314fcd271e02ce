package steps

import "fmt"

// Secret is a value that never prints itself: not with %v, %+v, %#v, %s, not
// as JSON, not as text. Reveal is the only way out, and is easy to grep for.
type Secret struct{ value string }

// NewSecret wraps a value.
func NewSecret(value string) Secret { return Secret{value} }

// Reveal returns the value, for the one call that needs it.
func (s Secret) Reveal() string { return s.value }

// Empty reports whether there is no value.
func (s Secret) Empty() bool { return s.value == "" }

const mask = "•••"

// String hides the value.
func (s Secret) String() string { return mask }

// Format hides the value from every verb of fmt.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(mask)) }

// MarshalText hides the value from every text encoder.
func (s Secret) MarshalText() ([]byte, error) { return []byte(mask), nil }
