package durable

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// childFUSE makes the test binary lock a file of a file system that it serves
// itself: "TYPE DIRECTORY".
const childFUSE = "DURABLE_TEST_FUSE"

func init() {
	if kind, dir, ok := strings.Cut(os.Getenv(childFUSE), " "); ok {
		os.Exit(lockOnFUSE(kind, dir))
	}
}

// TestNoLockOnWhatAProgramServes mounts file systems over FUSE, in a mount
// namespace of a child's own: the kernel's word of them is what counts.
func TestNoLockOnWhatAProgramServes(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string]string{
		"fuse.sshfs": "on fuse.sshfs, which a program serves", "fuse.glusterfs": "on fuse.glusterfs, which", "fuse": "on fuse, which",
		"fuse.fuse-overlayfs": "locked",
	} {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), childFUSE+"="+kind+" "+t.TempDir())
		cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: unix.CLONE_NEWNS}
		if os.Getuid() != 0 {
			self := func(id int) []syscall.SysProcIDMap { return []syscall.SysProcIDMap{{HostID: id, Size: 1}} }
			cmd.SysProcAttr.Cloneflags = unix.CLONE_NEWUSER
			cmd.SysProcAttr.UidMappings, cmd.SysProcAttr.GidMappings = self(os.Getuid()), self(os.Getgid())
		}
		out, err := cmd.CombinedOutput()
		if exit := new(exec.ExitError); !errors.As(err, &exit) && err != nil || strings.HasPrefix(string(out), "no FUSE: ") {
			t.Skipf("no file system can be mounted here: %v %s", err, out)
		}
		if !strings.Contains(string(out), want) || strings.Contains(string(out), "(RUNBOOK_HOME)") == (want == "locked") {
			t.Errorf("%s: %s", kind, out)
		}
	}
}

func TestTypesOverFUSE(t *testing.T) {
	t.Parallel()
	const mounts = `27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
90 27 0:50 / /home/ana/remote rw,nosuid,nodev,relatime shared:3 - fuse.sshfs ana@host: rw,user_id=1000,group_id=1000
91 27 8:17 / /mnt/stick rw,relatime shared:4 master:2 - fuseblk /dev/sdb1 rw,user_id=0,group_id=0,blksize=4096
92 27 0:52 / /workspace rw,relatime - virtiofs share rw
93 27 0:53 / / rw,relatime - fuse.fuse-overlayfs fuse-overlayfs rw,user_id=0,group_id=0
94 27 0:54 / /data rw,relatime - fuse.gocryptfs /nfs/crypt rw
95 27 0:55 / /s3 rw - fuse /dev/fuse rw
96 27 0:56 /a\040-\040b /g\040 rw - fuse.glusterfs server:/a\040b rw
`
	for device, want := range map[string]struct {
		kind  string
		local bool
	}{
		"0:50": {"fuse.sshfs", false}, "8:17": {"fuseblk", true}, "0:52": {"virtiofs", true}, "0:53": {"fuse.fuse-overlayfs", true},
		"0:54": {"fuse.gocryptfs", false}, "0:55": {"fuse", false}, "0:56": {"fuse.glusterfs", false}, "0:99": {"fuse", false},
	} {
		if kind := mountedAs(mounts, device); kind != want.kind || isLocalFUSE(kind) != want.local {
			t.Errorf("%s is %s, local %v", device, kind, isLocalFUSE(kind))
		}
	}
}

// lockOnFUSE mounts, serves and locks.
func lockOnFUSE(kind, dir string) int {
	dev, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err == nil {
		err = unix.Mount("test", dir, kind, unix.MS_NOSUID|unix.MS_NODEV, fmt.Sprintf("fd=%d,rootmode=40000,user_id=%d,group_id=%d", dev, os.Getuid(), os.Getgid()))
	}
	if err != nil {
		fmt.Println("no FUSE:", err)
		return 1
	}
	go serveFUSE(dev)
	l, err := TryLock(filepath.Join(dir, "lock"))
	if err == nil {
		err = errors.Join(unlock(l.f), l.f.Close())
	}
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("locked")
	return 0
}

// What it answers of the kernel's protocol, at version 7.22 (linux/fuse.h).
const (
	fuseLookup, fuseForget, fuseGetattr = 1, 2, 3
	fuseOpen, fuseStatfs, fuseRelease   = 14, 17, 18
	fuseInit, fuseInterrupt             = 26, 36
	fuseForgets                         = 42
)

// serveFUSE serves a directory that holds every file one asks for, all the same
// empty one.
func serveFUSE(dev int) {
	in := make([]byte, 1<<18)
	for {
		n, err := unix.Read(dev, in)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || n < 40 {
			return
		}
		op, unique, node := binary.NativeEndian.Uint32(in[4:]), in[8:16], binary.NativeEndian.Uint64(in[16:])
		body, fault := []byte(nil), int32(0)
		switch op {
		case fuseForget, fuseForgets, fuseInterrupt:
			continue
		case fuseInit:
			body = words(7, 22, 0, 0, 0, 4096)
		case fuseLookup:
			body = append(words(2, 0, 0, 0, 0, 0, 0, 0, 0, 0), attributes(2)...)
		case fuseGetattr:
			body = append(words(0, 0, 0, 0), attributes(node)...)
		case fuseOpen:
			body = words(0, 0, 0, 0)
		case fuseStatfs:
			body = make([]byte, 80)
		case fuseRelease:
		default:
			fault = -int32(unix.ENOSYS)
		}
		out := binary.NativeEndian.AppendUint32(nil, uint32(16+len(body)))
		out = binary.NativeEndian.AppendUint32(out, uint32(fault))
		if _, err := unix.Write(dev, append(append(out, unique...), body...)); err != nil {
			return
		}
	}
}

func words(all ...uint32) (b []byte) {
	for _, w := range all {
		b = binary.NativeEndian.AppendUint32(b, w)
	}
	return b
}

// attributes are of the directory, node 1, or of a file.
func attributes(node uint64) []byte {
	mode := uint32(unix.S_IFREG | 0o600)
	if node == 1 {
		mode = unix.S_IFDIR | 0o700
	}
	b := binary.NativeEndian.AppendUint64(nil, node)
	b = append(b, make([]byte, 52)...) // size, blocks, times
	return append(b, words(mode, 1, uint32(os.Getuid()), uint32(os.Getgid()), 0, 4096, 0)...)
}
