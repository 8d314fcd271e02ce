//go:build race

package supervise_test

const race = 40 << 10
