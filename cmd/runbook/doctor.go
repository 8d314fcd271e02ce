package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"strings"

	"github.com/spf13/cobra"

	"runbook/runbook"
	"runbook/runbook/book"
	"runbook/runbook/doctor"
	"runbook/runbook/journal"
	"runbook/runbook/practice/cluster"
	"runbook/steps"
)

func newDoctor() *cobra.Command {
	var target string
	var vars []string
	cmd := &cobra.Command{
		Use:   "doctor [BOOK -t TARGET]",
		Short: "what would break a run on this host, or of this book at this target",
		Long: "Looks at this host, your keys and your terminal; with a book and a target also at its vars, secrets,\n" +
			"roles, hosts, programs and ways back. It changes nothing and starts no run.\n" +
			"Exit codes: 0 nothing would break a run, 1 something would or could not be looked at, 2 usage.",
		Args: atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			h, err := home()
			if err != nil {
				return err
			}
			if (len(args) == 1) != (target != "") {
				return &usageError{errors.New("name the book and the target, or neither: runbook doctor BOOK -t TARGET")}
			}
			given, err := parseVars(vars)
			if err != nil {
				return err
			}
			if target == "" && len(given) > 0 {
				return &usageError{errors.New("--var is of a book: runbook doctor BOOK -t TARGET --var NAME=VALUE")}
			}
			if target == "" {
				return examine(cmd.Context(), h, nil)
			}
			s, err := site(cmd.Context(), h, args[0], target, given)
			if err != nil {
				return err
			}
			return examine(cmd.Context(), h, s)
		},
	}
	cmd.Flags().StringVarP(&target, "target", "t", "", "where")
	cmd.Flags().StringArrayVar(&vars, "var", nil, "`NAME=VALUE` of the book; never a secret")
	return cmd
}

// examine prints what is well as it is seen. What is not comes last, the worst
// at the end: the list is longer than a screen, and its end stays in sight.
func examine(ctx context.Context, h runbook.Home, more []doctor.Probe) error {
	host, err := hostOf(h)
	if err != nil {
		return err
	}
	var all []doctor.Finding
	width := printWidth()
	show := func(f doctor.Finding) { fmt.Println(strings.Join(findingLines(f, width), "\n")) }
	doctor.Examine(ctx, append(host.Probes(), more...), func(f doctor.Finding) {
		all = append(all, f)
		if f.Verdict == steps.Pass {
			show(f)
		}
	})
	if ctx.Err() != nil {
		return errors.New("interrupted: what was not looked at is not known")
	}
	for _, v := range []steps.Verdict{steps.Warn, steps.Unknown, steps.Fail} {
		for _, f := range all {
			if f.Verdict == v {
				show(f)
			}
		}
	}
	fmt.Println(tally(all))
	if v := doctor.Verdict(all); v != steps.Pass && v != steps.Warn {
		return &toldError{exitFailed}
	}
	return nil
}

func hostOf(h runbook.Home) (doctor.Host, error) {
	me, err := user.Current()
	if err != nil {
		return doctor.Host{}, fmt.Errorf("who runs this: %w", err)
	}
	return doctor.Host{
		Root: "/", User: me.Username, UID: os.Geteuid(), Dir: h.Dir, Config: h.Config, Temp: os.TempDir(), Terminal: "/dev/tty",
		Getenv: os.Getenv, Postgres: postgres,
	}, nil
}

// postgres is the PostgreSQL that a practice world would start.
func postgres(ctx context.Context) (string, error) {
	bin, err := cluster.Find(os.Getenv("PATH"))
	if err != nil {
		return "", err
	}
	version, err := cluster.Version(ctx, bin)
	return version + " in " + bin, err
}

// site are the looks at a trusted book at a trusted target. A target whose
// world can't be made is a finding; one that nobody trusts is an error.
func site(ctx context.Context, h runbook.Home, name, target string, given map[string]string) ([]doctor.Probe, error) {
	b, err := findBook(h, name, true)
	if err != nil {
		return nil, err
	}
	p := &place{book: b}
	if target == practiceName {
		err = p.practise(ctx, h)
	} else {
		err = p.real(h, target)
	}
	if errors.Is(err, book.ErrUntrusted) || err != nil && p.target == nil && target != practiceName {
		return nil, err
	}
	if err != nil {
		what := "target " + target
		return []doctor.Probe{{What: what, Look: func(context.Context) []doctor.Finding {
			return []doctor.Finding{{Verdict: steps.Fail, What: what, Saw: err.Error()}}
		}}}, nil
	}
	look := &doctor.Site{Book: b, Target: p.target, World: p.world, Given: given}
	if p.signs == nil {
		look.Signers, look.SignersFile = func() (journal.Signers, error) { return h.Signers(false) }, h.SignersFile(false)
	}
	return look.Probes(), nil
}
