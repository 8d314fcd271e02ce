package bundle_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestScriptSaysWhatAKRLRevokes as it does of a list.
func TestScriptSaysWhatAKRLRevokes(t *testing.T) {
	t.Parallel()
	box := toolbox(t)
	o := finish(t)
	o.revoked = filepath.Join(t.TempDir(), "krl")
	for _, c := range []struct {
		who  person
		exit int
	}{{o.eve, 0}, {o.qa, 4}} {
		file := filepath.Join(t.TempDir(), "key.pub")
		put(t, file, c.who.public)
		if out, err := exec.CommandContext(t.Context(), "ssh-keygen", "-q", "-k", "-f", o.revoked, file).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		_, theirs := o.agree("a KRL with "+c.who.name, c.exit, box)
		if c.exit == 4 && (!strings.Contains(theirs, "qa at entry 8 whose key is revoked") || strings.Contains(theirs, "NOBODY")) {
			t.Errorf("a KRL with %s:\n%s", c.who.name, theirs)
		}
	}
}

// TestScriptTakesNoLinkForTheBook, and waits for no FIFO.
func TestScriptTakesNoLinkForTheBook(t *testing.T) {
	t.Parallel()
	box := toolbox(t)
	o := finish(t)
	for _, name := range []string{"book.toml", "target.toml"} {
		path := filepath.Join(o.dir, name)
		must(t, os.Rename(path, path+".x"))
		must(t, os.Symlink(name+".x", path))
		o.agree("a link for "+name, 1, box)
		must(t, os.Remove(path))
		must(t, syscall.Mkfifo(path, 0o600))
		o.agree("a FIFO for "+name, 1, box)
		must(t, os.Remove(path))
		must(t, os.Rename(path+".x", path))
	}
	o.agree("both as they were", 0, box)
}
