package durable

import (
	"io/fs"
	"os"
)

// sharedBits: a shared directory has its group's name on all that is made in it
// (set-group-ID), and lets that group read.
const sharedBits = fs.ModeSetgid | 0o050

// DirMode is the mode of a directory in dir that readers may enter: its group
// reads along if dir is shared, nobody else does.
func DirMode(dir string) fs.FileMode {
	if Shared(dir) {
		return sharedBits | 0o700
	}
	return 0o700
}

// FileMode is the mode of a file in dir that readers may open.
func FileMode(dir string) fs.FileMode {
	if Shared(dir) {
		return 0o640
	}
	return 0o600
}

// Shared reports whether a group reads along in dir.
func Shared(dir string) bool {
	info, err := os.Stat(dir)
	return err == nil && info.IsDir() && info.Mode()&sharedBits == sharedBits
}

// Share lets a group read along in dir, and in what is made there from now on.
// It needs the rights of the owner, who is in the group.
func Share(dir string, group int) error {
	if err := os.Chown(dir, -1, group); err != nil {
		return err
	}
	if err := os.Chmod(dir, sharedBits|0o700); err != nil {
		return err
	}
	if !Shared(dir) { // who is not in the group may not set its name on things
		return &os.PathError{Op: "share", Path: dir, Err: os.ErrPermission}
	}
	return nil
}
