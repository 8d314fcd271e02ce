package practice

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// script is one npm script, acted in this process so that ending the command
// ends what it does.
type script func(ctx context.Context, sh shell, args []string) (int, error)

func scripts() map[string]script {
	return map[string]script{
		"test": unitTests, "test:e2e": endToEndTests, "test:arch": architectureTests, "build": build, "lint:check": lint,
		"migration:run": migrationScript("migration:run"), "migration:revert": migrationScript("migration:revert"),
		"typeorm": typeormTool, "start:prod": func(ctx context.Context, sh shell, args []string) (int, error) {
			return nodeTool(ctx, sh, append([]string{"dist/main.js"}, args...))
		},
	}
}

// manifest is what npm reads of package.json.
type manifest struct {
	Name    string            `json:"name"`
	Version string            `json:"version"`
	Scripts map[string]string `json:"scripts"`
}

// npmTool is `npm test` and `npm run NAME [-- ARG…]` for the scripts of the
// practice applications, and npm audit.
func npmTool(ctx context.Context, sh shell, args []string) (int, error) {
	if len(args) == 0 {
		return notSimulated, errNotSimulated
	}
	name, rest := args[0], args[1:]
	if name == "audit" {
		return auditTool(ctx, sh, rest)
	}
	if name == "run" || name == "run-script" {
		if len(rest) == 0 {
			return notSimulated, errNotSimulated
		}
		name, rest = rest[0], rest[1:]
	} else if name != "test" && name != "t" {
		return notSimulated, errNotSimulated
	} else {
		name = "test"
	}
	if len(rest) > 0 && rest[0] != "--" {
		return notSimulated, errNotSimulated
	}
	rest = rest[min(1, len(rest)):]
	m, err := readManifest(sh.dir)
	if err != nil {
		sh.warn("npm error code ENOENT\nnpm error enoent Could not read package.json: %v\n", err)
		return 254, nil
	}
	command, exists := m.Scripts[name]
	if !exists {
		sh.warn("npm error Missing script: %q\nnpm error\nnpm error To see a list of scripts, run:\nnpm error   npm run\n", name)
		return 1, nil
	}
	known := scripts()
	if m.Name == "encrypted-email" {
		known = mailScripts()
	}
	act := known[name]
	if act == nil {
		return notSimulated, errNotSimulated
	}
	sh.say("\n> %s@%s %s\n> %s   (acted by the practice world)\n\n", m.Name, m.Version, name, strings.Join(append([]string{command}, rest...), " "))
	return act(ctx, sh, rest)
}

func readManifest(dir string) (manifest, error) {
	var m manifest
	raw, err := os.ReadFile(filepath.Join(dir, "package.json")) // #nosec G304 -- of the directory npm runs in
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return m, fmt.Errorf("open '%s': %w", pathErr.Path, pathErr.Err)
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		return m, fmt.Errorf("read package.json: %w", err)
	}
	return m, nil
}
