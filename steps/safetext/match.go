package safetext

// maxSkip bounds what may stand inside a match beside the needle itself, so
// that what is held back stays small.
const maxSkip = 1 << 10

// match is the length of the longest needle p begins with, and whether p ends
// inside a needle that could still match.
func (r *Redactor) match(p []byte) (longest int, more bool) {
	try := func(list []string) {
		for _, n := range list {
			length, open := matchOne(p, n)
			longest, more = max(longest, length), more || open
		}
	}
	if len(p) > 1 && p[1] != esc && !isSpace(p[1]) {
		try(r.needles[[2]byte{p[0], p[1]}])
		return longest, more
	}
	for key, list := range r.needles { // rare: a cut, a colour or a line end behind the first byte
		if key[0] == p[0] {
			try(list)
		}
	}
	return longest, more
}

// matchOne holds needle against the beginning of p, passing over colours
// between its bytes. It returns the length in p, or whether p is too short
// to tell.
func matchOne(p []byte, needle string) (length int, open bool) {
	at, skipped := 0, 0
	for k := range len(needle) {
		if k > 0 {
			n, cut := colours(p[at:])
			if skipped += n; skipped > maxSkip {
				return 0, false
			}
			if at += n; cut {
				return 0, true
			}
		}
		if at == len(p) {
			return 0, true
		}
		if needle[k] != '\n' {
			if p[at] != needle[k] {
				return 0, false
			}
			at++
			continue
		}
		n := spaces(p[at:])
		if skipped += n; n == 0 || skipped > maxSkip {
			return 0, false
		}
		at += n
	}
	return at, false
}

// colours is the length of the SGR sequences p begins with; cut says that p
// ends inside one.
func colours(p []byte) (n int, cut bool) {
	for n < len(p) && p[n] == esc {
		end := n + 1
		if end < len(p) && p[end] == '[' {
			for end++; end < len(p) && end-n < maxSGR && (p[end] == ';' || p[end] == ':' || p[end] >= '0' && p[end] <= '9'); {
				end++
			}
		}
		switch {
		case end-n >= maxSGR:
			return n, false
		case end == len(p):
			return n, true
		case end == n+1 || p[end] != 'm':
			return n, false
		}
		n = end + 1
	}
	return n, false
}

func spaces(p []byte) int {
	for i, c := range p {
		if !isSpace(c) {
			return i
		}
	}
	return len(p)
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }
