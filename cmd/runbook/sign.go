package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/crypto/ssh"
	"golang.org/x/term"

	"runbook/runbook"
	"runbook/runbook/book"
	"runbook/runbook/journal"
	"runbook/runbook/practice"
	"runbook/runbook/report"
	"runbook/steps/safetext"
)

// signing is what somebody wants to sign, about which run.
type signing struct {
	home                        runbook.Home
	sum                         runbook.Summary
	role, decision, scope, note string

	run    *runbook.Run
	book   *book.Book
	target *book.Target
}

func newSign() *cobra.Command {
	var w signing
	var request bool
	var dir string
	cmd := &cobra.Command{
		Use: "sign [RUN] --role ROLE --decision approve|reject|withdraw", Short: "sign off a run, or a phase of it, in a role", Args: atMostOne,
		Long: "Shows the facts of the run and the statement, and signs it with your SSH key once you typed the role. Whoever drives takes it in.\n" +
			"The key is the one that allowed_signers lists for the role; RUNBOOK_IDENTITY names another. A reject holds until its key\n" +
			"withdraws it or approves later.\n" +
			"With --request it writes a directory for somebody who signs elsewhere, with ssh-keygen alone; `log import` takes in what comes back.\n" +
			"Exit codes: 0 signed, 1 not signed or refused, 2 usage.",
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if w.home, err = home(); err != nil {
				return err
			}
			if w.sum, err = named(w.home, args, false); err != nil {
				return err
			}
			if err := w.load(request); err != nil {
				return err
			}
			if request {
				return w.request(dir)
			}
			return w.sign(cmd.Context())
		},
	}
	cmd.Flags().StringVar(&w.role, "role", "", "the `ROLE` in which you sign")
	cmd.Flags().StringVar(&w.decision, "decision", "", "approve, reject or withdraw")
	cmd.Flags().StringVar(&w.scope, "scope", "", "what is signed: run, or phase:`ID`; what waits for the role if empty")
	cmd.Flags().StringVar(&w.note, "note", "", "a line that is signed with it; a reject needs one")
	cmd.Flags().BoolVar(&request, "request", false, "write what somebody needs who signs elsewhere")
	cmd.Flags().StringVarP(&dir, "output", "o", "", "the `DIR` that --request makes")
	return cmd
}

// load reads the run, which must be whole, and settles what is signed.
func (w *signing) load(request bool) error {
	decision := w.decision
	if request { // whoever signs decides: every statement is written
		decision = cmp.Or(decision, journal.DecisionApprove)
	}
	switch {
	case w.role == "": // said when it is known who could
	case !journal.ValidRole(w.role):
		return &usageError{fmt.Errorf("--role %q: want lower case letters, digits and -", w.role)}
	case decision != journal.DecisionApprove && decision != journal.DecisionReject && decision != journal.DecisionWithdraw:
		return &usageError{fmt.Errorf("--decision %q: want approve, reject or withdraw", w.decision)}
	case !request && decision == journal.DecisionReject && w.note == "":
		return &usageError{errors.New("a reject wants its reason: --note TEXT")}
	}
	err := w.read()
	if err != nil {
		return err
	}
	if w.role == "" {
		return &usageError{w.noRole()}
	}
	if w.scope == "" {
		w.scope, err = w.run.Scope(w.book, w.role, decision)
	} else {
		err = runbook.Asks(w.book, w.role, w.scope)
	}
	if err != nil {
		return &usageError{err}
	}
	return nil
}

// read reads the run as it is.
func (w *signing) read() (err error) {
	if err := whole(w.home, w.sum); err != nil {
		return err
	}
	if w.run, w.book, err = w.home.Load(w.sum.Dir); err != nil {
		return err
	}
	_, w.target, err = runbook.ReadCopies(w.sum.Dir)
	return err
}

// noRole says in which roles the run can be signed.
func (w *signing) noRole() error {
	roles := w.run.ToSign(w.book)
	if len(roles) == 0 {
		return &runbook.AskedError{}
	}
	return errors.New("name a role: --role " + strings.Join(roles, ", --role "))
}

