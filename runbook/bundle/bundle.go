// Package bundle puts a run into one file that a stranger can check without
// this program, and takes such a file apart again.
package bundle

import (
	"archive/tar"
	"crypto/sha256"
	_ "embed" // VERIFY.sh
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"runbook/runbook/journal"
)

//go:embed VERIFY.sh
var verifyScript []byte

// ScriptSHA256 is of VERIFY.sh as Write writes it, 64 hex digits: docs/verify.md
// names it too.
func ScriptSHA256() string { return sum(verifyScript) }

// Report is a report that goes with the log; Name is its file.
type Report struct {
	Name string // report.md, report.html
	Data []byte
}

// file is one of a bundle.
type file struct {
	name string
	mode int64
	data []byte
}

// reportSuffix stands behind a sign-off's name where the report lies that was signed.
const reportSuffix = ".report.md"

// Write writes the run in dir as a tar of one directory: the log, the copies of
// book and target, each sign-off apart, with the report that it names where
// signedReport still makes those bytes of the first n entries, the reports, and
// a script that checks the log and the statements with stock tools. The same run gives the same bytes. What commands
// printed and keys are not in it. The error says what can't be read; of a log
// that is damaged all is written, as it is.
func Write(w io.Writer, dir string, reports []Report, signedReport func(n uint64) ([]byte, error)) error {
	entries, err := journal.Read(dir)
	if len(entries) == 0 {
		return errors.Join(errors.New("the log holds no entry that can be read"), err)
	}
	files, err := beside(dir)
	if err != nil {
		return err
	}
	more, err := signed(entries)
	if err != nil {
		return err
	}
	files = append(files, more...)
	files = append(files, shown(more, signedReport)...)
	for _, r := range reports {
		files = append(files, file{r.Name, 0o644, r.Data})
	}
	files = append(files, file{"VERIFY.sh", 0o755, verifyScript}, file{"README.txt", 0o644, []byte(readme(entries))})

	abs, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	root := filepath.Base(abs)
	last := entries[len(entries)-1].Time.Truncate(time.Second)
	out := tar.NewWriter(w)
	for _, f := range files {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: path.Join(root, f.name), Mode: f.mode, Size: int64(len(f.data)), ModTime: last, Format: tar.FormatUSTAR}
		if err := out.WriteHeader(h); err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		if _, err := out.Write(f.data); err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
	}
	return out.Close()
}

// shown are the reports that those who signed were shown, as far as they can
// still be made.
func shown(statements []file, signedReport func(n uint64) ([]byte, error)) []file {
	var files []file
	for _, f := range statements {
		s, err := journal.ParseSignoff(string(f.data))
		if err != nil {
			continue // a signature, or a session's
		}
		if text, err := signedReport(s.N); err == nil && sum(text) == s.ReportSHA {
			files = append(files, file{strings.TrimSuffix(f.name, ".txt") + reportSuffix, 0o644, text})
		}
	}
	return files
}

func sum(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// beside are the segments of the log, and what lies beside them and is public.
func beside(dir string) ([]file, error) {
	var files []file
	for k := 1; ; k++ {
		f, err := read(dir, fmt.Sprintf("%04d.jsonl", k))
		if k > 1 && errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	for _, name := range []string{"watch.jsonl", "book.toml", "target.toml"} {
		f, err := read(dir, name)
		if name == "watch.jsonl" && errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
}

func read(dir, name string) (file, error) {
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return file{}, err
	}
	data, err := io.ReadAll(f)
	return file{name, 0o644, data}, errors.Join(err, f.Close())
}

// signed are the statements of those who signed, and their signatures, as
// `ssh-keygen -Y verify` wants them.
func signed(entries []journal.Entry) ([]file, error) {
	var files []file
	for _, e := range entries {
		name, body, err := statement(e)
		if err != nil {
			return nil, fmt.Errorf("entry %d: %w", e.N, err)
		}
		if name == "" {
			continue
		}
		name = fmt.Sprintf("statements/%d-%s.txt", e.N, name)
		files = append(files, file{name, 0o644, []byte(body.Stmt)})
		if body.SSHSig != "" {
			files = append(files, file{name + ".sig", 0o644, []byte(body.SSHSig)})
		}
	}
	return files, nil
}

// statement is what e holds of a statement: what it is about, empty if e holds
// none, with the text and the signature.
func statement(e journal.Entry) (name string, body journal.SignedHandOver, err error) {
	switch e.Kind {
	case journal.KindHandover:
		body, signed, err := journal.ReadHandOver(e.Body)
		if !signed {
			return "", body, err
		}
		return "hand-over", body, err
	case journal.KindSession:
		return "session", body, json.Unmarshal(e.Body, &body)
	case journal.KindAttest:
		if err := json.Unmarshal(e.Body, &body); err != nil {
			return "", body, err
		}
		s, err := journal.ParseSignoff(body.Stmt)
		return s.Role, body, err
	}
	return "", body, nil
}
