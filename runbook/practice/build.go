package practice

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"runbook/runbook/practice/docker"
	"runbook/runbook/practice/typeorm"
)

// build writes dist/main.js, which carries the digest of the sources.
func build(_ context.Context, sh shell, _ []string) (int, error) {
	src, err := docker.ReadContext(filepath.Join(sh.dir, "src"))
	if err != nil {
		sh.warn("build: read the sources: %v\n", err)
		return 1, nil
	}
	if err := os.MkdirAll(filepath.Join(sh.dir, "dist"), 0o700); err != nil {
		return 1, err
	}
	text := fmt.Sprintf("// built from %d files, sha256:%x\nrequire('./app').start();\n", src.Files, src.Digest)
	if err := os.WriteFile(filepath.Join(sh.dir, "dist", "main.js"), []byte(text), 0o600); err != nil {
		return 1, err
	}
	sh.say("dist/main.js  %d files, sha256:%x\n", src.Files, src.Digest[:6])
	return 0, nil
}

// lint reads the migration files: names, both directions, and the spaces at
// the end of lines that a formatter would remove.
func lint(_ context.Context, sh shell, _ []string) (int, error) {
	dir := filepath.Join(sh.dir, "src", "migrations")
	wrong, err := typeorm.Lint(dir)
	if err != nil {
		return 1, err
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.ts"))
	if err != nil {
		return 1, err
	}
	for _, file := range files {
		text, err := os.ReadFile(file) // #nosec G304 -- a migration
		if err != nil {
			return 1, err
		}
		for n, line := range strings.Split(string(text), "\n") {
			if strings.TrimRight(line, " \t") != line {
				wrong = append(wrong, fmt.Sprintf("%s:%d: space at the end of the line", filepath.Base(file), n+1))
			}
		}
	}
	for _, w := range wrong {
		sh.say("%s\n", w)
	}
	if len(wrong) > 0 {
		sh.say("✖ %d problems\n", len(wrong))
		return 1, nil
	}
	sh.say("%d migration files: names, both directions, no space at the end of a line\n", len(files))
	return 0, nil
}
