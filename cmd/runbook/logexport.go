package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"runbook/runbook"
	"runbook/runbook/bundle"
	"runbook/runbook/durable"
	"runbook/runbook/journal"
	"runbook/runbook/report"
	"runbook/steps/safetext"
)

func newLogExport() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use: "export [RUN] -o FILE.tar", Short: "the log in one file that a stranger can check", Args: atMostOne,
		Long: "The tar holds the log, the copies of book and target, what people signed and were shown, the report, and VERIFY.sh,\n" +
			"which checks all of it but report.md and report.html at the top, with OpenSSH, coreutils and jq. What commands printed is not in it, and no key. The same run gives the same bytes.\n" +
			"`runbook log verify FILE.tar` checks it too, and makes these two anew. Exit codes: 0, 1 failed, 2 usage.",
		RunE: func(_ *cobra.Command, args []string) error {
			if file == "" {
				return &usageError{errors.New("-o FILE.tar names the file that is made")}
			}
			h, err := home()
			if err != nil {
				return err
			}
			dir, err := logDir(h, args)
			if err != nil {
				return err
			}
			_, before, _ := journal.Peek(dir) // its damage is told below
			reports, err := reportsOf(dir, 0)
			if err != nil {
				fmt.Fprintln(os.Stderr, "runbook: it goes without its report: "+safetext.Line(err.Error())) // a damaged log is to be seen by others all the more
			}
			var out bytes.Buffer
			if err := bundle.Write(&out, dir, reports, func(n uint64) ([]byte, error) { return report.Bytes(dir, n) }); err != nil {
				return fmt.Errorf("export %s: %w", dir, err)
			}
			if _, last, _ := journal.Peek(dir); last.N != before.N {
				return errors.New("the log went on while it was exported, and the report is of less: try again")
			}
			err = durable.Publish(file, out.Bytes(), 0o600)
			if errors.Is(err, fs.ErrExist) {
				return fmt.Errorf("%s exists: name another file", file)
			}
			if err != nil {
				return fmt.Errorf("write %s: %w", file, err)
			}
			fmt.Println(safetext.Line(file) + " holds it: sh VERIFY.sh ALLOWED_SIGNERS, once unpacked, checks it without this program")
			fmt.Println("who checks it takes VERIFY.sh from elsewhere: its SHA-256, to hand on by another way, is " + bundle.ScriptSHA256())
			return nil
		},
	}
	cmd.Flags().StringVarP(&file, "output", "o", "", "the `FILE.tar` that is made")
	return cmd
}

// unpacked takes an exported run apart for as long as do needs it. Its keys of
// practice are those that this home keeps: what came with it counts for nothing.
func unpacked(h runbook.Home, file string, do func(dir string) error) (err error) {
	f, err := os.OpenFile(file, os.O_RDONLY|syscall.O_NONBLOCK, 0) // of a pipe nobody may ever write
	if err != nil {
		return &usageError{err}
	}
	defer func() { _ = f.Close() }() // read only: nothing to lose
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return &usageError{cmp.Or(err, fmt.Errorf("%s: not a regular file", file))}
	}
	into, err := os.MkdirTemp("", "runbook-verify-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(into)) }()
	dir, err := bundle.Unpack(f, into)
	if err != nil {
		return &usageError{fmt.Errorf("%s: %w", file, err)}
	}
	if known, err := os.ReadFile(filepath.Join(h.Runs(true), "allowed_signers")); err == nil {
		if err := os.WriteFile(filepath.Join(into, "allowed_signers"), known, 0o600); err != nil {
			return err
		}
	}
	return do(dir)
}
