// Command kinds writes docs/kinds.md, the reference of every kind and of what a
// target holds, and the JSON schemas under docs/schema, from the types that
// books and targets are read into and from their doc comments.
//
//	go run ./scripts/kinds
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	files, err := generate(".")
	for name, text := range files {
		if err == nil {
			err = os.WriteFile(filepath.FromSlash(name), text, 0o644)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "kinds: "+err.Error())
		os.Exit(1)
	}
}
