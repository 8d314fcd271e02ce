package safetext

import (
	"cmp"
	"io"
	"slices"

	"runbook/steps"
)

const redacted = "[redacted]"

const (
	// maxBetween is how many bytes may stand between those of a needle beside
	// as many as it has itself, so that what is held back stays small.
	maxBetween = 1 << 10
	// window is how much is read at once, so that it stays in the cache.
	window = 64 << 10
)

// Redactor is a stream that writes [redacted] in place of secrets. What it
// writes depends on the bytes it was given and on nothing else, however they
// are cut into writes. It holds back only what may be the beginning of a
// secret, at most twice as long as the longest form of one and a KiB.
//
// A secret is looked for in the forms of Needles, in the text as a screen
// shows it: colours and other escape sequences, control characters and what
// else draws nothing may stand inside, and an encoder may have broken it over lines of 40 characters
// and more.
//
// What it can't know stays: a secret shorter than MinSecret, or of lines that
// are all shorter than four; one that is compressed, encrypted, hashed,
// reversed or encoded twice; its parts, but for lines and passwords of
// connection strings; what stands in dumps with offsets or columns (hexdump,
// od, xxd without -p), in UTF-16 beyond ASCII, or over lines that are
// shorter, folded by anything but an encoder, or carry a prefix.
type Redactor struct {
	w       io.Writer
	search  *search // nil if there is nothing to hide
	reading reading
	held    []byte // read, not written: the possible beginning of a secret
	covered int    // bytes of held that belong to a secret already written as redacted
	joined  []byte
	found   []span
	out     []byte
}

// NewRedactor writes to w without the secrets, in all forms of Needles.
func NewRedactor(w io.Writer, secrets ...steps.Secret) *Redactor {
	var all []string
	for _, s := range secrets {
		all = append(all, Needles(s)...)
	}
	r := &Redactor{w: w}
	if s := newSearch(all); len(s.needles) > 0 {
		r.search = s
	}
	return r
}

// Write takes all of p and writes what is certain.
func (r *Redactor) Write(p []byte) (int, error) {
	if r.search == nil {
		return r.w.Write(p)
	}
	for piece := range slices.Chunk(p, window) {
		if err := r.pass(piece, false); err != nil {
			return len(p), err
		}
	}
	return len(p), nil
}

// Hold is how many bytes are held back now.
func (r *Redactor) Hold() int { return len(r.held) }

// Close writes what was held back. It does not close the writer below.
func (r *Redactor) Close() error {
	if len(r.held) == 0 {
		return nil
	}
	return r.pass(nil, true)
}

// pass reads p behind what is held, and writes up to where a secret may begin
// that does not end yet. Every place where a needle stands is found, also
// inside another; what overlaps is one redaction.
func (r *Redactor) pass(p []byte, final bool) error {
	raw := p
	if len(r.held) > 0 {
		r.joined = append(append(r.joined[:0], r.held...), p...)
		raw = r.joined
	}
	run, whole := r.reading.run, len(raw)
	if !final {
		whole -= unfinished(raw)
	}
	r.reading.read(raw[:whole])
	secrets := r.secrets()
	until := whole
	if !final {
		var text int
		if until, text = r.search.open(&r.reading, whole); until < whole {
			r.reading.resume(text, run)
		}
	}
	done := r.covered // raw[:done] is written or redacted
	r.out = r.out[:0]
	for _, s := range secrets {
		if s.start >= until {
			break
		}
		if s.start >= done {
			r.out = append(append(r.out, raw[done:s.start]...), redacted...)
		}
		done = max(done, s.end)
	}
	rest := raw[min(done, until):until]
	r.held, r.covered = append(r.held[:0], raw[until:]...), max(0, done-until)
	return r.write(rest)
}

// secrets are the places of all needles in what was just read, in order.
func (r *Redactor) secrets() []span {
	r.found = r.search.all(&r.reading, r.found[:0])
	slices.SortFunc(r.found, func(a, b span) int { return cmp.Compare(a.start, b.start) })
	return r.found
}

// write writes out and what follows it.
func (r *Redactor) write(rest []byte) error {
	if len(r.out) > 0 {
		r.out = append(r.out, rest...)
		rest = r.out
	}
	if len(rest) == 0 {
		return nil
	}
	_, err := r.w.Write(rest)
	return err
}
