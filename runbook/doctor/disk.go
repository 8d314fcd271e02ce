package doctor

import (
	"context"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"runbook/steps"
)

// What a disk must have free. A command's output is as large as the command
// likes, and a full disk takes it from the command.
const (
	lowSpace, noSpace   = 1 << 30, 64 << 20 // bytes
	lowInodes, noInodes = 5000, 200         // files
)

// disks looks at the file systems of the home and of temporary files, where a
// recovery's log goes when the home is full.
func (h Host) disks(context.Context) []Finding {
	home, err := standing(h.Dir)
	if err != nil {
		return one(steps.Unknown, "disk of home", err.Error(), "", "")
	}
	found := disk("disk of home", home)
	if !same(home, h.Temp) {
		found = append(found, disk("disk of TMPDIR", h.Temp)...)
	}
	return found
}

func same(a, b string) bool {
	var first, second unix.Stat_t
	return unix.Stat(a, &first) == nil && unix.Stat(b, &second) == nil && first.Dev == second.Dev
}

// disk looks at the file system of a directory that is there.
func disk(what, dir string) []Finding {
	v, err := volumeOf(dir)
	if err != nil {
		return one(steps.Unknown, what, err.Error(), "", "")
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return one(steps.Fail, what, dir+" is no directory", "", "make it, or set TMPDIR")
	}
	var found []Finding
	limit := "at least " + size(lowSpace)
	switch {
	case v.free < noSpace:
		found = one(steps.Fail, what, size(v.free)+" free at "+dir, "at least "+size(noSpace), "make room")
	case v.free < lowSpace:
		found = one(steps.Warn, what, size(v.free)+" free at "+dir, limit, "make room: output of commands goes there")
	default:
		found = one(steps.Pass, what, size(v.free)+" free", limit, "")
	}
	if v.counted && v.inodes < lowInodes {
		verdict, limit := steps.Warn, lowInodes
		if v.inodes < noInodes {
			verdict, limit = steps.Fail, noInodes
		}
		files := strings.Replace(what, "disk", "inodes", 1)
		found = append(found, one(verdict, files, fmt.Sprintf("%d free at %s", v.inodes, dir), fmt.Sprintf("at least %d", limit), "delete small files there")...)
	}
	if v.noexec {
		found = append(found, one(steps.Warn, what, "no program starts from "+dir, "mounted noexec", "mount it without noexec, or keep it elsewhere")...)
	}
	return found
}

// size is a number of bytes for people.
func size(n uint64) string {
	switch {
	case n >= 10<<30:
		return fmt.Sprintf("%d GiB", n>>30)
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%d KiB", n>>10)
}
