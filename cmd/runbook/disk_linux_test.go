package main

import (
	"os"
	"path/filepath"
	"runtime"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
)

// smallDisk mounts a file system of two MiB over a directory of the script. A
// recovery that finds it full keeps its log elsewhere; that goes with it. The
// script's thread alone, and what it starts, see the mount: the kernel takes it
// away with the last of them, however they end.
func smallDisk(ts *testscript.TestScript, _ bool, args []string) {
	runtime.LockOSThread() // for good: the thread ends with the script
	ts.Check(syscall.Unshare(syscall.CLONE_NEWNS))
	ts.Check(syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""))
	dir := ts.MkAbs(args[0])
	ts.Check(syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=2m,mode=0700"))
	ts.Setenv("TMPDIR", ts.MkAbs("elsewhere"))
	ts.Check(os.Mkdir(ts.MkAbs("elsewhere"), 0o700))
	ts.Defer(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) }) // or its directory could not be removed
}

// fill leaves no byte free on the disk of a directory.
func fill(ts *testscript.TestScript, _ bool, args []string) {
	big, err := os.Create(filepath.Join(ts.MkAbs(args[0]), "big"))
	ts.Check(err)
	defer big.Close() //nolint:errcheck // it is full
	block := make([]byte, 4096)
	for {
		if _, err := big.Write(block); err != nil {
			return
		}
	}
}
