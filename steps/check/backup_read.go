package check

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"runbook/steps"
)

// broken says what is wrong with a backup. Any other error says why that is not
// known.
type broken string

func (b broken) Error() string { return string(b) }

// reader reads a backup to its end, and answers what it saw.
type reader func(ctx context.Context, w *steps.World, path string) (string, error)

var readers = map[string]reader{"pg_restore": readArchive, "tar": readTar, "gzip": readGzip, "sha256": readSum}

// readArchive has pg_restore write the whole archive to nowhere: its list of
// contents, at the beginning, is whole in a dump that was cut at the tail.
func readArchive(ctx context.Context, w *steps.World, path string) (string, error) {
	limit := time.Hour
	if deadline, ok := ctx.Deadline(); ok {
		limit = time.Until(deadline)
	}
	ended, err := program{argv: []string{"pg_restore", "--file=/dev/null", path}, limit: limit, keep: keptOutput}.run(ctx, w)
	if err != nil {
		return "", err
	}
	if ended.state.Success() {
		return "whole", nil
	}
	said := outside(firstLine(&ended.stderr, &ended.stdout))
	if strings.Contains(said, "unsupported version") || strings.Contains(said, "not built with support") || strings.Contains(said, "not simulated") {
		return "", fmt.Errorf("pg_restore can't read it: %s", said)
	}
	return "", broken("pg_restore can't read it: " + said)
}

// openBackup opens a file for one read to its end.
func openBackup(ctx context.Context, path string) (io.Reader, io.Closer, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	return bufio.NewReaderSize(&interruptible{ctx, file}, 1<<16), file, nil
}

func readGzip(ctx context.Context, _ *steps.World, path string) (string, error) {
	file, closer, err := openBackup(ctx, path)
	if err != nil {
		return "", err
	}
	defer func() { _ = closer.Close() }() // only read from
	text, err := gzip.NewReader(file)
	if err != nil {
		return "", cut(ctx, err, "gzip")
	}
	dump := &dumpEnds{}
	n, err := io.Copy(dump, text) //nolint:gosec // unpacked and dropped, until the time is over
	switch {
	case err != nil:
		return "", cut(ctx, err, "gzip")
	case n == 0: // what was piped into it had failed
		return "", broken("it is empty")
	case dump.lacksItsEnd():
		return "", broken("it ends without the line that pg_dump writes last: it was cut")
	}
	return fmt.Sprintf("whole, %d bytes", n), nil
}

// dumpEnds keeps how a text begins and ends: a pipe packs what came before
// pg_dump failed, and packs it whole.
type dumpEnds struct{ head, tail []byte }

// shownEnd is more than what pg_dump writes around a dump, in bytes.
const shownEnd = 512

func (d *dumpEnds) Write(p []byte) (int, error) {
	d.head = append(d.head, p[:min(len(p), shownEnd-len(d.head))]...)
	d.tail = append(d.tail, p[max(0, len(p)-shownEnd):]...)
	d.tail = d.tail[max(0, len(d.tail)-shownEnd):]
	return len(p), nil
}

func (d *dumpEnds) lacksItsEnd() bool {
	for _, what := range []string{"database cluster dump", "database dump"} {
		if bytes.HasPrefix(d.head, []byte("--\n-- PostgreSQL "+what+"\n")) {
			return !bytes.Contains(d.tail, []byte("-- PostgreSQL "+what+" complete\n"))
		}
	}
	return false
}

// cut tells a damaged file from one that could not be read.
func cut(ctx context.Context, err error, format string) error {
	var inFile *fs.PathError
	switch {
	case ctx.Err() != nil, errors.As(err, &inFile):
		return err
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return broken("it ends too early: it was cut")
	}
	return broken(fmt.Sprintf("it is no %s, or damaged: %v", format, err))
}

// readTar reads members to the end of the archive: two blocks of zeros, without
// which it was cut between two members.
func readTar(ctx context.Context, _ *steps.World, path string) (string, error) {
	file, closer, err := openBackup(ctx, path)
	if err != nil {
		return "", err
	}
	defer func() { _ = closer.Close() }() // only read from
	text, err := decompressed(bufio.NewReader(file))
	if err != nil {
		return "", cut(ctx, err, "tar")
	}
	var end lastBytes
	text = io.TeeReader(text, &end)
	members := 0
	for archive := tar.NewReader(text); ; members++ {
		_, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return "", cut(ctx, err, "tar")
		}
		if _, err := io.Copy(io.Discard, archive); err != nil { //nolint:gosec // unpacked and dropped, until the time is over
			return "", cut(ctx, err, "tar")
		}
	}
	if _, err := io.Copy(io.Discard, text); err != nil {
		return "", cut(ctx, err, "tar")
	}
	switch {
	case len(end) < endOfTar || len(bytes.Trim(end, "\x00")) > 0:
		return "", broken("it ends too early: it was cut")
	case members == 0:
		return "", broken("it is empty")
	}
	return fmt.Sprintf("whole, %d members", members), nil
}

// endOfTar is the length of the two blocks of zeros.
const endOfTar = 2 * 512

// lastBytes keeps the end of what is written.
type lastBytes []byte

func (l *lastBytes) Write(p []byte) (int, error) {
	*l = append(*l, p...)
	if over := len(*l) - endOfTar; over > 0 {
		*l = append((*l)[:0], (*l)[over:]...)
	}
	return len(p), nil
}

// decompressed takes off what the first bytes say.
func decompressed(file *bufio.Reader) (io.Reader, error) {
	head, err := file.Peek(6)
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return nil, err
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		return gzip.NewReader(file)
	case bytes.HasPrefix(head, []byte("BZh")):
		return bzip2.NewReader(file), nil
	case bytes.HasPrefix(head, []byte("\xfd7zXZ")), bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		return nil, &fs.PathError{Op: "read", Err: errors.New("compressed by xz or zstd, which is not read here: use check.command")}
	}
	return file, nil
}

// readSum holds a file against the sum that was written beside it.
func readSum(ctx context.Context, _ *steps.World, path string) (string, error) {
	wanted, from, err := sumOf(path)
	if err != nil {
		return "", err
	}
	file, closer, err := openBackup(ctx, path)
	if err != nil {
		return "", err
	}
	defer func() { _ = closer.Close() }() // only read from
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return "", err
	}
	got := hex.EncodeToString(sum.Sum(nil))
	if !strings.EqualFold(got, wanted) {
		return "", broken(fmt.Sprintf("its sha256 is %.12s…, %s says %.12s…", got, from, outside(wanted)))
	}
	return fmt.Sprintf("%.12s… as in %s", got, from), nil
}

// sumOf finds a file's sum in NAME.sha256 or SHA256SUMS, as sha256sum writes it.
func sumOf(path string) (sum, from string, err error) {
	base := filepath.Base(path)
	for _, from := range []string{base + ".sha256", "SHA256SUMS"} {
		text, err := readHead(filepath.Join(filepath.Dir(path), from))
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			return "", "", fmt.Errorf("%s cannot be read: %s", outside(from), bare(err))
		}
		for line := range strings.Lines(string(text)) {
			words := strings.Fields(line)
			alone := len(words) == 1 && from != "SHA256SUMS"
			if alone || len(words) == 2 && filepath.Base(strings.TrimPrefix(words[1], "*")) == base {
				return words[0], outside(from), nil
			}
		}
	}
	return "", "", fmt.Errorf("no sum of it in %s.sha256 or SHA256SUMS", outside(base))
}
