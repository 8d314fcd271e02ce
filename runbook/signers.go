package runbook

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"runbook/runbook/book"
	"runbook/runbook/journal"
	"runbook/steps"
)

// Signers are whose keys count in this home: those of allowed_signers without
// those of revoked_keys, both under the configuration. Practice has signers of
// its own, and revokes none. Without allowed_signers nobody is vouched for;
// with an error because of revoked_keys no key counts at all.
func (h Home) Signers(practice bool) (journal.Signers, error) {
	signers, err := journal.ReadSigners(h.SignersFile(practice))
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if practice {
		return signers, err
	}
	revoked, unread := journal.ReadRevoked(filepath.Join(h.Config, "revoked_keys"))
	if errors.Is(unread, fs.ErrNotExist) {
		unread = nil
	}
	if unread != nil {
		unread = fmt.Errorf("read which keys are revoked: %w; correct it: until then no signature counts", unread)
	}
	return signers.Without(revoked, unread), errors.Join(err, unread)
}

// SignersFile is where it stands who may sign.
func (h Home) SignersFile(practice bool) string {
	if practice {
		return filepath.Join(h.Runs(true), "allowed_signers")
	}
	return filepath.Join(h.Config, "allowed_signers")
}

// Load is Load, in which what a revoked key signed settles nothing.
func (h Home) Load(dir string) (*Run, *book.Book, error) {
	who, _ := h.Signers(false) // one that can't be read vouches for nobody, and the run says so
	return load(dir, who)
}

// Follow is Follow, in which what a revoked key signed settles nothing.
func (h Home) Follow(dir string, clock steps.Clock) (*Session, error) {
	who, _ := h.Signers(false)
	return follow(dir, clock, who)
}
