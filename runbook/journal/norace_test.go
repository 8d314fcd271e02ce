//go:build !race

package journal

// stride of 1: the exhaustive tests are exhaustive.
const stride = 1
