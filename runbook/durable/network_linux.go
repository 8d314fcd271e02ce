package durable

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// localOnly refuses a file on a network file system, where another host may get
// the same lock.
func localOnly(f *os.File) error {
	var fs unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &fs); err != nil {
		return os.NewSyscallError("fstatfs", err)
	}
	switch uint32(fs.Type) { //nolint:gosec // a magic number, 32 bits in the kernel
	case unix.NFS_SUPER_MAGIC:
		return onNetwork("nfs")
	case unix.SMB_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC, unix.CIFS_SUPER_MAGIC:
		return onNetwork("smb")
	case unix.FUSE_SUPER_MAGIC:
		if kind := fuseKind(f); !isLocalFUSE(kind) {
			return fmt.Errorf("on %s, which a program serves, maybe over a network: locks may not hold there; use a local directory (RUNBOOK_HOME)", kind)
		}
	}
	return nil
}

// fuseKind is the type of the mount that f lies on; "fuse" if nothing tells.
func fuseKind(f *os.File) string {
	var st unix.Stat_t
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil || unix.Fstat(int(f.Fd()), &st) != nil {
		return "fuse"
	}
	return mountedAs(string(mounts), fmt.Sprintf("%d:%d", unix.Major(st.Dev), unix.Minor(st.Dev)))
}

// mountedAs finds the type of a device in the form of mountinfo.
func mountedAs(mounts, device string) string {
	for line := range strings.Lines(mounts) {
		// 36 27 0:53 / /mnt/a rw,nosuid shared:1 - fuse.sshfs host:/a rw,user_id=0
		place, what, _ := strings.Cut(line, " - ")
		on, kind := strings.Fields(place), strings.Fields(what)
		if len(on) > 2 && on[2] == device && len(kind) > 0 {
			return kind[0]
		}
	}
	return "fuse"
}

// isLocalFUSE reports whether one host has what is mounted so: a block device
// (ntfs, exfat), a directory of the machine's own host, the root of a container
// without root. All else may come over a network, as sshfs, s3fs and glusterfs do,
// or lie over what does, as gocryptfs and bindfs may.
func isLocalFUSE(kind string) bool {
	switch name, subtype, _ := strings.Cut(kind, "."); name {
	case "fuseblk", "virtiofs":
		return true
	default:
		return subtype == "fuse-overlayfs"
	}
}
