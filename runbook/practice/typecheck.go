package practice

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// imported finds the modules of a source file.
var imported = regexp.MustCompile(`(?m)^import [^;]*from '(\.[^']+)'`)

// typeCheck reads the sources as far as it can without a compiler: brackets
// that close what is open, and imports that lead to a file.
func typeCheck(_ context.Context, sh shell, _ []string) (int, error) {
	files, wrong := 0, 0
	root := filepath.Join(sh.dir, "src")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".ts") {
			return err
		}
		text, err := os.ReadFile(path) // #nosec G304 G122 -- of the application
		if err != nil {
			return err
		}
		files++
		name, err := filepath.Rel(sh.dir, path)
		if err != nil {
			return err
		}
		if problem := unbalanced(string(text)); problem != "" {
			wrong++
			sh.say("%s%s\n", name, problem)
		}
		for _, m := range imported.FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), m[1]) + ".ts"); err != nil {
				wrong++
				sh.say("%s: error TS2307: Cannot find module '%s'.\n", name, m[1])
			}
		}
		return nil
	})
	if err != nil {
		return 1, err
	}
	sh.say("%d files: brackets and imports, %d errors\n", files, wrong)
	return min(wrong, 1), nil
}

// unbalanced says where a bracket has no partner, outside strings and comments.
func unbalanced(text string) string {
	pairs := map[rune]rune{')': '(', ']': '[', '}': '{'}
	var open []rune
	var quote rune
	line, comment, before := 1, false, rune(0)
	for _, r := range text {
		switch {
		case r == '\n':
			line++
			comment = false
		case comment:
		case quote != 0:
			if r == quote && before != '\\' {
				quote = 0
			}
		case r == '/' && before == '/':
			comment = true
		case strings.ContainsRune("'\"`", r):
			quote = r
		case strings.ContainsRune("([{", r):
			open = append(open, r)
		case pairs[r] != 0:
			if len(open) == 0 || open[len(open)-1] != pairs[r] {
				return fmt.Sprintf("(%d): error TS1005: unexpected '%c'.", line, r)
			}
			open = open[:len(open)-1]
		}
		before = r
	}
	if len(open) > 0 {
		return fmt.Sprintf("(%d): error TS1005: '%c' is never closed.", line, open[len(open)-1])
	}
	return ""
}
