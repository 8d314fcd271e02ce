// Package journal is the signed log of a run: JSON lines in numbered segments,
// each line holding the hash of the one before and signed by a key that lives
// only in the memory of the process that wrote it. A person's SSH key signs,
// for each such session key, a short statement that delegates to it. The
// package knows bytes, chain and keys; it knows no step.
//
// Whoever holds the file lock is the driver, and the only one who appends.
// Readers create and lock nothing. An appended entry is on the disk before
// Append returns, and is never cut again.
//
// Everything can be checked with stock tools: the head of the log is the
// SHA-256 of its last line, and each signature is an SSHSIG.
package journal

import "errors"

// World names where a run happens. It is in the signed statement of every
// session and decides the namespaces of all signatures, so a practice signature
// never verifies as a real one.
const (
	Real     = "real"
	Practice = "practice"
)

// The kinds the journal itself knows. All others belong to the caller.
const (
	KindSession  = "session"    // first line of a segment
	KindAttest   = "attest"     // a signed statement of a person
	KindAnchor   = "anchor"     // the head of another log that belongs to the run
	KindShredded = "shredded"   // a file beside the log was taken away
	KindDelegate = "delegate"   // a person lets a key on disk write slots into watch.jsonl
	KindClock    = "clock.step" // the wall clock was set
	KindHandover = "handover"   // a session lets go of the run; its body is the caller's, but for what is signed
	KindRunEnd   = "run.end"    // after it only attest, anchor and shredded follow
)

var (
	// ErrBusy says that somebody drives this run; the text names who.
	ErrBusy = errors.New("somebody drives this run")
	// ErrNotRecorded says that an entry is not in the log: it must not be taken as
	// done. The same Append may be tried again on the same Log.
	ErrNotRecorded = errors.New("NOT RECORDED")
	// ErrEnded says that the run has ended: only attest, anchor and shredded may follow.
	ErrEnded = errors.New("the run has ended")
	// ErrTorn says that bytes without an end follow the last whole line, as a crash
	// leaves them. Nothing acknowledged is lost.
	ErrTorn = errors.New("torn")
	// ErrTampered says that the log is not what was signed.
	ErrTampered = errors.New("tampered")
	// ErrForked says that valid lines stand behind the place where the next
	// session cut its predecessor: two writers went on from one entry.
	ErrForked = errors.New("forked")
	// ErrNoDelegation says that no key may write slots here now: what is measured
	// needs a session.
	ErrNoDelegation = errors.New("no key may write slots now")
	// ErrVersion says that a newer program wrote this log.
	ErrVersion = errors.New("unknown version of the log")
)
