package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
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
			"It must hold, speak of this run and its log, and be by a key that allowed_signers lists for the role.\n" +
			"Exit codes: 0 in the log, 1 refused, 2 usage.",
		RunE: func(cmd *cobra.Command, args []string) error {
			file := args[len(args)-1]
			text, ok := strings.CutSuffix(file, ".sig")
			if !ok && statement == "" {
				return &usageError{fmt.Errorf("%s: want the file that ends with .sig; --statement names what it signs", file)}
			}
			stmt, err := readSmall(cmp.Or(statement, text))
			if err != nil {
				return &usageError{fmt.Errorf("read the statement: %w", err)}
			}
			sig, err := readSmall(file)
			if err != nil {
				return &usageError{fmt.Errorf("read the signature: %w", err)}
			}
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
			return handIn(cmd.Context(), h, sum, s, journal.Attest{Stmt: stmt, SSHSig: sig, Via: "detached"})
		},
	}
	cmd.Flags().StringVar(&statement, "statement", "", "the `FILE` that was signed, if it is not FILE")
	return cmd
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
