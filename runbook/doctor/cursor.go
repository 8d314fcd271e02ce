package doctor

import (
	"context"
	"errors"
	"regexp"
	"time"

	"golang.org/x/sys/unix"
)

// reportLimit is how long a terminal may take to answer.
const reportLimit = time.Second

var (
	errSilent     = errors.New("the terminal does not answer")
	errBackground = errors.New("this process is in the background and may not ask")
)

// cursor asks the terminal where its cursor is and answers how long that took.
// Meanwhile nothing that arrives is shown, and no line is waited for; what was
// typed is lost.
func cursor(ctx context.Context, fd int) (took time.Duration, err error) {
	if group, err := unix.IoctlGetInt(fd, unix.TIOCGPGRP); err == nil && group > 0 && group != unix.Getpgrp() {
		return 0, errBackground // to ask would stop us
	}
	was, err := unix.IoctlGetTermios(fd, getTermios)
	if err != nil {
		return 0, err
	}
	now := *was
	now.Lflag &^= unix.ICANON | unix.ECHO
	now.Cc[unix.VMIN], now.Cc[unix.VTIME] = 0, 1 // a read ends after a tenth of a second
	if err := unix.IoctlSetTermios(fd, setTermios, &now); err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, unix.IoctlSetTermios(fd, setTermios, was)) }()
	answered := regexp.MustCompile(`\x1b\[\d+;\d+R`) // among what may have been typed before it
	began := time.Now()
	if _, err := unix.Write(fd, []byte("\x1b[6n")); err != nil {
		return 0, err
	}
	var got []byte
	for ctx.Err() == nil && time.Since(began) < reportLimit {
		buf := make([]byte, 64)
		n, err := unix.Read(fd, buf)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return 0, err
		}
		got = append(got, buf[:max(n, 0)]...)
		if answered.Match(got) {
			return time.Since(began).Round(time.Millisecond), nil
		}
	}
	return 0, errSilent
}
