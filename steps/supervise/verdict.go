package supervise

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"runbook/runbook/durable"
)

// verdictDomain begins what is signed, so that the signature is of nothing
// else. A verdict is two lines: the outcome as JSON, and base64 of the
// Ed25519 signature over the domain and that line.
const verdictDomain = "runbook-verdict-v1\n"

// verdictRoom is reserved before the fork, in bytes: what fills the disk can't
// take the verdict with it.
const verdictRoom = 8 << 10

// signedVerdict says what a verdict file is.
type signedVerdict uint8

const (
	verdictMissing signedVerdict = iota // none, or not written to its end
	verdictGood
	verdictForged
)

// writeVerdict signs the outcome and makes it durable in the reserved file.
func writeVerdict(f *os.File, o Outcome, key ed25519.PrivateKey) error {
	line, err := json.Marshal(o)
	if err != nil {
		return fmt.Errorf("write verdict: %w", err)
	}
	line = append(line, '\n')
	sig := ed25519.Sign(key, append([]byte(verdictDomain), line...))
	line = append(line, base64.StdEncoding.EncodeToString(sig)+"\n"...)
	_, err = f.WriteAt(line, 0)
	if info, statErr := f.Stat(); err == nil && statErr == nil && info.Size() > int64(len(line)) {
		err = f.Truncate(int64(len(line))) // a step found the file and wrote to it
	}
	if err == nil {
		err = durable.SyncData(f)
	}
	return err
}

// readVerdict reads the verdict of an execution against the key of its intent.
func readVerdict(files, key string) (Outcome, signedVerdict) {
	data, err := os.ReadFile(filepath.Join(files, verdictFile))
	if err != nil {
		return Outcome{}, verdictMissing
	}
	return checkVerdict(data, key)
}

// Forged reports whether the directory of an execution holds a verdict that
// its key did not sign.
func Forged(files, key string) bool {
	_, signed := readVerdict(files, key)
	return signed == verdictForged
}

func checkVerdict(data []byte, key string) (o Outcome, _ signedVerdict) {
	parts := bytes.SplitAfter(data, []byte("\n"))
	if len(parts) < 3 {
		return o, verdictMissing
	}
	pub, err := base64.StdEncoding.DecodeString(key)
	sig, sigErr := base64.StdEncoding.DecodeString(string(bytes.TrimSuffix(parts[1], []byte("\n"))))
	if errors.Join(err, sigErr) != nil || len(pub) != ed25519.PublicKeySize || len(parts[2]) > 0 || len(parts) > 3 ||
		!ed25519.Verify(pub, append([]byte(verdictDomain), parts[0]...), sig) || json.Unmarshal(parts[0], &o) != nil {
		return Outcome{}, verdictForged
	}
	return o, verdictGood
}
