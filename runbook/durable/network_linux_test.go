package durable

import (
	"encoding/binary"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestNoLockOnANetwork has the kernel's own answer say that a file lies on a
// network file system: strace writes the answer into a process of its own.
func TestNoLockOnANetwork(t *testing.T) {
	t.Parallel()
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("no strace to change what the kernel says of a file system")
	}
	for name, magic := range map[string]uint64{
		"ext4": unix.EXT4_SUPER_MAGIC, "nfs": unix.NFS_SUPER_MAGIC, "smb": unix.SMB_SUPER_MAGIC, "cifs": unix.CIFS_SUPER_MAGIC, "smb3": unix.SMB2_SUPER_MAGIC,
	} {
		dir := t.TempDir()
		kind := hex.EncodeToString(binary.NativeEndian.AppendUint64(nil, magic)) // the first field of the answer
		cmd := exec.CommandContext(t.Context(), strace, "-f", "-qq", "-o", filepath.Join(dir, "trace"), "-e", "trace=fstatfs",
			"-e", "inject=fstatfs:poke_exit=@arg2="+kind, os.Args[0])
		cmd.Env = append(os.Environ(), childLock+"="+filepath.Join(dir, "lock"))
		out, err := cmd.CombinedOutput()
		trace, traceErr := os.ReadFile(filepath.Join(dir, "trace"))
		if traceErr != nil || !strings.Contains(string(trace), "(INJECTED") {
			t.Skipf("this strace changes no answers: %s %s", out, trace)
		}
		want := "on a network file system"
		if name == "ext4" {
			want = "locked\n"
		}
		if !strings.Contains(string(out), want) || (err == nil) != (name == "ext4") {
			t.Errorf("%s: %v, %s", name, err, out)
		}
	}
}
