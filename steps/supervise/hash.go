package supervise

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
)

// FileSHA is the SHA-256 of a file, lower case hex.
func FileSHA(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close() //nolint:errcheck // read only: nothing to lose
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
