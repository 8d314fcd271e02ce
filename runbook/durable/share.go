package durable

import (
	"io/fs"
	"os"
)

// A shared directory has its group's name on all that is made in it
// (set-group-ID), and lets that group read.
const shared = fs.ModeSetgid | 0o050

// DirMode is the mode of a directory in dir that readers may enter: its group
// reads along if dir is shared, nobody else does.
func DirMode(dir string) fs.FileMode {
	if isShared(dir) {
		return shared | 0o700
	}
	return 0o700
}

// FileMode is the mode of a file in dir that readers may open.
func FileMode(dir string) fs.FileMode {
	if isShared(dir) {
		return 0o640
	}
	return 0o600
}

func isShared(dir string) bool {
	info, err := os.Stat(dir)
	return err == nil && info.IsDir() && info.Mode()&shared == shared
}

// Share lets a group read along in dir, and in what is made there from now on.
// It needs the rights of the owner, who is in the group.
func Share(dir string, group int) error {
	if err := os.Chown(dir, -1, group); err != nil {
		return err
	}
	return os.Chmod(dir, shared|0o700)
}
