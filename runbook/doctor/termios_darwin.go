package doctor

import "golang.org/x/sys/unix"

// What reads and sets the modes of a terminal.
const getTermios, setTermios = unix.TIOCGETA, unix.TIOCSETA
