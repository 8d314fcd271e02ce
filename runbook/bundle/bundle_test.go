package bundle_test

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"runbook/runbook"
	"runbook/runbook/bundle"
	"runbook/runbook/journal"
)

// report is what was shown to those who signed.
func (o *office) report(uint64) ([]byte, error) { return []byte("report"), nil }

func (o *office) write() []byte {
	o.t.Helper()
	var out bytes.Buffer
	must(o.t, bundle.Write(&out, o.dir, []bundle.Report{{Name: "report.md", Data: []byte("report")}}, o.report))
	return out.Bytes()
}

func TestBundleIsTheRun(t *testing.T) {
	t.Parallel()
	o := finish(t)
	must(t, o.log.Close())
	must(t, os.MkdirAll(filepath.Join(o.dir, "steps", "migrate.1"), 0o700))
	for _, secret := range []string{"steps/migrate.1/out", "steps/migrate.1/out.red", "watch.key", "lock"} {
		put(t, filepath.Join(o.dir, secret), "SECRET")
	}
	first := o.write()
	if !bytes.Equal(first, o.write()) {
		t.Error("the same run gives other bytes")
	}
	if bytes.Contains(first, []byte("SECRET")) {
		t.Error("it holds what commands printed, or a key")
	}
	into := t.TempDir()
	dir, err := bundle.Unpack(bytes.NewReader(first), into)
	must(t, err)
	var names []string
	must(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if name, _ := filepath.Rel(dir, path); !d.IsDir() {
			names = append(names, name)
		}
		return err
	}))
	want := []string{
		"0001.jsonl", "0002.jsonl", "0003.jsonl", "README.txt", "VERIFY.sh", "book.toml", "report.md",
		"statements/1-session.txt", "statements/1-session.txt.sig", "statements/4-session.txt", "statements/4-session.txt.sig",
		"statements/5-dev.report.md", "statements/5-dev.txt", "statements/5-dev.txt.sig", "statements/7-session.txt", "statements/7-session.txt.sig",
		"statements/8-qa.report.md", "statements/8-qa.txt", "statements/8-qa.txt.sig", "target.toml",
	}
	if !slices.Equal(names, want) {
		t.Errorf("it holds %q", names)
	}
	o.dir = dir
	o.agree("unpacked", 0, toolbox(t))
	o.doctor(bundle.Report{Name: "report.md", Data: []byte("report")})
}

// doctor changes what lies beside the log: both verifiers say so, and of the
// reports at the top ours.
func (o *office) doctor(reports ...bundle.Report) {
	o.t.Helper()
	check := func(name string, want bool) {
		o.t.Helper()
		cmd := exec.CommandContext(o.t.Context(), "/bin/sh", filepath.Join(o.dir, "VERIFY.sh"), o.signers)
		out, _ := cmd.CombinedOutput()
		err := bundle.Check(o.dir, reports)
		if told := cmd.ProcessState.ExitCode() == 1; told != want && name != "report.md" || (err != nil) != want {
			o.t.Errorf("%s: %v\n%s", name, err, out)
		}
		if name == "report.md" && !bytes.Contains(out, []byte("report.md and report.html are made from the log, and not checked here\n")) {
			o.t.Errorf("not told:\n%s", out)
		}
	}
	check("whole", false)
	for _, name := range []string{"statements/8-qa.txt", "statements/8-qa.txt.sig", "statements/8-qa.report.md", "statements/9-qa.txt", "statements/.x", "report.md"} {
		path := filepath.Join(o.dir, name)
		before, err := os.ReadFile(path)
		put(o.t, path, "doctored")
		check(name, true)
		must(o.t, os.Remove(path))
		if err == nil && name != "report.md" && !strings.HasSuffix(name, ".report.md") {
			check(name+" missing", true)
		}
		if err == nil {
			put(o.t, path, string(before))
		}
	}
	must(o.t, os.RemoveAll(filepath.Join(o.dir, "statements")))
	check("no statements", true)
}

