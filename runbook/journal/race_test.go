//go:build race

package journal

// stride thins out the exhaustive tests, which the race detector slows tenfold.
const stride = 41
