package supervise

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"runbook/steps"
)

// Sealed is an order that nobody can change any more, with the key that will
// sign its verdict. It lies in memory: no secret of it touches a disk.
type Sealed struct {
	Commitment string // SHA-256 of all of it, lower case hex, for the intent; a nonce in it hides the rest
	Key        string // the public key of its verdict, base64
	Files      string // Order.Files; may be set to another place before it is started
	file       *os.File
	ask        byte
}

// parcel is what a supervisor is handed. Bytes, since an environment need not
// be UTF-8.
type parcel struct {
	Argv        [][]byte
	Path        string
	ProgramSHA  string
	Dir         string
	Env         [][]byte
	Stdin       []byte
	Interactive bool
	Recovery    bool
	Rows, Cols  uint16
	Shared      bool
	Secrets     [][]byte
	Grace       time.Duration
	KillAfter   time.Duration
	CallOff     *parcel
	Seed        []byte // of the key that signs the verdict
	Nonce       []byte
}

// Seal fixes an order. Close it if it is not started.
func Seal(o Order) (*Sealed, error) {
	if len(o.Argv) == 0 || !filepath.IsAbs(o.Path) || !filepath.IsAbs(o.Dir) {
		return nil, fmt.Errorf("seal command: order needs argv and absolute path and dir, has path %q, dir %q", o.Path, o.Dir)
	}
	p := parcel{
		Argv: toBytes(o.Argv), Path: o.Path, ProgramSHA: o.ProgramSHA, Dir: o.Dir, Env: toBytes(o.Env), Stdin: o.Stdin,
		Interactive: o.Interactive, Recovery: o.Recovery, Rows: o.Rows, Cols: o.Cols, Shared: o.Shared, Grace: o.Grace, KillAfter: o.KillAfter,
		Seed: make([]byte, ed25519.SeedSize), Nonce: make([]byte, 16),
	}
	if off := o.CallOff; off != nil {
		p.CallOff = &parcel{Argv: toBytes(off.Argv), Path: off.Path, Dir: off.Dir, Env: toBytes(off.Env), Stdin: off.Stdin}
	}
	for _, s := range o.Secrets {
		p.Secrets = append(p.Secrets, []byte(s.Reveal()))
	}
	_, _ = rand.Read(p.Seed) // never fails: it ends the process instead
	_, _ = rand.Read(p.Nonce)
	data, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("seal %s: %w", o.Argv[0], err)
	}
	file, err := sealedFile(data)
	if err != nil {
		return nil, fmt.Errorf("seal %s: %w", o.Argv[0], err)
	}
	return &Sealed{Commitment: commitment(data), Key: encodeKey(p.key()), Files: o.Files, file: file, ask: p.ask()}, nil
}

// ask is what a recorder needs to know of an order.
func (p parcel) ask() byte {
	switch {
	case p.Interactive:
		return askTerminal
	case p.Recovery:
		return askMemory
	}
	return askPlain
}

// Close forgets an order that is not started.
func (s *Sealed) Close() error {
	err := s.file.Close()
	if errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}

// unseal reads a parcel and what commits to it.
func unseal(f *os.File) (parcel, string, error) {
	if err := checkSeals(f); err != nil {
		return parcel{}, "", err
	}
	data, err := io.ReadAll(io.NewSectionReader(f, 0, 1<<30))
	if err != nil {
		return parcel{}, "", err
	}
	var p parcel
	if err := json.Unmarshal(data, &p); err != nil {
		return parcel{}, "", err
	}
	return p, commitment(data), nil
}

func (p parcel) key() ed25519.PrivateKey { return ed25519.NewKeyFromSeed(p.Seed) }

func (p parcel) secrets() []steps.Secret {
	all := make([]steps.Secret, len(p.Secrets))
	for i, s := range p.Secrets {
		all[i] = steps.NewSecret(string(s))
	}
	return all
}

// encodeKey is the public half of a key as an intent names it.
func encodeKey(key ed25519.PrivateKey) string {
	return base64.StdEncoding.EncodeToString(key[ed25519.SeedSize:])
}

func commitment(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func toBytes(all []string) [][]byte {
	out := make([][]byte, len(all))
	for i, s := range all {
		out[i] = []byte(s)
	}
	return out
}

func toStrings(all [][]byte) []string {
	out := make([]string, len(all)) // never nil: that would inherit our environment
	for i, b := range all {
		out[i] = string(b)
	}
	return out
}
