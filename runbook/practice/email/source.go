package email

import (
	"embed"
	"io/fs"
)

//go:embed all:app
var source embed.FS

// Source is the source tree of encrypted-email 2.4.0.
func Source() fs.FS {
	tree, err := fs.Sub(source, "app")
	if err != nil {
		panic(err) // the name is a valid path
	}
	return tree
}
