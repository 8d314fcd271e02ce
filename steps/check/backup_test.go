package check_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"runbook/steps"
	"runbook/steps/check"
)

// shelf is a target's dir of backups. Each is an hour older than the one
// before it.
func shelf(t *testing.T, w *steps.World, name string, contents ...[]byte) {
	t.Helper()
	for i, content := range contents {
		path := filepath.Join(w.Dir, fmt.Sprintf("%s-%03d", name, i))
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		at := time.Now().Add(-time.Duration(i) * time.Hour)
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
}

func TestBackup(t *testing.T) {
	t.Parallel()
	w := world(t, nil)
	of := func(n int) []byte { return bytes.Repeat([]byte("x"), n) }
	shelf(t, w, "daily", of(1000), of(900), of(1100), of(1000), of(5))
	shelf(t, w, "shrunk", of(400), of(900), of(1100), of(1000))
	shelf(t, w, "first", of(10))
	shelf(t, w, "future", of(10))
	soon := time.Now().Add(time.Hour)
	if err := os.Chtimes(filepath.Join(w.Dir, "future-000"), soon, soon); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("first-000", filepath.Join(w.Dir, "first-latest")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(w.Dir, "first-dir"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		check   check.Backup
		verdict steps.Verdict
		reason  string
	}{
		"all of it":         {check.Backup{Files: "daily-*", MaxAge: short(time.Hour), MinSize: "1000", MinRatio: "0.7", Keep: "5", Oldest: short(5 * time.Hour)}, steps.Pass, ""},
		"none":              {check.Backup{Files: "weekly-*", Keep: "1"}, steps.Fail, "there is no backup"},
		"no directory":      {check.Backup{Files: "nowhere/*", Keep: "1"}, steps.Fail, "there is no backup"},
		"old":               {check.Backup{Files: "daily-00[1-4]", MaxAge: short(30 * time.Minute)}, steps.Fail, "the newest, daily-001, is 1h"},
		"small":             {check.Backup{Files: "daily-*", MinSize: "1KiB"}, steps.Fail, "1000 bytes, wanted at least 1KiB"},
		"shrunk":            {check.Backup{Files: "shrunk-*", MinRatio: "0.7"}, steps.Fail, "400 bytes, 0.40 of the usual 1000"},
		"nothing before":    {check.Backup{Files: "first-000", MinRatio: "0.7"}, steps.Unknown, "no backup before first-000"},
		"few":               {check.Backup{Files: "daily-*", Keep: "6"}, steps.Fail, "5 backups, wanted at least 6"},
		"far back":          {check.Backup{Files: "daily-*", Reach: short(3 * time.Hour)}, steps.Pass, ""},
		"not far back":      {check.Backup{Files: "daily-*", Reach: short(24 * time.Hour)}, steps.Fail, "the oldest, daily-004, is 4h old: wanted one of 1d"},
		"too old kept":      {check.Backup{Files: "daily-*", Oldest: short(2 * time.Hour)}, steps.Fail, "daily-004 is 4h old"},
		"link, directory":   {check.Backup{Files: "first-*", Keep: "2"}, steps.Fail, "1 backups"},
		"future":            {check.Backup{Files: "future-*", MaxAge: short(time.Hour)}, steps.Unknown, "a clock is wrong"},
		"nothing asked":     {check.Backup{Files: "daily-*"}, steps.Unknown, "nothing is asked"},
		"bad reader":        {check.Backup{Files: "daily-*", Read: "zip"}, steps.Unknown, `read: "zip" is none of`},
		"bad encryption":    {check.Backup{Files: "daily-*", Encrypted: "rot13"}, steps.Unknown, "neither gpg nor age"},
		"bad glob":          {check.Backup{Files: "daily-[", Keep: "1"}, steps.Unknown, "syntax error"},
		"bad limit":         {check.Backup{Files: "daily-*", Keep: "all"}, steps.Unknown, `keep: "all"`},
		"recipient of none": {check.Backup{Files: "daily-*", Recipient: "AB", Keep: "1"}, steps.Unknown, "recipient: goes with"},
	} {
		t.Run(name, func(t *testing.T) { // at once: ages are told to the minute
			want(t, do(t, &c.check, w), c.verdict, c.reason)
		})
	}
	decode[*check.Backup](t, "backup", map[string]any{"files": "${dir}/*.dump", "max_age": "26h", "keep": "${n}", "oldest": "30d", "read": "${how}", "encrypted": "gpg"})
	on := *w
	on.Host = "app"
	want(t, do(t, &check.Backup{Files: "daily-*", Keep: "1"}, &on), steps.Unknown, "not on app")
}

func TestBackupOfADirectoryThatIsClosed(t *testing.T) {
	t.Parallel()
	if os.Geteuid() == 0 {
		return // root enters every directory
	}
	w := world(t, nil)
	shelf(t, w, "a", []byte("x"))
	if err := os.Chmod(w.Dir, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(w.Dir, 0o700) }) // or it can't be removed
	want(t, do(t, &check.Backup{Files: "a-*", Keep: "1"}, w), steps.Unknown, "cannot be read")
}

func zipped(t *testing.T, content []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := z.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func tarOf(t *testing.T, members ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	a := tar.NewWriter(&out)
	for _, name := range members {
		content := strings.Repeat(name, 1024)
		if err := a.WriteHeader(&tar.Header{Name: name, Size: int64(len(content)), Mode: 0o600}); err != nil {
			t.Fatal(err)
		}
		if _, err := a.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestBackupIsRead(t *testing.T) {
	t.Parallel()
	dumped := "--\n-- PostgreSQL database dump\n--\n\nCOPY t (n) FROM stdin;\n" + strings.Repeat("1\n", 5000) + "\\.\n\n"
	w := world(t, nil)
	whole := tarOf(t, "a", "b", "c")
	packed := zipped(t, whole)
	for name, c := range map[string]struct {
		read    string
		content []byte
		verdict steps.Verdict
		reason  string
	}{
		"tar":             {"tar", whole, steps.Pass, ""},
		"tar, cut":        {"tar", whole[:2000], steps.Fail, "it was cut"},
		"tar, at a block": {"tar", whole[:2*(512+1024)], steps.Fail, "it was cut"},
		"tar, one zero":   {"tar", whole[:len(whole)-512], steps.Fail, "it was cut"},
		"tar, empty":      {"tar", tarOf(t), steps.Fail, "it is empty"},
		"no tar":          {"tar", bytes.Repeat([]byte("text "), 500), steps.Fail, "it is no tar, or damaged"},
		"nothing":         {"tar", nil, steps.Fail, "it was cut"},
		"tar.gz":          {"tar", packed, steps.Pass, ""},
		"tar.gz, cut":     {"tar", packed[:len(packed)-4], steps.Fail, "it was cut"},
		"tar.xz":          {"tar", []byte("\xfd7zXZ\x00..."), steps.Unknown, "xz or zstd"},
		"gzip":            {"gzip", packed, steps.Pass, ""},
		"gzip, cut":       {"gzip", packed[:len(packed)/2], steps.Fail, "it was cut"},
		"gzip, damaged":   {"gzip", append(bytes.Clone(packed[:len(packed)-8]), make([]byte, 8)...), steps.Fail, "damaged: gzip: invalid checksum"},
		"gzip of nothing": {"gzip", zipped(t, nil), steps.Fail, "it is empty"},
		"dump":            {"gzip", zipped(t, []byte(dumped+"--\n-- PostgreSQL database dump complete\n--\n\n\\unrestrict x\n")), steps.Pass, ""},
		"dump, cut":       {"gzip", zipped(t, []byte(dumped)), steps.Fail, "it was cut"},
		"dump of all":     {"gzip", zipped(t, []byte("--\n-- PostgreSQL database cluster dump\n--\n"+dumped+"--\n-- PostgreSQL database dump complete\n--\n\n--\n-- PostgreSQL database cluster dump complete\n--\n\n")), steps.Pass, ""},
		"dump of some":    {"gzip", zipped(t, []byte("--\n-- PostgreSQL database cluster dump\n--\n"+dumped+"--\n-- PostgreSQL database dump complete\n--\n\n")), steps.Fail, "it was cut"},
		"no gzip":         {"gzip", whole, steps.Fail, "it is no gzip"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := strings.ReplaceAll(name, " ", "_")
			shelf(t, w, file, c.content)
			want(t, do(t, &check.Backup{Files: file + "-000", Read: c.read}, w), c.verdict, c.reason)
		})
	}
}

func TestBackupSum(t *testing.T) {
	t.Parallel()
	w := world(t, nil)
	shelf(t, w, "a", []byte("one"))
	sums := func(text, file string) {
		if err := os.WriteFile(filepath.Join(w.Dir, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	look := func() steps.Result { return do(t, &check.Backup{Files: "a-000", Read: "sha256"}, w) }
	right := fmt.Sprintf("%x", sha256.Sum256([]byte("one")))
	want(t, look(), steps.Unknown, "no sum of it in a-000.sha256 or SHA256SUMS")
	sums(strings.Repeat("0", 64)+"  b-000\n"+right+" *a-000\n", "SHA256SUMS")
	want(t, look(), steps.Pass, "")
	sums(strings.Repeat("0", 64)+"  ./a-000\n", "SHA256SUMS")
	want(t, look(), steps.Fail, "SHA256SUMS says 000000000000…")
	sums(right+"\n", "a-000.sha256")
	want(t, look(), steps.Pass, "")
	sums("\x1b]0;owned\x07\n", "a-000.sha256")
	bad := look()
	want(t, bad, steps.Fail, "its sha256 is")
	never(t, bad, "\x1b", "\x07")
}

// The messages in testdata are of gpg 2.2 and of age 1.2.
func TestBackupIsEncrypted(t *testing.T) {
	t.Parallel()
	real := func(name string) []byte {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	gpg, age := real("backup.gpg"), real("backup.age")
	// What gpg writes of more than it buffers: pieces of 8 KiB, the last of any length.
	long := append(bytes.Clone(gpg[:96]), 0xd2, 0xed)
	long = append(append(long, make([]byte, 8192)...), 0xc1, 0x08)
	long = append(long, make([]byte, 456)...)
	for name, c := range map[string]struct {
		kind, recipient string
		content         []byte
		verdict         steps.Verdict
		reason          string
	}{
		"gpg":              {"gpg", "", gpg, steps.Pass, ""},
		"for a key":        {"gpg", "4E94D46A", gpg, steps.Pass, ""},
		"by a fingerprint": {"gpg", "3447 C35C 3CD7 8E66 4962 3538 B653 F791 4E94 D46A", gpg, steps.Pass, ""},
		"for another":      {"gpg", "7D27AF89514717E7", gpg, steps.Fail, "gpg for B653F7914E94D46A, wanted it for 7D27AF89514717E7"},
		"armored":          {"gpg", "B653F7914E94D46A", real("backup.gpg.asc"), steps.Pass, ""},
		"armored, cut":     {"gpg", "", real("backup.gpg.asc")[:150], steps.Fail, "it was cut"},
		"password":         {"gpg", "", real("password.gpg"), steps.Pass, ""},
		"signed alone":     {"gpg", "", real("signed.gpg"), steps.Fail, "it is not encrypted by gpg"},
		"gpg, cut":         {"gpg", "", gpg[:len(gpg)-1], steps.Fail, "it was cut"},
		"only the keys":    {"gpg", "", gpg[:96], steps.Fail, "it was cut"},
		"gpg, long":        {"gpg", "", long, steps.Pass, ""},
		"gpg, long, cut":   {"gpg", "", long[:len(long)-1], steps.Fail, "it was cut"},
		"at a piece":       {"gpg", "", long[:98+8192], steps.Fail, "it was cut"},
		"plain text":       {"gpg", "", []byte("-- PostgreSQL database dump\n"), steps.Fail, "it is not encrypted by gpg"},
		"a dump":           {"gpg", "", []byte("PGDMP\x01\x0e\x00"), steps.Fail, "it is not encrypted by gpg"},
		"empty":            {"gpg", "", nil, steps.Fail, "it is not encrypted by gpg"},
		"gpg is no age":    {"age", "", gpg, steps.Fail, "age"},
		"age":              {"age", "", age, steps.Pass, ""},
		"age, armored":     {"age", "", real("backup.age.asc"), steps.Pass, ""},
		"age, cut":         {"age", "", age[:190], steps.Fail, "it was cut"},
		"age, cut before":  {"age", "", age[:60], steps.Fail, "it was cut"},
		"age is no gpg":    {"gpg", "", age, steps.Fail, "it is not encrypted by gpg"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world(t, nil)
			shelf(t, w, "b", c.content)
			want(t, do(t, &check.Backup{Files: "b-000", Encrypted: c.kind, Recipient: c.recipient}, w), c.verdict, c.reason)
		})
	}
}
