//go:build race

package supervise_test

const race = 40 << 10

const volume = 1 << 27
