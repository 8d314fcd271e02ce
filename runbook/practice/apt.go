package practice

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// aptTool is apt-get -s: what waits to be installed on the world's machine, one
// line of apt/pending each. Nothing is ever installed here.
func aptTool(_ context.Context, sh shell, args []string) (int, error) {
	simulates := slices.Contains(args, "-s") || slices.Contains(args, "--simulate")
	if !simulates || !slices.Contains(args, "upgrade") && !slices.Contains(args, "dist-upgrade") {
		return notSimulated, errNotSimulated
	}
	text, err := os.ReadFile(filepath.Join(sh.world.dir, "apt", "pending"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return 100, err
	}
	sh.say("%s", text)
	return 0, nil
}

// aptConfigTool is apt-config shell NAME Dir::State::lists/d: where the lists of
// the world's machine lie.
func aptConfigTool(_ context.Context, sh shell, args []string) (int, error) {
	if len(args) != 3 || args[0] != "shell" || args[2] != "Dir::State::lists/d" {
		return notSimulated, errNotSimulated
	}
	sh.say("%s='%s'\n", args[1], filepath.Join(sh.world.dir, "apt", "lists")+"/")
	return 0, nil
}

// writeLists makes the lists that aptTool has read: as old as the world.
func (s *server) writeLists() error {
	if err := os.MkdirAll(filepath.Join(s.dir, "apt", "lists"), 0o700); err != nil {
		return err
	}
	return s.write(filepath.Join("apt", "lists", "practice_InRelease"), "Date: "+time.Now().UTC().Format(time.RFC1123)+"\n")
}
