package check

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"runbook/steps"
)

// File is check.file: a file or directory on this machine.
//
//	check.file = { path = "backups/latest.dump", min_size = "1MiB", max_age = "26h", mode = "0600" }
//
//	path      relative to the target's dir
//	exists    default true; false: there must be nothing
//	mode      permissions at most these, octal: "0600"
//	owner     user name or uid
//	min_size  bytes, or with kB MB GB, KiB MiB GiB: "10MiB"
//	max_size  the same
//	max_age   since its last change: "26h"
//	contains  text in its first 1 MiB
//	match     a regular expression in its first 1 MiB
//	sha256    of the whole file, hex
//
// pass: all that is given holds. fail: it is missing, or one does not hold.
// unknown: it cannot be read, it is no regular file where its content counts,
// or the text was not found in the first 1 MiB of a longer file.
type File struct {
	Path     string         `mapstructure:"path"`
	Exists   *bool          `mapstructure:"exists"`
	Mode     string         `mapstructure:"mode"`
	Owner    string         `mapstructure:"owner"`
	MinSize  string         `mapstructure:"min_size"`
	MaxSize  string         `mapstructure:"max_size"`
	MaxAge   steps.Duration `mapstructure:"max_age"`
	Contains string         `mapstructure:"contains"`
	Match    string         `mapstructure:"match"`
	SHA256   string         `mapstructure:"sha256"`
}

// Touches is false: it reads.
func (c *File) Touches() bool { return false }

// Validate reports a missing path and fields that cannot be read.
func (c *File) Validate() error {
	if c.Path == "" {
		return errors.New("path: missing")
	}
	if !unfilled(c.Mode) && c.Mode != "" {
		if _, err := parseMode(c.Mode); err != nil {
			return err
		}
	}
	for field, size := range map[string]string{"min_size": c.MinSize, "max_size": c.MaxSize} {
		if size == "" || unfilled(size) {
			continue
		}
		if _, err := parseSize(size); err != nil {
			return fmt.Errorf("%s: %w", field, err)
		}
	}
	if c.SHA256 != "" && !unfilled(c.SHA256) && len(c.SHA256) != hex.EncodedLen(sha256.Size) {
		return errors.New("sha256: want 64 hexadecimal digits")
	}
	return validPattern("match", c.Match)
}

// Do looks at the file.
func (c *File) Do(ctx context.Context, w *steps.World) steps.Result {
	path := c.Path
	if !filepath.IsAbs(path) {
		path = filepath.Join(w.Dir, path)
	}
	return measure(outside(path), func(r *steps.Result) {
		if err := c.Validate(); err != nil {
			r.Decide(steps.Unknown, "%v", err)
			return
		}
		if !filepath.IsAbs(path) {
			r.Decide(steps.Unknown, "path is relative, and the target has no dir")
			return
		}
		c.look(ctx, r, path)
	})
}

func (c *File) look(ctx context.Context, r *steps.Result, path string) {
	wanted := c.Exists == nil || *c.Exists
	stat := os.Stat
	if !wanted { // a link that leads nowhere is something
		stat = os.Lstat
	}
	info, err := stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR):
		r.Saw("exists", "no", yesNo(wanted), "")
		if wanted {
			r.Decide(steps.Fail, "the file does not exist, wanted it there")
		} else {
			r.Decide(steps.Pass, "")
		}
		return
	case err != nil:
		r.Decide(steps.Unknown, "cannot be looked at: %s", bare(err))
		return
	}
	if !wanted {
		r.Saw("exists", "yes", "no", "")
		r.Decide(steps.Fail, "the file exists, wanted it gone")
		return
	}
	r.Decide(steps.Pass, "")
	c.age(r, info)
	c.permissions(r, info)
	c.size(r, info)
	c.content(ctx, r, path)
	r.Saw("exists", "yes", "yes", "") // last: lists show the first line
}

func (c *File) age(r *steps.Result, info fs.FileInfo) {
	if c.MaxAge == 0 {
		return
	}
	age := time.Since(info.ModTime()).Truncate(time.Second)
	r.Saw("age", steps.Duration(age).String(), c.MaxAge.String(), "")
	switch {
	case age < -5*time.Minute:
		r.Worsen(steps.Unknown, "it was changed in the future: a clock is wrong")
	case age > c.MaxAge.D():
		r.Worsen(steps.Fail, "changed %s ago, wanted within %s", steps.Duration(age), c.MaxAge)
	}
}

