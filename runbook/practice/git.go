package practice

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"runbook/runbook/practice/email"
)

// releaseChanged are the files that the newest commit of encrypted-email
// changed.
var releaseChanged = []string{
	"docs/api.md", "docs/configuration.md", ".env.example", "src/api/files.ts",
	"src/migrations/1763424000000-IndexMessagesCreatedAt.ts", "src/migrations/1763510400000-AddFileExpiry.ts",
}

// gitTool is what a repository of encrypted-email answers to those who look:
// whether a file is tracked, what in the tree is changed, and what the newest
// commit, or release, changed.
func gitTool(_ context.Context, sh shell, args []string) (int, error) {
	if filepath.Base(sh.dir) != emailSite || len(args) == 0 {
		return notSimulated, errNotSimulated
	}
	flags, paths := args[1:], []string(nil)
	if i := slices.Index(args, "--"); i > 0 {
		flags, paths = args[1:i], args[i+1:]
	}
	switch what := args[0] + " " + strings.Join(flags, " "); what {
	case "ls-files --error-unmatch":
		return tracked(sh, paths)
	case "diff --exit-code --stat":
		return changed(sh)
	case "diff --stat HEAD~1", "diff --stat " + commitOf(emailBefore) + " " + commitOf(emailNow):
		for _, file := range releaseChanged {
			if len(paths) == 0 || slices.ContainsFunc(paths, func(p string) bool { return file == p || strings.HasPrefix(file, strings.TrimSuffix(p, "/")+"/") }) {
				sh.say(" %s | changed\n", file)
			}
		}
		return 0, nil
	}
	return notSimulated, errNotSimulated
}

func tracked(sh shell, paths []string) (int, error) {
	for _, path := range paths {
		if _, err := fs.Stat(email.Source(), path); err != nil {
			sh.warn("error: pathspec '%s' did not match any file(s) known to git\n", path)
			return 1, nil
		}
		sh.say("%s\n", path)
	}
	return 0, nil
}

// changed lists the tracked files that are not as they were committed.
func changed(sh shell) (code int, err error) {
	err = fs.WalkDir(email.Source(), ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		committed, err := fs.ReadFile(email.Source(), path)
		if err != nil {
			return err
		}
		if now, err := os.ReadFile(filepath.Join(sh.dir, path)); err != nil || !bytes.Equal(now, committed) { // #nosec G304 -- of the tree
			sh.say(" %s | changed\n", path)
			code = 1
		}
		return nil
	})
	return code, err
}
