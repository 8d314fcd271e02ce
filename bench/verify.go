package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"

	"runbook/runbook/journal"
)

const (
	midLog, longLog = 10_000, 100_000 // entries
	writers         = 64              // share syncs, or writing it would take minutes
	rounds          = 3
)

// verify holds the check of a log, every byte and every signature, against the bare Ed25519 of as many signatures, with all cores and with one;
// one entry against ssh-keygen; and looks at what the program takes for it.
func (b *bench) verify(ctx context.Context) (rows []row, err error) {
	dir, long := filepath.Join(b.dir, "mid"), filepath.Join(b.dir, "long")
	if err := errors.Join(writeEntries(ctx, dir, midLog), writeEntries(ctx, long, longLog)); err != nil {
		return nil, err
	}
	cores := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(cores)
	keygen, err := b.keygen(ctx, dir)
	if err != nil {
		return nil, err
	}
	for _, n := range []int{cores, 1} {
		runtime.GOMAXPROCS(n)
		var whole, bare []float64
		for range rounds {
			bare = append(bare, bareVerify(n))
			began := time.Now()
			if r := journal.Verify(dir, journal.Policy{}); r.Integrity.Word != journal.OK || r.Entries != midLog+1 {
				return rows, fmt.Errorf("verify %s: %s", dir, r.Integrity.Text)
			}
			whole = append(whole, microseconds(time.Since(began))/midLog)
		}
		least := median(bare)
		rows = append(rows, row{
			what: fmt.Sprintf("verify an entry of %d, cores: %d", midLog, n), got: median(whole), aim: "≤ Ed25519 ÷ 0.84", limit: least / 0.84, unit: "µs",
			floors: []floor{{"Ed25519", least}, {"ssh-keygen -Y verify", keygen}},
		})
	}
	runtime.GOMAXPROCS(cores)
	cmd := b.runbook(ctx, "log", "verify", long)
	began := time.Now()
	out, err := cmd.Output()
	took := time.Since(began)
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) || !bytes.HasPrefix(out, []byte("integrity ok")) {
		return rows, fmt.Errorf("verify the long log: %w: %s", err, out)
	}
	usage, _ := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	return append(rows,
		row{what: fmt.Sprintf("log verify, %d entries", longLog), got: took.Seconds(), aim: "≤ 10 s", limit: 10, unit: "s"},
		row{what: "its peak memory", got: float64(usage.Maxrss) / 1024, aim: "≤ 96 MiB", limit: 96, unit: "MiB"},
	), nil
}

func writeEntries(ctx context.Context, dir string, entries int) (err error) {
	l, err := journal.Create(dir, journal.Options{World: journal.Real})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	body := map[string]any{"step": "pre-checks/jwt-secret", "verdict": "pass", "reason": "32 bytes, 180 bits", "took_us": 1234}
	failed := make(chan error, writers)
	for w := range writers {
		go func() {
			var err error
			for n := w; n < entries && err == nil; n += writers {
				_, err = l.Append(ctx, "note", body)
			}
			failed <- err
		}()
	}
	for range writers {
		err = errors.Join(err, <-failed)
	}
	return err
}

// bareVerify is what a signature takes to verify, in µs, with all cores at it.
func bareVerify(cores int) float64 {
	const signatures = 10_000
	public, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return 0
	}
	message := make([]byte, 128) // what an SSHSIG signs
	signature := ed25519.Sign(key, message)
	var wg sync.WaitGroup
	began := time.Now()
	for range cores {
		wg.Go(func() {
			for range signatures / cores {
				ed25519.Verify(public, message, signature)
			}
		})
	}
	wg.Wait()
	return microseconds(time.Since(began)) / signatures
}

// keygen is what ssh-keygen takes to verify one entry, in µs.
func (b *bench) keygen(ctx context.Context, dir string) (float64, error) {
	first, last, err := journal.Peek(dir)
	if err != nil {
		return 0, err
	}
	var session struct {
		Key []byte `json:"session_key"`
	}
	if err := json.Unmarshal(first[0].Body, &session); err != nil {
		return 0, err
	}
	key, err := ssh.NewPublicKey(ed25519.PublicKey(session.Key))
	if err != nil {
		return 0, err
	}
	blob, err := base64.StdEncoding.DecodeString(last.Sig)
	if err != nil {
		return 0, err
	}
	namespace := journal.EntryNamespace(journal.Real)
	signers, sig := filepath.Join(b.dir, "signers"), filepath.Join(b.dir, "sig")
	armored := sshsig.Armor(&sshsig.Signature{
		Version: 1, PublicKey: key, Namespace: namespace, HashAlgorithm: sshsig.HashSHA512, Signature: &ssh.Signature{Format: ssh.KeyAlgoED25519, Blob: blob},
	})
	err = errors.Join(os.WriteFile(signers, append([]byte("session "), ssh.MarshalAuthorizedKey(key)...), 0o600), os.WriteFile(sig, armored, 0o600))
	if err != nil {
		return 0, err
	}
	signed, _, _ := strings.Cut(string(last.Line()), `,"sig":"`)
	var took []float64
	for range 10 {
		cmd := exec.CommandContext(ctx, "ssh-keygen", "-Y", "verify", "-f", signers, "-I", "session", "-n", namespace, "-s", sig)
		cmd.Stdin = strings.NewReader(signed)
		began := time.Now()
		if out, err := cmd.CombinedOutput(); err != nil {
			return 0, fmt.Errorf("ssh-keygen: %w: %s", err, out)
		}
		took = append(took, microseconds(time.Since(began)))
	}
	return median(took), nil
}

func microseconds(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }
