//go:build !race

package supervise_test

// race is what the race detector adds to a process, in KiB.
const race = 0