// TestBundleOfAnOpenRun: what is there so far verifies, and is not complete.
func TestBundleOfAnOpenRun(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.add("run.start", o.start)
	dir, err := bundle.Unpack(bytes.NewReader(o.write()), t.TempDir())
	must(t, err)
	if r := runbook.Verify(dir, journal.Policy{}); r.Integrity.Word != journal.OK || r.Completeness.Word != journal.Unfinished {
		t.Errorf("%q", r.Lines())
	}
}

func TestUnpackTakesOnlyBundles(t *testing.T) {
	t.Parallel()
	reg := byte(tar.TypeReg)
	for name, headers := range map[string][]tar.Header{
		"above":       {{Name: "../0001.jsonl", Typeflag: reg}},
		"deep above":  {{Name: "run/../../0001.jsonl", Typeflag: reg}},
		"absolute":    {{Name: "/run/0001.jsonl", Typeflag: reg}},
		"other name":  {{Name: "run/.ssh/authorized_keys", Typeflag: reg}},
		"signers":     {{Name: "run/allowed_signers", Typeflag: reg}},
		"side file":   {{Name: "run/steps/a.1/out.red", Typeflag: reg}},
		"link":        {{Name: "run/0001.jsonl", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}},
		"hard link":   {{Name: "run/0001.jsonl", Typeflag: tar.TypeLink, Linkname: "/etc/passwd"}},
		"fifo":        {{Name: "run/0001.jsonl", Typeflag: tar.TypeFifo}},
		"twice":       {{Name: "run/0001.jsonl", Typeflag: reg}, {Name: "run/0001.jsonl", Typeflag: reg}},
		"two runs":    {{Name: "run/0001.jsonl", Typeflag: reg}, {Name: "other/0001.jsonl", Typeflag: reg}},
		"no run":      {{Name: "0001.jsonl", Typeflag: reg}},
		"hidden root": {{Name: "./0001.jsonl", Typeflag: reg}},
	} {
		var out bytes.Buffer
		w := tar.NewWriter(&out)
		for _, h := range headers {
			h.Mode = 0o644
			must(t, w.WriteHeader(&h))
		}
		must(t, w.Close())
		into := filepath.Join(t.TempDir(), "into")
		must(t, os.Mkdir(into, 0o700))
		if dir, err := bundle.Unpack(&out, into); err == nil {
			t.Errorf("%s: taken as %s", name, dir)
		}
		if outside, _ := os.ReadDir(filepath.Dir(into)); len(outside) != 1 {
			t.Errorf("%s: something lies outside", name)
		}
	}
	for _, text := range []string{"", "x", strings.Repeat("x", 2048)} {
		if _, err := bundle.Unpack(strings.NewReader(text), t.TempDir()); err == nil {
			t.Errorf("%.10q was taken", text)
		}
	}
	huge := new(bytes.Buffer)
	must(t, tar.NewWriter(huge).WriteHeader(&tar.Header{Name: "run/0001.jsonl", Typeflag: reg, Size: 3 << 30}))
	if _, err := bundle.Unpack(io.MultiReader(huge, strings.NewReader("x")), t.TempDir()); err == nil || !strings.Contains(err.Error(), "GiB") {
		t.Errorf("3 GiB: %v", err)
	}
}

// TestUnpackTakesNoHoles: a few bytes must not become gigabytes on the disk.
func TestUnpackTakesNoHoles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, "run"), 0o700))
	put(t, filepath.Join(dir, "run", "0001.jsonl"), "")
	must(t, os.Truncate(filepath.Join(dir, "run", "0001.jsonl"), 16<<20))
	for _, format := range []string{"posix", "gnu"} {
		out, err := exec.CommandContext(t.Context(), "tar", "-C", dir, "--format="+format, "-S", "-c", "run/0001.jsonl").Output()
		if err != nil || len(out) > 1<<20 {
			t.Skipf("this tar writes no holes: %d bytes, %v", len(out), err)
		}
		if _, err := bundle.Unpack(bytes.NewReader(out), t.TempDir()); err == nil {
			t.Errorf("%s: %d bytes were taken as 16 MiB", format, len(out))
		}
	}
}
