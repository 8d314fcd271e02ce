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
	"strings"
	"time"
)

func (e *Engine) build(call Call) error {
	flags := newFlags("build")
	tags := flags.StringArrayP("tag", "t", nil, "")
	file := flags.StringP("file", "f", "Dockerfile", "")
	flags.Bool("no-cache", false, "")
	flags.Bool("pull", false, "")
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
		return fail(1, "ERROR: failed to solve: failed to compute cache key: package.json: %v", err)
	}
	digest, files, err := Digest(dir)
	if err != nil {
		return fail(1, "ERROR: failed to solve: %v", err)
	}
	began := time.Now()
	say := func(format string, args ...any) { _, _ = fmt.Fprintf(call.Err, format+"\n", args...) }
	say("#1 [internal] load build definition from %s\n#1 DONE 0.0s\n#2 [internal] load build context\n#2 transferring context: %d files\n#2 DONE 0.0s", *file, files)
	for n, line := range instructions(string(recipe)) {
		say("#%d %s\n#%d DONE 0.0s", n+3, line, n+3)
	}
	for _, tag := range *tags {
		e.AddImage(tag, manifest.Version, digest, began)
	}
	say("#9 exporting to image\n#9 writing image sha256:%x done", digest)
	for _, tag := range *tags {
		say("#9 naming to docker.io/library/%s done", withTag(tag))
	}
	return nil
}

func instructions(recipe string) []string {
	var lines []string
	for line := range strings.Lines(recipe) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	return lines
}

// Digest is the identity of a build context: names and bytes of its files,
// without hidden ones and dumps, as its .dockerignore would have it.
func Digest(dir string) (sum [32]byte, files int, err error) {
	h := sha256.New()
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
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
		files++
		_, _ = fmt.Fprintf(h, "%s\x00", name) // a hash takes everything
		_, err = io.Copy(h, f)
		return errors.Join(err, f.Close())
	})
	return [32]byte(h.Sum(nil)), files, err
}
