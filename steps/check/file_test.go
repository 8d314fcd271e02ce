package check_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"runbook/steps"
	"runbook/steps/check"
)

func TestFile(t *testing.T) {
	t.Parallel()
	w := world(t, nil)
	write := func(name, content string, mode os.FileMode) {
		path := filepath.Join(w.Dir, name)
		if err := os.WriteFile(path, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
	}
	write("env", "A=1\n", 0o600)
	write("open", "A=1\n", 0o644)
	write("long", strings.Repeat("x", 2<<20)+"end", 0o600)
	old := time.Now().Add(-48 * time.Hour)
	if err := os.Chtimes(filepath.Join(w.Dir, "open"), old, old); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(w.Dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	write("ahead", "A=1\n", 0o600)
	ahead := time.Now().Add(48 * time.Hour)
	if err := errors.Join(os.Chtimes(filepath.Join(w.Dir, "ahead"), ahead, ahead), os.Symlink("nowhere", filepath.Join(w.Dir, "dangling"))); err != nil {
		t.Fatal(err)
	}
	no := false
	const sum = "91d6a3d55e9fea7911c537afae6607c77fa8bc0f3a76c375e104ac5a8cfa84db"
	for name, c := range map[string]struct {
		check   check.File
		verdict steps.Verdict
		reason  string
	}{
		"there":           {check.File{Path: "env"}, steps.Pass, ""},
		"absolute":        {check.File{Path: filepath.Join(w.Dir, "env")}, steps.Pass, ""},
		"missing":         {check.File{Path: "none"}, steps.Fail, "does not exist"},
		"below a file":    {check.File{Path: "env/x"}, steps.Fail, "does not exist"},
		"gone":            {check.File{Path: "none", Exists: &no}, steps.Pass, ""},
		"a dangling link": {check.File{Path: "dangling", Exists: &no}, steps.Fail, "wanted it gone"},
		"leads nowhere":   {check.File{Path: "dangling"}, steps.Fail, "does not exist"},
		"of the future":   {check.File{Path: "ahead", MaxAge: short(26 * time.Hour)}, steps.Unknown, "in the future"},
		"not gone":        {check.File{Path: "env", Exists: &no}, steps.Fail, "wanted it gone"},
		"mode":            {check.File{Path: "env", Mode: "0600"}, steps.Pass, ""},
		"stricter mode":   {check.File{Path: "env", Mode: "0640"}, steps.Pass, ""},
		"too open":        {check.File{Path: "open", Mode: "0600"}, steps.Fail, "mode is 0644"},
		"owner":           {check.File{Path: "env", Owner: "nobody"}, steps.Fail, "wanted nobody"},
		"young":           {check.File{Path: "env", MaxAge: short(time.Hour)}, steps.Pass, ""},
		"old":             {check.File{Path: "open", MaxAge: short(26 * time.Hour)}, steps.Fail, "ago, wanted within"},
		"size":            {check.File{Path: "long", MinSize: "2MiB", MaxSize: "3MB"}, steps.Pass, ""},
		"too small":       {check.File{Path: "env", MinSize: "1 KiB"}, steps.Fail, "4 bytes, wanted at least 1 KiB"},
		"too big":         {check.File{Path: "env", MaxSize: "3"}, steps.Fail, "wanted at most 3"},
		"contains":        {check.File{Path: "env", Contains: "A=1"}, steps.Pass, ""},
		"does not":        {check.File{Path: "env", Contains: "B=1"}, steps.Fail, "not found"},
		"beyond 1 MiB":    {check.File{Path: "long", Contains: "end"}, steps.Unknown, "in the first 1 MiB"},
		"match":           {check.File{Path: "env", Match: `(?m)^A=\d$`}, steps.Pass, ""},
		"sum":             {check.File{Path: "env", SHA256: sum}, steps.Pass, ""},
		"other sum":       {check.File{Path: "open", SHA256: strings.Repeat("0", 64)}, steps.Fail, "sha256 is"},
		"sum of long":     {check.File{Path: "long", SHA256: strings.Repeat("0", 64)}, steps.Fail, "sha256 is"},
		"pipe":            {check.File{Path: "pipe", Contains: "x"}, steps.Unknown, "not a regular file"},
		"bad mode":        {check.File{Path: "env", Mode: "rw"}, steps.Unknown, "octal"},
		"bad size":        {check.File{Path: "env", MinSize: "big"}, steps.Unknown, "not a size"},
		"size left blank": {check.File{Path: "env", MinSize: "${x}"}, steps.Unknown, "wanted at least"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want(t, do(t, &c.check, w), c.verdict, c.reason)
		})
	}
	want(t, do(t, &check.File{Path: "env"}, &steps.World{}), steps.Unknown, "no dir")
}
