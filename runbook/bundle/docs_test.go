package bundle_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"runbook/runbook/bundle"
	"runbook/runbook/journal"
)

// stranger has what docs/verify.md asks for in dir, and no other tools.
type stranger struct {
	t                       *testing.T
	dir, box, page, signers string
}

// newStranger is somebody who was sent an export that is right.
func newStranger(t *testing.T) (s *stranger, export []byte) {
	t.Helper()
	page, err := os.ReadFile("../../docs/verify.md")
	must(t, err)
	o := open(t)
	o.start["signoffs"] = []journal.Required{{Role: "qa-lead", Scope: "run"}}
	o.add("run.start", o.start)
	for range 4 {
		o.add("note", nil)
	}
	o.add("run.end", nil)
	n, head := o.log.Head()
	o.attest(o.qa, "qa-lead", journal.DecisionApprove) // at entry 8
	s = &stranger{t: t, dir: t.TempDir(), box: toolbox(t), page: string(page)}
	s.signers = o.dev.signs("session@runbook-log") + strings.Replace(o.qa.signs("signoff.qa-lead@runbook-log"), "qa@", "mia@", 2)
	put(t, filepath.Join(s.dir, "allowed_signers"), s.signers)
	put(t, filepath.Join(s.dir, "revoked_keys"), "")
	put(t, filepath.Join(s.dir, "chat.txt"), "deployed, "+journal.HeadLine(o.log.Run(), n, head))
	clone, err := filepath.Abs("../..")
	must(t, err)
	must(t, os.Symlink(clone, filepath.Join(s.dir, "runbook")))
	for _, name := range []string{"sh", "tar", "find"} { // how one begins
		path, err := exec.LookPath(name)
		must(t, err)
		must(t, os.Symlink(path, filepath.Join(s.box, name)))
	}
	return s, o.write()
}

// walk does what the page tells the stranger to do with a tar, in the first so
// many blocks of it.
func (s *stranger) walk(data []byte, blocks int) (out string, err error) {
	s.t.Helper()
	script := "set -eu\n"
	for _, block := range strings.Split(s.page, "\n```sh\n")[1 : 1+blocks] {
		block, _, _ = strings.Cut(block, "\n```")
		script += block + "\n"
	}
	must(s.t, os.RemoveAll(filepath.Join(s.dir, "given")))
	put(s.t, filepath.Join(s.dir, "run.tar"), string(data))
	cmd := exec.CommandContext(s.t.Context(), "/bin/sh", "-c", script)
	cmd.Dir, cmd.Env = s.dir, []string{"PATH=" + s.box, "TMPDIR=" + s.t.TempDir()}
	text, err := cmd.CombinedOutput()
	return string(text), err
}

// stopped wants that the page leads to no verdict, and to nothing of the sender's.
func (s *stranger) stopped(name string, data []byte) {
	s.t.Helper()
	out, err := s.walk(data, 1)
	signers, readErr := os.ReadFile(filepath.Join(s.dir, "allowed_signers"))
	if err == nil || readErr != nil || string(signers) != s.signers || strings.Contains(out, "integrity ") {
		s.t.Errorf("%s: %v, %v, signers\n%s\n%s", name, err, readErr, signers, out)
		put(s.t, filepath.Join(s.dir, "allowed_signers"), s.signers)
	}
}

// TestPageForStrangers does what docs/verify.md tells a stranger to do, with the
// tools it names, and holds the hash there against the script. A tar that would
// lead it to a script and signers of its own, or over the stranger's, stops it.
func TestPageForStrangers(t *testing.T) {
	t.Parallel()
	s, export := newStranger(t)
	if want := bundle.ScriptSHA256() + "  VERIFY.sh\n"; !strings.Contains(s.page, want) {
		t.Errorf("docs/verify.md names another script: it is now\n%s", want)
	}
	if out, err := s.walk(export, 2); err != nil || words(out) != "integrity ok, completeness ok, identity ok, anchoring ok" || !strings.Contains(out, `Good "signoff.qa-lead@runbook-log" signature for mia@example.com`) {
		t.Errorf("%v\n%s", err, out)
	}
	owned := tar.Header{Name: ".h/runbook/runbook/bundle/VERIFY.sh", Typeflag: tar.TypeReg}
	s.stopped("its own script", repack(t, export, ".h/x/",
		tar.Header{Name: "run", Typeflag: tar.TypeSymlink, Linkname: ".h/x/run"}, owned, tar.Header{Name: ".h/allowed_signers", Typeflag: tar.TypeReg}))
	s.stopped("over the signers", repack(t, export, "", tar.Header{Name: "run/of", Typeflag: tar.TypeSymlink, Linkname: "../../allowed_signers"}))
	s.stopped("a FIFO", repack(t, export, "", tar.Header{Name: "run/book.toml", Typeflag: tar.TypeFifo}))
	must(t, os.Remove(filepath.Join(s.dir, "runbook")))
	other := filepath.Join(s.dir, "runbook", "runbook", "bundle")
	must(t, os.MkdirAll(other, 0o700))
	put(t, filepath.Join(other, "VERIFY.sh"), said)
	s.stopped("another script in the copy", export)
}

// said is a script that says what its sender likes.
const said = "#!/bin/sh\necho 'integrity ok  x'\n"

// repack lays an export elsewhere in a tar, and adds to it; what is added says
// what its sender likes.
func repack(t *testing.T, export []byte, under string, add ...tar.Header) []byte {
	t.Helper()
	var out bytes.Buffer
	from, to := tar.NewReader(bytes.NewReader(export)), tar.NewWriter(&out)
	for {
		h, err := from.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		must(t, err)
		h.Name = under + h.Name
		must(t, to.WriteHeader(h))
		_, err = io.Copy(to, from)
		must(t, err)
	}
	for _, h := range add {
		h.Mode = 0o644
		if h.Typeflag == tar.TypeReg {
			h.Size = int64(len(said))
		}
		must(t, to.WriteHeader(&h))
		if h.Typeflag == tar.TypeReg {
			_, err := io.WriteString(to, said)
			must(t, err)
		}
	}
	must(t, to.Close())
	return out.Bytes()
}
