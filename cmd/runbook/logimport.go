package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"runbook/runbook/journal"
)

// maxSignedFile caps what is read of a statement or a signature, in bytes.
const maxSignedFile = 64 << 10

func newLogImport() *cobra.Command {
	var statement string
	cmd := &cobra.Command{
		Use: "import [RUN] FILE.sig", Short: "take in a sign-off that was signed elsewhere", Args: runAndFile,
		Long: "FILE.sig is what `ssh-keygen -Y sign` made of FILE, one of the statements that `runbook sign --request` wrote.\n" +
			"It must hold, speak of this run and its log, and be by a key that allowed_signers lists for the role and revoked_keys does not.\n" +
			"One that is in the log already is not taken in twice. Exit codes: 0 in the log, 1 refused, 2 usage.",
		RunE: func(cmd *cobra.Command, args []string) error {
			file := args[len(args)-1]
			text, ok := strings.CutSuffix(file, ".sig")
			if !ok && statement == "" {
				return &usageError{fmt.Errorf("%s: want the file that ends with .sig; --statement names what it signs", file)}
			}
			stmt, err := readSmall(cmp.Or(statement, text))
			if errors.Is(err, fs.ErrNotExist) && statement == "" {
				return &usageError{fmt.Errorf("read the statement: %w; %s signs %s: lay that beside it, or name it with --statement FILE", err, file, ofRequest(text))}
			}
			if err != nil {
				return &usageError{fmt.Errorf("read the statement: %w", err)}
			}
			sig, err := readSmall(file)
			if err != nil {
				return &usageError{fmt.Errorf("read the signature: %w", err)}
			}
			sig = strings.ReplaceAll(sig, "\r\n", "\n") // as mail carries it; the statement stays as it was signed
			s, err := journal.ParseSignoff(stmt)
			if err != nil {
				return err
			}
			h, err := home()
			if err != nil {
				return err
			}
			run := args[:len(args)-1]
			if len(run) == 0 {
				run = []string{s.Run}
			}
			sum, err := named(h, run, false)
			if err != nil {
				return err
			}
			if err := whole(h, sum); err != nil {
				return err
			}
			a := journal.Attest{Stmt: stmt, SSHSig: sig, Via: "detached"}
			if n, err := recordedAt(sum.Dir, a); n > 0 || err != nil {
				if err == nil {
					fmt.Printf("%s of %s by %s is already in the log at entry %d\n", s.Decision, s.Scope, s.Role, n)
				}
				return err
			}
			return handIn(cmd.Context(), h, sum, s, a)
		},
	}
	cmd.Flags().StringVar(&statement, "statement", "", "the `FILE` that was signed, if it is not FILE")
	return cmd
}

// ofRequest says which file of a request a signature beside path belongs to.
func ofRequest(path string) string {
	switch name := filepath.Base(path); name {
	case "approve.txt", "reject.txt":
		return name + " of the request"
	}
	return "approve.txt or reject.txt of the request"
}

// recordedAt is the entry of a sign-off that is in the log with this very
// signature. Zero: it is not.
func recordedAt(dir string, a journal.Attest) (uint64, error) {
	entries, err := journal.Read(dir)
	for _, e := range entries {
		var body journal.Attest
		if e.Kind == journal.KindAttest && json.Unmarshal(e.Body, &body) == nil && body.Stmt == a.Stmt && body.SSHSig == a.SSHSig {
			return e.N, nil
		}
	}
	if errors.Is(err, journal.ErrTorn) { // a line on its way
		err = nil
	}
	return 0, err
}

func runAndFile(cmd *cobra.Command, args []string) error {
	return asUsage(cobra.RangeArgs(1, 2)(cmd, args), cmd)
}

func readSmall(path string) (text string, err error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return "", err
	}
	data, err := io.ReadAll(io.LimitReader(f, maxSignedFile+1))
	if err == nil && len(data) > maxSignedFile {
		err = fmt.Errorf("%s: more than %d bytes", path, maxSignedFile)
	}
	return string(data), errors.Join(err, f.Close())
}
