package practice

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"runbook/runbook/journal"
)

// secrets are made at start and live in the world's memory and its 0600 files.
type secrets struct{ Nonce, Superuser, App, Deploy string }

// hostTools are linked into the world's PATH where the machine has them:
// nothing among them reaches a container engine, a cluster or a cloud.
var hostTools = []string{
	"sh", "bash", "env", "cat", "grep", "sed", "awk", "head", "tail", "sort", "wc", "tr", "cut", "date", "test", "true", "false",
	"sleep", "mkdir", "rm", "cp", "mv", "ls", "readlink", "printf", "echo", "id", "hostname", "tee", "sha256sum", "curl", "jq",
	"basename", "chmod", "cmp", "df", "diff", "dirname", "find", "getconf", "gzip", "ln", "mktemp", "od", "ps", "stat", "tar", "touch", "uname", "xargs",
}

func (s *server) makeFiles(context.Context) error {
	s.secrets = secrets{Nonce: random(), Superuser: random(), App: random(), Deploy: random()}
	for _, dir := range []string{"bin", "home", "roles", "secrets", "targets"} {
		if err := os.Mkdir(filepath.Join(s.dir, dir), 0o700); err != nil {
			return err
		}
	}
	if err := s.write("nonce", s.secrets.Nonce+"\n"); err != nil {
		return err
	}
	if err := s.makeKey("key", "practice", journal.SessionNamespace(journal.Practice)+","+journal.WatchNamespace(journal.Practice)); err != nil {
		return fmt.Errorf("make the world's key: %w", err)
	}
	if err := s.openAuthority(); err != nil {
		return err
	}
	return s.linkTools()
}

// linkTools fills the world's only PATH directory: its program under the names
// it simulates, and plain tools of the host.
func (s *server) linkTools() error {
	for _, name := range shimNames() {
		if err := os.Symlink(program(s.dir), filepath.Join(s.dir, "bin", name)); err != nil {
			return err
		}
	}
	dirs := append([]string{"/usr/bin", "/bin", "/usr/local/bin"}, filepath.SplitList(s.Path)...)
	dirs = slices.DeleteFunc(dirs, func(d string) bool { return !filepath.IsAbs(d) })
	for _, name := range hostTools {
		for _, dir := range dirs {
			if info, err := os.Stat(filepath.Join(dir, name)); err != nil || !info.Mode().IsRegular() || info.Mode()&0o111 == 0 {
				continue
			}
			if err := os.Symlink(filepath.Join(dir, name), filepath.Join(s.dir, "bin", name)); err != nil {
				return err
			}
			break
		}
	}
	return nil
}

// write puts a 0600 file into the world's directory.
func (s *server) write(name, content string) error {
	return os.WriteFile(filepath.Join(s.dir, name), []byte(content), 0o600)
}

// random is 256 bits that need no quoting anywhere.
func random() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// randomJWT is a secret of 384 bits, as `openssl rand -base64 48` writes it.
func randomJWT() string {
	var b [48]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.StdEncoding.EncodeToString(b[:])
}

// randomKey is 192 bits in 32 characters.
func randomKey() string {
	var b [24]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.StdEncoding.EncodeToString(b[:])
}