// whole refuses a run whose log is not what was signed. A line on its way is
// waited for.
func whole(h runbook.Home, sum runbook.Summary) error {
	for tries := 0; ; tries++ {
		policy, err := against{}.policy(h, sum.Dir)
		if err != nil {
			return &usageError{err}
		}
		found := runbook.Verify(sum.Dir, policy)
		if found.Integrity.Word == journal.Torn && sum.Driven && tries < 100 {
			time.Sleep(10 * time.Millisecond)
			continue
		}
		if found.Integrity.Word != journal.OK || found.Anchoring.Word == journal.Forked || found.Anchoring.Word == journal.RolledBack {
			return fmt.Errorf("run %s is not signed as it is: integrity %s, %s; anchoring %s, %s", sum.Short,
				found.Integrity.Word, found.Integrity.Text, found.Anchoring.Word, found.Anchoring.Text)
		}
		return nil
	}
}

// statement is what is signed with a decision, over the log as it is now.
func (w *signing) statement(decision string) (journal.Signoff, error) {
	world := journal.Real
	if w.run.Practice {
		world = journal.Practice
	}
	s := journal.Signoff{
		World: world, Run: w.run.ID, Role: w.role, Scope: w.scope, Decision: decision,
		Book: w.book.Name, BookSHA: w.book.SHA256, Target: w.target.Name, TargetSHA: w.target.SHA256, Mode: w.run.Mode,
		Note: w.note, Time: time.Now().UTC().Truncate(time.Second),
	}
	var err error
	if s.Commitment, err = journal.CommitmentOf(w.sum.Dir); err != nil {
		return s, err
	}
	if s.ReportSHA, err = report.SHA256(w.sum.Dir, s.N); err != nil {
		return s, fmt.Errorf("make the report that is signed: %w", err)
	}
	if err := s.Validate(); err != nil {
		return s, &usageError{err}
	}
	return s, nil
}

// sign shows what is signed, has it signed, and hands it in.
func (w *signing) sign(ctx context.Context) (err error) {
	terminal, err := w.terminal()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, terminal.Close()) }()
	signers, err := w.home.Signers(w.run.Practice)
	if err != nil {
		return &usageError{err}
	}
	id, err := w.key(ctx)
	if err != nil {
		return err
	}
	s, err := w.agreed(terminal, signers, id, func() string { return typed(ctx) })
	if err != nil {
		return err
	}
	signed, err := id.Sign(journal.SignoffNamespace(s.World, s.Role), []byte(s.Text()))
	if err != nil {
		return fmt.Errorf("sign as %s: %w", w.role, err)
	}
	return handIn(ctx, w.home, w.sum, s, journal.Attest{Stmt: s.Text(), SSHSig: signed, Via: id.Source()})
}

// agreed shows what is signed, with the facts of the very entries that it is
// about, until the role is typed out and the run has not gone on meanwhile.
func (w *signing) agreed(out io.Writer, signers journal.Signers, id journal.Identity, answer func() string) (journal.Signoff, error) {
	for {
		who, err := w.mayI(signers, id.PublicKey())
		if err != nil {
			return journal.Signoff{}, err
		}
		s, err := w.statement(w.decision)
		if err != nil {
			return s, err
		}
		if s.N == w.run.Entries {
			w.show(out, s, id, who)
			if answer() != w.role {
				fmt.Fprintln(out, "nothing was signed")
				return s, &toldError{exitFailed}
			}
			now, err := journal.CommitmentOf(w.sum.Dir)
			if err != nil || now == s.Commitment {
				return s, err
			}
			fmt.Fprintf(out, "\nthe run went on meanwhile, to entry %d: nothing is signed yet, this is how it stands\n\n", now.N)
		}
		if err := w.read(); err != nil {
			return s, err
		}
	}
}

