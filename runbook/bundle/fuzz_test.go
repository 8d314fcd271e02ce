package bundle_test

import (
	"archive/tar"
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"runbook/runbook/bundle"
)

// inRun are the paths that a run has once it is unpacked.
var inRun = regexp.MustCompile(`^[\w][\w.-]*(/([0-9]+\.jsonl|watch\.jsonl|book\.toml|target\.toml|report\.md|report\.html|VERIFY\.sh|README\.txt|statements/[0-9a-z.-]+))?$|^[\w][\w.-]*/statements$`)

// FuzzUnpack: whatever comes as a tar, nothing but plain files of ours lies in
// the directory, and nothing outside of it.
func FuzzUnpack(f *testing.F) {
	tarOf := func(headers ...tar.Header) []byte {
		var out bytes.Buffer
		w := tar.NewWriter(&out)
		for _, h := range headers {
			h.Mode, h.Size = 0o644, 0
			if h.Typeflag == tar.TypeReg {
				h.Size = 2
			}
			if err := w.WriteHeader(&h); err != nil {
				f.Fatal(err)
			}
			if h.Size > 0 {
				if _, err := w.Write([]byte("x\n")); err != nil {
					f.Fatal(err)
				}
			}
		}
		if err := w.Close(); err != nil {
			f.Fatal(err)
		}
		return out.Bytes()
	}
	reg := byte(tar.TypeReg)
	f.Add([]byte{})
	f.Add(tarOf(tar.Header{Name: "run/0001.jsonl", Typeflag: reg}, tar.Header{Name: "run/statements/1-session.txt.sig", Typeflag: reg}, tar.Header{Name: "run/VERIFY.sh", Typeflag: reg}))
	f.Add(tarOf(tar.Header{Name: "run/statements/8-qa.report.md", Typeflag: reg, Format: tar.FormatPAX, PAXRecords: map[string]string{"RUNBOOK.x": "1"}}))
	f.Add(tarOf(tar.Header{Name: "run/0001.jsonl", Typeflag: tar.TypeSymlink, Linkname: "../../x"}, tar.Header{Name: "run/0001.jsonl", Typeflag: reg}))
	f.Add(tarOf(tar.Header{Name: "../run/book.toml", Typeflag: reg}))
	f.Add(tarOf(tar.Header{Name: "run/", Typeflag: tar.TypeDir}, tar.Header{Name: "run/target.toml", Typeflag: reg}))
	f.Fuzz(func(t *testing.T, data []byte) {
		around := t.TempDir()
		into := filepath.Join(around, "into")
		if err := os.Mkdir(into, 0o700); err != nil {
			t.Fatal(err)
		}
		dir, err := bundle.Unpack(bytes.NewReader(data), into)
		if err == nil && filepath.Dir(dir) != into {
			t.Errorf("unpacked to %s", dir)
		}
		must(t, filepath.WalkDir(around, func(path string, d fs.DirEntry, err error) error {
			name, _ := filepath.Rel(into, path)
			switch {
			case err != nil || path == around || path == into:
			case !d.IsDir() && !d.Type().IsRegular(), !inRun.MatchString(name):
				t.Errorf("%s lies there, %s", name, d.Type())
			}
			return err
		}))
	})
}
