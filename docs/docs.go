// Package docs holds what is read beside the program, and what it prints of that.
package docs

import _ "embed" // for Kinds

// Kinds is the reference of every kind, in Markdown: a section each.
//
//go:embed kinds.md
var Kinds string
