package practice

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// keptDays is how many days of backups lie there at start.
const keptDays = 8

// writeBackups makes what scripts/backup.sh would have made each night: a dump,
// its digest in the manifest, and the encrypted archive. The dump is one of the
// database as it is, for every day. Without pg_dump there is none.
func (s *server) writeBackups(ctx context.Context) error {
	dir := filepath.Join(s.dir, emailSite, "backups")
	if err := os.Mkdir(dir, 0o700); err != nil || s.pg == nil {
		return err
	}
	first := filepath.Join(dir, "first")
	if err := s.pg.Dump(ctx, s.dsn("email_deploy", s.mail.secrets["deploy"], "encrypted_email"), first); err != nil {
		return err
	}
	dump, err := os.ReadFile(first) // #nosec G304 -- made just now
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := errors.Join(err, os.Remove(first)); err != nil {
		return err
	}
	var manifest strings.Builder
	var newest string
	for day := keptDays - 1; day >= 0; day-- {
		at := time.Now().UTC().Add(-2*time.Hour - time.Duration(day)*24*time.Hour)
		name := "encrypted-email-" + at.Format("20060102T150405Z")
		_, _ = fmt.Fprintf(&manifest, "%x  %s.dump\n", sha256.Sum256(dump), name)
		sealed, err := s.archive(name+".dump", dump, at)
		if err != nil {
			return err
		}
		newest = name + ".tar.gz.gpg"
		for file, content := range map[string][]byte{name + ".dump": dump, newest: sealed} {
			if err := writeAt(filepath.Join(dir, file), content, at); err != nil {
				return err
			}
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "SHA256SUMS"), []byte(manifest.String()), 0o600); err != nil {
		return err
	}
	return os.Symlink(filepath.Join("backups", newest), filepath.Join(s.dir, emailSite, "latest-backup.tar.gz.gpg"))
}

func writeAt(file string, content []byte, at time.Time) error {
	if err := os.WriteFile(file, content, 0o600); err != nil {
		return err
	}
	return os.Chtimes(file, at, at)
}

// archive is one file in a compressed tar, encrypted with the backup key.
func (s *server) archive(name string, content []byte, at time.Time) ([]byte, error) {
	var packed, sealed bytes.Buffer
	squeezed := gzip.NewWriter(&packed)
	files := tar.NewWriter(squeezed)
	err := files.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(content)), ModTime: at})
	if err == nil {
		_, err = files.Write(content)
	}
	if err := errors.Join(err, files.Close(), squeezed.Close()); err != nil {
		return nil, fmt.Errorf("pack a backup: %w", err)
	}
	if err := seal(&sealed, &packed, []byte(s.mail.secrets["backup"])); err != nil {
		return nil, fmt.Errorf("encrypt a backup: %w", err)
	}
	return sealed.Bytes(), nil
}