// terminal is where it is shown: on a real target a person's, in practice also
// a pipe.
func (w *signing) terminal() (io.WriteCloser, error) {
	if w.run.Practice {
		return struct {
			io.Writer
			io.Closer
		}{os.Stdout, io.NopCloser(nil)}, nil
	}
	terminal, err := os.OpenFile("/dev/tty", os.O_WRONLY, 0)
	if err != nil || !term.IsTerminal(int(os.Stdin.Fd())) {
		return nil, &usageError{errors.New("a run on a real target is signed at a terminal, to what was shown there; --request writes what somebody needs who signs elsewhere")}
	}
	return terminal, nil
}

// key is with what is signed: the person's key, or the practice world's own of
// the role.
func (w *signing) key(ctx context.Context) (journal.Identity, error) {
	if !w.run.Practice {
		id, why, err := journal.FindSigner(w.home.Config, w.role, os.Getenv)
		if err == nil && id == nil {
			err = fmt.Errorf("no key to sign with as %s: %s", w.role, why)
		}
		return id, err
	}
	world, err := practice.Find(ctx, w.home.Dir)
	if err != nil || world.ID() != w.sum.World {
		return nil, fmt.Errorf("%w: nobody holds its keys any more", runbook.ErrWorldGone)
	}
	file, err := world.RoleKey(ctx, w.role)
	if err != nil {
		return nil, err
	}
	return journal.KeyFile(file)
}

// mayI says who the signers say owns a key; the error, why it must not sign.
func (w *signing) mayI(signers journal.Signers, key ssh.PublicKey) (who string, err error) {
	if err := w.run.MaySay(w.book, ssh.FingerprintSHA256(key), w.role, w.scope, w.decision); err != nil {
		return "", err
	}
	if w.run.Practice {
		return "", nil // its key was listed when it was made
	}
	if err := signers.Revoked(key); err != nil || !signers.Given() {
		return "", err
	}
	who, err = signers.Principal(key, journal.SignoffNamespace(journal.Real, w.role), time.Now())
	if err != nil {
		return "", &runbook.UnlistedError{Role: w.role, World: journal.Real, Key: key, Err: err}
	}
	return who, nil
}

// show prints the facts, the key, and the statement as it is signed.
func (w *signing) show(out io.Writer, s journal.Signoff, id journal.Identity, who string) {
	for _, line := range report.Facts(w.book, w.run) {
		fmt.Fprintln(out, line)
	}
	key := ssh.FingerprintSHA256(id.PublicKey())
	if who == "" && !w.run.Practice {
		who = "nobody here vouches for it: there is no allowed_signers"
	}
	fmt.Fprintln(out, safetext.Line(fmt.Sprintf("key      %s via %s  %s", key, id.Source(), who)))
	if login := journal.LoginKey(os.Getenv); login != nil && ssh.FingerprintSHA256(login) != key {
		fmt.Fprintln(out, "         you logged in with another key, "+ssh.FingerprintSHA256(login)+": is this one yours?")
	}
	fmt.Fprintf(out, "\nThis is signed, byte for byte, as %s:\n\n%s\n", journal.SignoffNamespace(s.World, s.Role), s.Text())
	fmt.Fprintf(out, "type %s to sign this %s: ", w.role, s.Decision)
}

// handIn takes a sign-off into the log, and says where it stands.
func handIn(ctx context.Context, h runbook.Home, sum runbook.Summary, s journal.Signoff, a journal.Attest) error {
	signers, err := h.Signers(sum.Practice)
	if err != nil {
		return &usageError{err}
	}
	o := journal.Options{Tool: "runbook " + version(), Claims: claims()}
	if err := runbook.HandIn(ctx, sum.Dir, signers, a, o); err != nil {
		return err
	}
	entries, err := journal.Read(sum.Dir)
	if len(entries) == 0 {
		return err
	}
	last := entries[len(entries)-1]
	fmt.Printf("%s of %s by %s is in the log\n%s\n", s.Decision, s.Scope, s.Role, journal.HeadLine(last.Run, last.N, last.Head))
	return nil
}
