package docker

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

func (e *Engine) build(call Call) error {
	flags := newFlags("build")
	tags := flags.StringArrayP("tag", "t", nil, "")
	file := flags.StringP("file", "f", "Dockerfile", "")
	flags.Bool("no-cache", false, "")
	if err := parse(flags, call.Args, 1, 1); err != nil {
		return err
	}
	dir := flags.Arg(0)
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(call.Dir, dir)
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return fail(1, "ERROR: unable to prepare context: path %q not found", flags.Arg(0))
	}
	recipe, err := os.ReadFile(filepath.Join(dir, *file)) // #nosec G304 -- the client names it
	if err != nil {
		return fail(1, "ERROR: failed to solve: failed to read dockerfile: open %s: no such file or directory", *file)
	}
	var manifest struct{ Version string }
	raw, err := os.ReadFile(filepath.Join(dir, "package.json")) // #nosec G304 -- in the context
	if err == nil {
		err = json.Unmarshal(raw, &manifest)
	}
	if err != nil {
		return fail(1, "ERROR: failed to solve: read package.json: %v", err)
	}
	steps, err := instructions(string(recipe))
	if err != nil {
		return fail(1, "ERROR: failed to solve: dockerfile parse error: %v", err)
	}
	given, err := ReadContext(dir)
	if err != nil {
		return fail(1, "ERROR: failed to solve: %v", err)
	}
	say := func(format string, args ...any) { _, _ = fmt.Fprintf(call.Err, format+"\n", args...) }
	say("context: %d files, %d bytes", given.Files, given.Size)
	say("%s: %d instructions, read; the practice world runs none of them", *file, steps)
	say("image sha256:%x, the digest of the context; release %s, from package.json", given.Digest, manifest.Version)
	for _, tag := range *tags {
		e.AddImage(tag, manifest.Version, given, time.Now())
		say("tagged %s", withTag(tag))
	}
	return nil
}

// known are the instructions of a Dockerfile.
var known = strings.Fields("ADD ARG CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK LABEL MAINTAINER ONBUILD RUN SHELL STOPSIGNAL USER VOLUME WORKDIR")

// instructions counts those of a Dockerfile; a line that ends in \ goes on in
// the next.
func instructions(recipe string) (int, error) {
	count, n, goesOn, from := 0, 0, false, false
	for line := range strings.Lines(recipe) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if !goesOn {
			name, _, _ := strings.Cut(line, " ")
			if !slices.Contains(known, strings.ToUpper(name)) {
				return 0, fmt.Errorf("line %d: unknown instruction: %s", n, name)
			}
			from = from || strings.EqualFold(name, "FROM")
			count++
		}
		goesOn = strings.HasSuffix(line, "\\")
	}
	if !from {
		return 0, errors.New("no FROM")
	}
	return count, nil
}

// Context is what a build was given.
type Context struct {
	Digest [sha256.Size]byte // of the names and bytes of its files
	Files  int
	Size   int64 // bytes
}

// ReadContext reads a build context, without hidden files and dumps, as its
// .dockerignore would have it.
func ReadContext(dir string) (Context, error) {
	var c Context
	h := sha256.New()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if hidden := strings.HasPrefix(d.Name(), ".") && path != dir; hidden || strings.HasSuffix(path, ".dump") {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if !d.Type().IsRegular() {
			return nil
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		f, err := os.Open(path) // #nosec G304 G122 -- in the context, which is the operator's own
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintf(h, "%s\x00", name) // a hash takes everything
		n, err := io.Copy(h, f)
		c.Files++
		c.Size += n
		return errors.Join(err, f.Close())
	})
	c.Digest = [sha256.Size]byte(h.Sum(nil))
	return c, err
}
