package steps

import "cmp"

// PartialEnv is the error of an environment that is known in part: nothing can
// be said of the variables in Names, and, if Rest is not empty, of any other
// that is not among those it came with.
type PartialEnv struct {
	Names map[string]string // why, by the variable
	Rest  string            // why others may be set too
}

// Why says why nothing is known of a variable that has no value.
func (e *PartialEnv) Why(name string) string { return cmp.Or(e.Names[name], e.Rest) }

func (e *PartialEnv) Error() string {
	text := e.Rest
	for name, why := range e.Names {
		if text == "" || name < text { // any of them will do, the same each time
			text = name + ": " + why
		}
	}
	return text
}
