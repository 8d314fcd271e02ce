//go:build !race

package supervise_test

// race is what the race detector adds to a process, in KiB.
const race = 0

// volume is how much output is a lot, in bytes.
const volume = 1 << 30
