package book

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"runbook/runbook/durable"
)

// ErrUntrusted says that nothing of a file may run, connect or resolve yet.
// ErrChanged, which is an ErrUntrusted too, says that other bytes were trusted
// at this path.
var (
	ErrUntrusted = errors.New("not trusted")
	ErrChanged   = fmt.Errorf("%w: changed since it was", ErrUntrusted)
)

// trustFile, below the configuration directory, holds a line "SHA256  PATH" for
// each trusted file.
const trustFile = "trusted"

// Trusted answers nil if the operator trusts these bytes at this path. File is
// what Find returned; what is embedded needs no trust. The error wraps
// ErrUntrusted or ErrChanged, or says who else could change the file.
func Trusted(configDir, file, sha256 string) error {
	if strings.HasPrefix(file, embeddedPrefix) {
		return nil
	}
	real, err := realPath(file)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUntrusted, err)
	}
	lines, err := trustLines(configDir)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUntrusted, err)
	}
	for _, line := range lines {
		sum, path, _ := strings.Cut(line, "  ")
		switch {
		case path == real && sum == sha256:
			return nil
		case path == real:
			return fmt.Errorf("%s: %w; look at it again: runbook trust %s", file, ErrChanged, file)
		}
	}
	return fmt.Errorf("%s: %w; look at what it does: runbook trust %s", file, ErrUntrusted, file)
}

// Trusted answers nil if the operator trusts the target as it is put together
// from its files. Its hash covers all of them.
func (t *Target) Trusted(configDir string) error {
	if err := t.owned(); err != nil {
		return fmt.Errorf("%w: %w", ErrUntrusted, err)
	}
	return Trusted(configDir, t.File, t.SHA256)
}

// AddTrust notes that the operator trusts the target as it is put together from
// its files, and none of those that it extends by itself.
func (t *Target) AddTrust(configDir string) error {
	if err := t.owned(); err != nil {
		return fmt.Errorf("trust %s: %w", t.File, err)
	}
	return AddTrust(configDir, t.File, t.SHA256)
}

// AddTrust notes that the operator trusts the book.
func (b *Book) AddTrust(configDir string) error { return AddTrust(configDir, b.File, b.SHA256) }

// owned refuses a target that extends a file which others could change.
func (t *Target) owned() error {
	for _, e := range t.Extends {
		full, err := filepath.Abs(e.File)
		if err == nil {
			_, err = realPath(full)
		}
		if err != nil {
			return fmt.Errorf("it extends %s: %w", e.File, err)
		}
	}
	return nil
}

// AddTrust notes that the operator trusts these bytes at this path, in place of
// what was trusted there before. It is called once a person has answered the
// prompt that showed Summary. A file that others could change is refused.
func AddTrust(configDir, file, sha256 string) error {
	full, err := filepath.Abs(file)
	if err != nil {
		return fmt.Errorf("trust %s: %w", file, err)
	}
	real, err := realPath(full)
	if err != nil {
		return fmt.Errorf("trust %s: %w", file, err)
	}
	if sum, err := hex.DecodeString(sha256); err != nil || len(sum) != 32 || strings.ContainsAny(real, "\n\r") {
		return fmt.Errorf("trust %s: not a sha256, or a line break in the path", file)
	}
	if err := durable.MkdirAll(configDir, 0o700); err != nil {
		return fmt.Errorf("trust %s: %w", file, err)
	}
	lines, err := trustLines(configDir)
	if err != nil {
		return fmt.Errorf("trust %s: %w", file, err)
	}
	lines = slices.DeleteFunc(lines, func(line string) bool {
		_, path, _ := strings.Cut(line, "  ")
		return path == real
	})
	lines = append(lines, sha256+"  "+real)
	if err := durable.WriteFile(filepath.Join(configDir, trustFile), []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		return fmt.Errorf("trust %s: %w", file, err)
	}
	return nil
}

// trustLines reads the store. What others could write says nothing about what
// the operator trusts.
func trustLines(configDir string) ([]string, error) {
	path, err := filepath.Abs(filepath.Join(configDir, trustFile))
	if err != nil {
		return nil, err
	}
	if _, err = realPath(path); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var lines []string
	for line := range bytes.Lines(data) {
		if text := strings.TrimSuffix(string(line), "\n"); text != "" {
			lines = append(lines, text)
		}
	}
	return lines, nil
}
