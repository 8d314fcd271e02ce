package journal

import (
	"crypto/ed25519"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"
)

// EntryNamespace is the SSHSIG namespace of the signatures of lines in a world.
func EntryNamespace(world string) string { return "entry.v1@" + domain(world) }

// SessionNamespace is the SSHSIG namespace of session statements in a world.
func SessionNamespace(world string) string { return "session@" + domain(world) }

// WatchNamespace is the SSHSIG namespace in which a person signs that a key may
// write slots, in a world.
func WatchNamespace(world string) string { return "watch@" + domain(world) }

// slotNamespace is that of the signatures of lines in watch.jsonl.
func slotNamespace(world string) string { return "slot.v1@" + domain(world) }

func domain(world string) string {
	if world == Practice {
		return "practice.runbook-log"
	}
	return "runbook-log"
}

// session is the body of the first line of a segment.
type session struct {
	SessionKey string            `json:"session_key"` // base64 of the 32 byte Ed25519 public key
	World      string            `json:"world"`
	PrevBytes  int64             `json:"prev_bytes"`       // where the segment before is cut
	Discarded  int64             `json:"discarded"`        // bytes behind the cut, never acknowledged
	Rest       string            `json:"discarded_sha256"` // of these bytes
	Stmt       string            `json:"stmt"`
	SSHSig     string            `json:"sshsig"` // armored; empty without an identity
	Identity   string            `json:"identity"`
	Claims     map[string]string `json:"claims"`
	Tool       string            `json:"tool"`
}

// statement returns the text a person signs to delegate to a session key. It
// commits to every byte before this segment: bytes and sum are those of the
// cut segments joined.
func (s *session) statement(e *Entry, bytes int64, sum string) string {
	lines := []string{
		"runbook-log/v1 session",
		"world " + s.World,
		"run " + e.Run,
		fmt.Sprintf("segment %d", e.Seg),
		fmt.Sprintf("entry %d", e.N),
		"prev " + e.Prev,
		fmt.Sprintf("bytes %d sha256 %s", bytes, sum),
		"session-key " + s.SessionKey,
		"time " + e.Time.UTC().Format(time.RFC3339),
	}
	return strings.Join(lines, "\n") + "\n"
}

// key returns the public session key.
func (s *session) key() (ed25519.PublicKey, error) {
	key, err := publicKeyOf(s.SessionKey)
	if err != nil {
		return nil, fmt.Errorf("session_key %w", err)
	}
	return key, nil
}

// publicKeyOf reads the key in a statement, which has one form: a reader of
// base64 passes over line ends, and a stranger's tools may not.
func publicKeyOf(text string) (ed25519.PublicKey, error) {
	b, _ := base64.StdEncoding.DecodeString(text) // what is left of a text that is none is not written so
	if len(b) != ed25519.PublicKeySize || base64.StdEncoding.EncodeToString(b) != text {
		return nil, errors.New("is not 32 bytes in base64")
	}
	return b, nil
}

// signer returns who signed the statement, nobody if none did, and an error if
// the signature does not hold.
func (s *session) signer() (person, error) {
	if s.SSHSig == "" {
		return person{}, nil
	}
	who, err := checkSigned(s.SSHSig, SessionNamespace(s.World), s.Stmt)
	if err != nil {
		return person{}, fmt.Errorf("session statement: %w", err)
	}
	return who, nil
}

// field is a line of a statement: a value, or two.
type field struct {
	before string // in its line
	value  *string
	tail   string // what parts a second value from it
	second *string
}

// readStatement takes a statement apart, line by line. Whether it is written
// as one is its reader finds out by writing it again.
func readStatement(text, title string, fields []field) error {
	rest, ok := strings.CutPrefix(text, title+"\n")
	if !ok {
		return errors.New("its first line is not " + title)
	}
	for _, f := range fields {
		line, after, _ := strings.Cut(rest, "\n")
		value, ok := strings.CutPrefix(line, f.before)
		if ok && f.second != nil {
			value, *f.second, ok = strings.Cut(value, f.tail)
		}
		if !ok {
			return fmt.Errorf("want a line %q at %q", strings.TrimSpace(f.before), line)
		}
		*f.value, rest = value, after
	}
	return nil
}

// signedData is what SSHSIG signs for a message m: PROTOCOL.sshsig of OpenSSH.
func signedData(namespace string, m []byte) []byte {
	sum := sha512.Sum512(m)
	b := make([]byte, 0, 128)
	b = append(b, "SSHSIG"...)
	for _, field := range [][]byte{[]byte(namespace), nil, []byte("sha512"), sum[:]} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(field))) //nolint:gosec // at most 64
		b = append(b, field...)
	}
	return b
}
