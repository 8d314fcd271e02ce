package bundle

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"runbook/runbook/journal"
)

// Check holds what an export in dir tells beside its log against the log: the
// statements and their signatures, the reports that were signed, and those at
// the top, which must be of the same bytes as reports. A directory that was not
// exported has none of them. The error says what is not as the log has it.
func Check(dir string, reports []Report) error {
	if !exported(dir) {
		return nil
	}
	entries, err := journal.Read(dir)
	if err != nil && !errors.Is(err, journal.ErrTorn) {
		return err
	}
	want, err := signed(entries)
	if err != nil {
		return err
	}
	known := map[string]string{}
	for _, f := range want {
		known[f.name] = string(f.data)
		if got, err := read(dir, f.name); err != nil {
			return fmt.Errorf("not as the log has it: %w", err)
		} else if !bytes.Equal(got.data, f.data) {
			return fmt.Errorf("%s is not what the log holds", f.name)
		}
	}
	there, err := os.ReadDir(filepath.Join(dir, "statements"))
	if err != nil {
		return err
	}
	for _, e := range there {
		name := "statements/" + e.Name()
		if _, ok := known[name]; ok {
			continue
		}
		statement, isReport := strings.CutSuffix(name, reportSuffix)
		s, err := journal.ParseSignoff(known[statement+".txt"])
		if !isReport || err != nil {
			return fmt.Errorf("%s: the log holds no such statement", name)
		}
		if got, err := read(dir, name); err != nil || sum(got.data) != s.ReportSHA {
			return errors.Join(fmt.Errorf("%s is not the report that was signed", name), err)
		}
	}
	return sameReports(dir, reports)
}

// exported tells an export from a run at home.
func exported(dir string) bool {
	for _, name := range []string{"statements", "README.txt"} {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
			return true
		}
	}
	return false
}

func sameReports(dir string, reports []Report) error {
	made := map[string][]byte{}
	for _, r := range reports {
		made[r.Name] = r.Data
	}
	for _, name := range []string{"report.md", "report.html"} {
		got, err := read(dir, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue // of a damaged log none was made
		}
		if err != nil {
			return err
		}
		if want, ok := made[name]; !ok || !bytes.Equal(got.data, want) {
			return fmt.Errorf("%s is not the one that this program makes of the log: it was changed, or another version of it exported it", name)
		}
	}
	return nil
}
