// Package runbooks holds the books that come with the program.
package runbooks

import "embed"

// Books are the books by file name: NAME.toml holds the book NAME.
//
//go:embed *.toml
var Books embed.FS
