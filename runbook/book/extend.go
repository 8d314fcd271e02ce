package book

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/BurntSushi/toml"
)

// Extended is a file that a target extends.
type Extended struct{ File, SHA256 string }

// maxExtends is how many files a target may be made of.
const maxExtends = 8

// layer is one of them.
type layer struct {
	*reader
	top    map[string]any
	sha256 string
}

// LoadTarget reads a target file and those it extends: `extends = "base"` is
// base.toml beside it, which may extend another. What the nearer file names
// holds: whole values, and in [vars], [service], [secret], [host] and the like
// by their names, so a host is taken whole from one file. Raw is then all of
// them as one, with the hash of each, and extends nothing. The error is
// *Problems, or that of a file that can't be read.
func LoadTarget(data []byte, file string) (*Target, error) {
	layers, err := layersOf(data, file)
	if err != nil {
		return nil, err
	}
	if len(layers) == 1 {
		return ReadTarget(data, file)
	}
	whole, err := resolved(layers)
	if err != nil {
		return nil, fmt.Errorf("%s: put together with what it extends: %w", file, err)
	}
	t, err := ReadTarget(whole, file)
	var wrong *Problems
	if errors.As(err, &wrong) {
		for i, p := range wrong.List {
			wrong.List[i] = placed(layers, p)
		}
	}
	if err != nil {
		return nil, err
	}
	t.layers = layers
	for _, l := range layers[1:] {
		t.Extends = append(t.Extends, Extended{File: l.file, SHA256: l.sha256})
	}
	return t, nil
}

// layersOf reads a target file and those it extends, the nearest first.
func layersOf(data []byte, file string) ([]layer, error) {
	var layers []layer
	for {
		r, top := parse(data, file)
		if top == nil {
			return nil, r.failed()
		}
		sum := sha256.Sum256(data)
		layers = append(layers, layer{r, top, hex.EncodeToString(sum[:])})
		given, extends := top["extends"]
		if !extends {
			return layers, nil
		}
		name, isText := given.(string)
		next := filepath.Join(filepath.Dir(file), name+".toml")
		switch {
		case !isText || !idPattern().MatchString(name):
			r.at("extends", `extends names a target file beside this one, without its .toml, such as "base"`)
		case top["name"] == nil:
			r.at("name", "name is missing: a target that extends another is one of its own")
		case len(layers) == maxExtends:
			r.at("extends", "extends: a target is made of at most %d files", maxExtends)
		case slices.ContainsFunc(layers, func(l layer) bool { return filepath.Clean(l.file) == next }):
			r.at("extends", "extends: %s extends itself", name)
		}
		if err := r.err(); err != nil {
			return nil, err
		}
		delete(top, "extends")
		var err error
		if data, err = readFile(next); err != nil {
			r.at("extends", "extends %s: %v", name, err)
			return nil, r.err()
		}
		file = next
	}
}

// resolved is a target that needs no other file: what its layers say together.
func resolved(layers []layer) ([]byte, error) {
	var text bytes.Buffer
	whole := map[string]any{}
	for i, l := range slices.Backward(layers) {
		word := "extends"
		if i == 0 {
			word = "target"
		}
		for key, value := range l.top {
			below, isTable := whole[key].(map[string]any)
			over, both := value.(map[string]any)
			if isTable && both {
				merged := maps.Clone(below)
				maps.Copy(merged, over)
				value = merged
			}
			whole[key] = value
		}
		// The hashes make these bytes new when any of the files changes.
		fmt.Fprintf(&text, "# %s %s sha256 %s\n", word, strconv.QuoteToASCII(filepath.Base(l.file)), l.sha256)
	}
	err := toml.NewEncoder(&text).Encode(whole)
	return text.Bytes(), err
}

// placed finds a problem of the whole in the file that it comes from: the
// nearest that has what the problem is about.
func placed(layers []layer, p Problem) Problem {
	if len(layers) == 0 {
		return p
	}
	p.Line, p.Col = layers[0].index.at("extends")
	for i, l := range layers {
		if _, exact := l.find(p.path); p.path == "" || !exact {
			continue
		}
		p.Line, p.Col = l.index.at(p.path)
		if i > 0 {
			p.File = l.file
		}
		break
	}
	return p
}
