package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"runbook/runbook/journal"
	"runbook/steps"
)

// agentAnswer is how long an agent may take to list its keys.
const agentAnswer = 2 * time.Second

// agent looks at the SSH agent, which may be a socket that nobody answers.
func (h Host) agent(ctx context.Context) []Finding {
	const what = "agent"
	socket := h.Getenv("SSH_AUTH_SOCK")
	if socket == "" {
		return one(steps.Warn, what, "none: SSH_AUTH_SOCK is not set", "", "ssh-agent and ssh-add, or connect with ssh -A")
	}
	ctx, stop := context.WithTimeout(ctx, agentAnswer)
	defer stop()
	silent := one(steps.Fail, what, "no answer at "+socket+": each ssh would hang on it", "at most "+agentAnswer.String(), "unset SSH_AUTH_SOCK, or end that agent and start another")
	conn, err := new(net.Dialer).DialContext(ctx, "unix", socket)
	switch {
	case errors.Is(err, syscall.EAGAIN): // so many wait there already that one more would wait to connect
		return silent
	case err != nil:
		return one(steps.Warn, what, "nobody listens at "+socket+": "+cause(err), "", "start one, or connect again with ssh -A")
	}
	defer func() { _ = conn.Close() }() // only asked
	deadline, _ := ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		return one(steps.Unknown, what, err.Error(), "", "")
	}
	began := time.Now()
	keys, err := agent.NewClient(conn).List()
	switch {
	case err != nil && !time.Now().Before(deadline): // the client wraps no error
		return silent
	case err != nil:
		return one(steps.Fail, what, "no agent answers at "+socket+": "+err.Error(), "", "unset SSH_AUTH_SOCK, or start an agent there")
	case len(keys) == 0:
		return one(steps.Warn, what, "holds no key, or is locked", "", "ssh-add, or ssh-add -X")
	}
	return pass(what, fmt.Sprintf("holds %s, answered in %s", count(len(keys), "key"), time.Since(began).Round(time.Millisecond)))
}

// trial is what a key signs to show that it can. In its own namespace the
// signature says nothing anywhere else.
const trial = "doctor@runbook-log"

// key looks for the key that would sign for the operator, and has it sign.
func (h Host) key(ctx context.Context) []Finding {
	const what = "key"
	id, why, err := journal.FindIdentity(h.Config, h.Getenv)
	switch {
	case err != nil:
		return one(steps.Fail, what, err.Error(), "", "correct it: no run starts with it")
	case id == nil:
		why, mend, _ := strings.Cut(why, ": ssh-add ")
		return one(steps.Warn, what, "nobody would sign a run: "+why, "", "ssh-add "+mend)
	}
	key := id.PublicKey()
	name := fmt.Sprintf("%s %s via %s", key.Type(), ssh.FingerprintSHA256(key), id.Source())
	if strings.HasPrefix(key.Type(), "sk-") {
		return pass(what, name+" signs, and wants a touch each time")
	}
	signed := make(chan error, 1)
	go func() {
		_, err := id.Sign(trial, []byte("runbook doctor\n"))
		signed <- err
	}()
	select {
	case err := <-signed:
		if err != nil {
			return one(steps.Warn, what, "nobody would sign a run: "+name+" does not: "+err.Error(), "", "ssh-add it without -h, or set RUNBOOK_IDENTITY")
		}
	case <-ctx.Done():
		return one(steps.Unknown, what, name+" has not signed: it may wait for your confirmation or touch", "at most "+patience.String(), "")
	}
	return pass(what, name+" signs")
}

// signers looks at who is believed, and whether that is us.
func (h Host) signers(context.Context) []Finding {
	const what = "allowed_signers"
	file := filepath.Join(h.Config, what)
	session := journal.SessionNamespace(journal.Real)
	signers, err := journal.ReadSigners(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return one(steps.Warn, what, "none: `log verify` could tell nobody who signed", "", listed(file, session))
	case err != nil:
		return one(steps.Fail, what, err.Error(), "", "correct it: no run starts with it")
	}
	id, _, err := journal.FindIdentity(h.Config, h.Getenv)
	if err != nil || id == nil {
		return pass(what, file+" is there")
	}
	who, err := signers.Principal(id.PublicKey(), session, time.Now())
	if err != nil {
		return one(steps.Warn, what, "your key is not believed: "+err.Error(), "", listed(file, session))
	}
	return pass(what, "your key is that of "+who)
}

// cause is the last of an error's chain: "connection refused".
func cause(err error) string {
	for inner := err; inner != nil; inner = errors.Unwrap(inner) {
		err = inner
	}
	return err.Error()
}

func count(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}