func (c *File) permissions(r *steps.Result, info fs.FileInfo) {
	if c.Mode != "" {
		limit, err := parseMode(c.Mode)
		if err != nil {
			r.Worsen(steps.Unknown, "%v", err)
			return
		}
		r.Saw("mode", fmt.Sprintf("%#o", info.Mode().Perm()), fmt.Sprintf("%#o", limit), "")
		if info.Mode().Perm()&^limit != 0 {
			r.Worsen(steps.Fail, "mode is %#o, wanted at most %#o", info.Mode().Perm(), limit)
		}
	}
	if c.Owner == "" {
		return
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		r.Worsen(steps.Unknown, "the owner cannot be read on this system")
		return
	}
	uid := strconv.FormatUint(uint64(stat.Uid), 10)
	owner := uid
	if account, err := user.LookupId(uid); err == nil {
		owner = account.Username
	}
	r.Saw("owner", outside(owner), c.Owner, "")
	if c.Owner != owner && c.Owner != uid {
		r.Worsen(steps.Fail, "owned by %s, wanted %s", outside(owner), c.Owner)
	}
}

func (c *File) size(r *steps.Result, info fs.FileInfo) {
	if c.MinSize == "" && c.MaxSize == "" {
		return
	}
	r.Saw("size", strconv.FormatInt(info.Size(), 10), between(c.MinSize, c.MaxSize), "bytes")
	if n, err := parseSize(c.MinSize); c.MinSize != "" && (err != nil || info.Size() < n) {
		r.Worsen(verdictOf(err), "%d bytes, wanted at least %s", info.Size(), c.MinSize)
	}
	if n, err := parseSize(c.MaxSize); c.MaxSize != "" && (err != nil || info.Size() > n) {
		r.Worsen(verdictOf(err), "%d bytes, wanted at most %s", info.Size(), c.MaxSize)
	}
}

// verdictOf is fail for a limit that was broken and unknown for a limit that
// could not be read.
func verdictOf(err error) steps.Verdict {
	if err != nil {
		return steps.Unknown
	}
	return steps.Fail
}

func (c *File) content(ctx context.Context, r *steps.Result, path string) {
	if c.Contains == "" && c.Match == "" && c.SHA256 == "" {
		return
	}
	// Without O_NONBLOCK, opening a named pipe would wait for its writer.
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		r.Worsen(steps.Unknown, "cannot be read: %s", bare(err))
		return
	}
	defer func() { _ = file.Close() }() // only read from
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		r.Worsen(steps.Unknown, "not a regular file, its content is not read")
		return
	}
	head, err := io.ReadAll(io.LimitReader(file, maxBody))
	if err != nil {
		r.Worsen(steps.Unknown, "cannot be read: %s", bare(err))
		return
	}
	if err := findText(r, head, info.Size() > maxBody, c.Contains, c.Match); err != nil {
		r.Worsen(steps.Unknown, "%v", err)
	}
	if c.SHA256 != "" {
		c.digest(ctx, r, head, file)
	}
}

func (c *File) digest(ctx context.Context, r *steps.Result, head []byte, rest io.Reader) {
	sum := sha256.New()
	_, err := io.Copy(sum, io.MultiReader(bytes.NewReader(head), &interruptible{ctx, rest}))
	if err != nil {
		r.Worsen(steps.Unknown, "cannot be read to its end: %s", bare(err))
		return
	}
	got := hex.EncodeToString(sum.Sum(nil))
	r.Saw("sha256", got, c.SHA256, "")
	if !strings.EqualFold(got, c.SHA256) {
		r.Worsen(steps.Fail, "sha256 is %.12s…, wanted %.12s…", got, c.SHA256)
	}
}

// interruptible stops a long read when its context ends.
type interruptible struct {
	ctx  context.Context
	from io.Reader
}

func (r *interruptible) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.from.Read(p)
}

// findText looks for a text and a pattern in the first part of something.
// What was not found there may still follow if there is more.
func findText(r *steps.Result, head []byte, more bool, contains, match string) error {
	missing := steps.Fail
	where := ""
	if more {
		missing, where = steps.Unknown, " in the first 1 MiB"
	}
	if contains != "" {
		found := bytes.Contains(head, []byte(contains))
		r.Saw("contains", yesNo(found), outside(contains), "")
		if !found {
			r.Worsen(missing, "%s not found%s", quoted(outside(contains)), where)
		}
	}
	if match != "" {
		re, err := compile("match", match)
		if err != nil {
			return err
		}
		found := re.Match(head)
		r.Saw("matches", yesNo(found), outside(match), "")
		if !found {
			r.Worsen(missing, "nothing matches %s%s", outside(match), where)
		}
	}
	return nil
}

// bare is the cause in an error of a file, without the path that Where tells.
func bare(err error) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	return outside(err.Error())
}

func parseMode(s string) (fs.FileMode, error) {
	n, err := strconv.ParseUint(s, 8, 32)
	if err != nil || n > 0o777 {
		return 0, fmt.Errorf("mode: %q is not permissions in octal, such as 0600", s)
	}
	return fs.FileMode(n), nil
}

func parseSize(s string) (int64, error) {
	digits := strings.TrimRight(s, " kKMGiB")
	unit := map[string]int64{
		"": 1, "B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30,
	}[strings.TrimSpace(s[len(digits):])]
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || unit == 0 || n < 0 || n > (1<<62)/unit {
		return 0, fmt.Errorf("%q is not a size, such as 4096, 10MiB or 1GB", s)
	}
	return n * unit, nil
}
