package safetext

import (
	"io"

	"runbook/steps"
)

const redacted = "[redacted]"

// Redactor is a stream that writes [redacted] in place of secrets, however
// the input is cut into writes, also where colours stand inside a secret. It
// holds back only what may be the beginning of one.
//
// What it can't know stays: secrets compressed, reversed, encrypted, or
// broken over lines by an encoder.
type Redactor struct {
	w       io.Writer
	needles map[[2]byte][]string // by their first two bytes
	start   [1 << 16]bool        // two bytes at which a match may begin
	first   [256]bool            // one byte at which a match may begin
	active  bool
	held    []byte // read, not written: the possible beginning of a secret
	covered int    // bytes of held that belong to a secret already written as redacted
	out     []byte
}

// NewRedactor writes to w without the secrets, in all forms of Needles.
func NewRedactor(w io.Writer, secrets ...steps.Secret) *Redactor {
	r := &Redactor{w: w, needles: map[[2]byte][]string{}}
	for _, s := range secrets {
		for _, n := range Needles(s) {
			r.add(n)
		}
	}
	return r
}

// add looks for one needle more. A colour may stand behind its first byte,
// and any white space for its line ends.
func (r *Redactor) add(n string) {
	key := [2]byte{n[0], n[1]}
	r.needles[key] = append(r.needles[key], n)
	r.first[n[0]], r.active = true, true
	r.start[pair(n[0], esc)] = true
	if n[1] != '\n' {
		r.start[pair(n[0], n[1])] = true
		return
	}
	for _, space := range []byte(" \t\r\n") {
		r.start[pair(n[0], space)] = true
	}
}

func pair(a, b byte) int { return int(a)<<8 | int(b) }

// Write takes all of p and writes what is certain.
func (r *Redactor) Write(p []byte) (int, error) {
	if !r.active {
		return r.w.Write(p)
	}
	r.scan(p, false)
	return len(p), r.flush()
}

// Hold is how many bytes are held back now.
func (r *Redactor) Hold() int { return len(r.held) }

// Close writes what was held back. It does not close the writer below.
func (r *Redactor) Close() error {
	r.scan(nil, true)
	return r.flush()
}

func (r *Redactor) flush() error {
	if len(r.out) == 0 {
		return nil
	}
	_, err := r.w.Write(r.out)
	r.out = r.out[:0]
	return err
}

// scan reads p behind what is held. Every place where a needle matches is
// found, also inside another match; what overlaps is one redaction.
func (r *Redactor) scan(p []byte, final bool) {
	if len(r.held) > 0 {
		p = append(r.held, p...)
		r.held = nil
	}
	done := r.covered // p[:done] is written or redacted
	r.covered = 0
	for i := 0; i < len(p); i++ {
		if i += r.skip(p[i:]); i == len(p) {
			break
		}
		n, more := r.match(p[i:])
		if n > 0 && i >= done {
			r.out = append(append(r.out, p[done:i]...), redacted...)
			done = i
		}
		if n > 0 {
			done = max(done, i+n)
		}
		if more && !final {
			if done < i {
				r.out = append(r.out, p[done:i]...)
				done = i
			}
			r.held, r.covered = append([]byte(nil), p[i:]...), done-i
			return
		}
	}
	r.out = append(r.out, p[done:]...)
}

// skip is the distance to the next place where a match may begin; the last
// byte is one if a needle begins with it.
func (r *Redactor) skip(p []byte) int {
	last := len(p) - 1
	for i := range last {
		if r.start[pair(p[i], p[i+1])] {
			return i
		}
	}
	if r.first[p[last]] {
		return last
	}
	return len(p)
}
