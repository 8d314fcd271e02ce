package runbook

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"runbook/runbook/durable"
	"runbook/runbook/journal"
)

// revoking is a home whose configuration lists keys as signers for all roles of
// signs, and revokes others: lines of public keys.
func revoking(t *testing.T, f *fixture, listed, revoked string) Home {
	t.Helper()
	h := Home{Dir: filepath.Dir(f.runs), Config: t.TempDir()}
	for name, text := range map[string]string{
		"allowed_signers": `ana namespaces="session@runbook-log,signoff.*" ` + listed + "\n", "revoked_keys": revoked + "\n",
	} {
		if err := os.WriteFile(filepath.Join(h.Config, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

// TestRevokedKey: what a key signed that was revoked settles nothing for whoever
// drives next, reads along or lists; what it signs now nobody takes.
func TestRevokedKey(t *testing.T) {
	t.Parallel()
	ana, line := personKey(t, "ana")
	f := desk(t, ana, signers(t, [3]string{"ana", "tech", line}))
	if err := f.sign("approved", journal.DecisionApprove, ""); err != nil {
		t.Fatal(err)
	}
	f.want("approved", Confirmed)
	f.do(RunStep, "built")
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	h := revoking(t, f, line, line)
	who, err := h.Signers(false)
	if err != nil {
		t.Fatal(err)
	}
	if f.Session, err = Resume(t.Context(), f.run.Dir, f.world, journal.Options{Signers: who}, false); err != nil {
		t.Fatal(err)
	}
	f.drivenBy(ana, who)
	f.want("approved", Pending)
	if err := f.try(RunStep, "made"); !errors.Is(err, ErrNotNow) {
		t.Errorf("it runs behind a revoked key: %v", err)
	}
	if err := f.sign("approved", journal.DecisionApprove, ""); !errors.Is(err, journal.ErrRevoked) || !strings.Contains(err.Error(), "ana SHA256:") {
		t.Errorf("the driver signs with it: %v", err)
	}
	if err := HandIn(t.Context(), f.run.Dir, who, f.outside(ana, "dev", journal.DecisionApprove), journal.Options{}); !errors.Is(err, journal.ErrRevoked) {
		t.Errorf("it is handed in: %v", err)
	}
	along, err := h.Follow(f.run.Dir, f.world.Clock)
	if err != nil {
		t.Fatal(err)
	}
	defer along.Close() //nolint:errcheck // it only read
	if r := along.State(); r.Step(along.Book().Step("approved")).State != Pending || r.Signatures[0].Void != "revoked" {
		t.Errorf("who reads along sees %+v", r.Signatures[0])
	}
	f.do(Approve, "approved", "eve, CHG-1") // it is not guarded: the driver may pass on what somebody said
	f.do(RunStep, "made")
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	unread, _ := revoking(t, f, line, "not a key").Signers(false)
	if f.Session, err = Resume(t.Context(), f.run.Dir, f.world, journal.Options{Signers: unread}, false); err != nil {
		t.Fatal(err)
	}
	f.want("approved", Confirmed)
	f.do(Rollback, "back") // asks for nobody's signature
	f.do(RunStep, "unmake")
}

// TestRevokedKeysThatCanNotBeRead: nobody knows who counts then, so nobody does;
// without the file nobody is revoked, and a key is that no signers list.
func TestRevokedKeysThatCanNotBeRead(t *testing.T) {
	t.Parallel()
	ana, line := personKey(t, "ana")
	f := begin(t, signs)
	h := revoking(t, f, line, "not a key")
	who, err := h.Signers(false)
	if err == nil || !strings.Contains(err.Error(), "revoked_keys:1: ") {
		t.Errorf("%v", err)
	}
	if name, err := who.Principal(ana.PublicKey(), journal.SessionNamespace(journal.Real), time.Now()); err == nil {
		t.Errorf("%s is vouched for", name)
	}
	if err := os.Remove(filepath.Join(h.Config, "revoked_keys")); err != nil {
		t.Fatal(err)
	}
	if who, err = h.Signers(false); err != nil || who.Revokes() || who.Revoked(ana.PublicKey()) != nil {
		t.Errorf("without a list: %v", err)
	}
	h = revoking(t, f, line, line)
	if err := os.Remove(filepath.Join(h.Config, "allowed_signers")); err != nil {
		t.Fatal(err)
	}
	if who, err = h.Signers(false); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Admit(f.run.Dir, who, f.outside(ana, "dev", journal.DecisionApprove)); !errors.Is(err, journal.ErrRevoked) {
		t.Errorf("where nobody is listed: %v", err)
	}
}

// TestTakeOverByARevokedKey: the run is let go of, and what was signed is not in
// its log.
func TestTakeOverByARevokedKey(t *testing.T) {
	t.Parallel()
	ana, line := personKey(t, "ana")
	f := begin(t, tiny)
	who, err := revoking(t, f, line, line).Signers(false)
	if err != nil {
		t.Fatal(err)
	}
	f.drivenBy(nil, who)
	h, err := journal.AskHandOver(f.run.Dir, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	signed, err := h.Sign(ana)
	if err != nil {
		t.Fatal(err)
	}
	q := request{From: durable.Self(), By: durable.Self(), Claims: bob, SignedHandOver: signed}
	if err := q.publish(f.run.Dir); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return f.Reads() != nil })
	_, last, err := journal.Peek(f.run.Dir)
	if err != nil {
		t.Fatal(err)
	}
	body, err := decode[handoverBody](last)
	if err != nil || body.To != "bob on pts/5" || !strings.HasSuffix(body.Unsigned, "is revoked") || body.SignedHandOver != (journal.SignedHandOver{}) {
		t.Errorf("%+v, %v", body, err)
	}
}
