package safetext

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strings"
)

const (
	gramSize = 4
	// maxStride bounds how many grams of a needle are known; beyond it the
	// other things a redactor does take longer than the search.
	maxStride  = 8
	filterBits = 17
)

// search finds all needles in a text at once. Every needle has a stretch of
// characters that always stand together; the grams (four bytes) at the first
// stride places of it are known. One of them stands at a multiple of stride
// wherever the needle does, so only those places of the text are looked at.
type search struct {
	needles []needle
	stride  int
	filter  [1 << filterBits / 64]uint64 // of known grams, by their hashes
	grams   map[uint32][]place
	starts  [256][]*needle // by their first byte, the furthest reach first
	reach   int            // the furthest
}

// needle is a text that is looked for; \n stands for any run of white space,
// also of none.
type needle struct {
	text   string
	anchor int  // where its longest stretch without \n begins
	solid  bool // it holds no \n
	reach  int  // raw bytes it may span at most
}

// place is a gram's place in a needle.
type place struct {
	needle *needle
	at     int
}

// span is a part of a text.
type span struct{ start, end int }

// newSearch looks for all of list. A needle whose stretches are all shorter
// than a gram is left out.
func newSearch(list []string) *search {
	s := &search{stride: maxStride, grams: map[uint32][]place{}}
	for _, text := range list {
		anchor, length := stretch(text)
		if length < gramSize {
			continue
		}
		s.stride = min(s.stride, length-gramSize+1)
		s.needles = append(s.needles, needle{
			text: text, anchor: anchor, solid: length == len(text), reach: 2*len(text) + maxBetween,
		})
	}
	for i := range s.needles {
		n := &s.needles[i]
		for at := n.anchor; at < n.anchor+s.stride; at++ {
			gram := binary.LittleEndian.Uint32([]byte(n.text[at:]))
			s.grams[gram] = append(s.grams[gram], place{n, at})
			h := hash(gram)
			s.filter[h/64] |= 1 << (h % 64)
		}
		s.starts[n.text[0]] = append(s.starts[n.text[0]], n)
		s.reach = max(s.reach, n.most())
	}
	for _, list := range s.starts {
		slices.SortFunc(list, func(a, b *needle) int { return cmp.Compare(b.most(), a.most()) })
	}
	return s
}

// stretch is the longest part of a needle without \n.
func stretch(text string) (at, length int) {
	from := 0
	for part := range strings.SplitSeq(text, "\n") {
		if len(part) > length {
			at, length = from, len(part)
		}
		from += len(part) + 1
	}
	return at, length
}

// most is how much text the needle may take.
func (n *needle) most() int {
	if n.solid {
		return len(n.text)
	}
	return n.reach
}

func hash(gram uint32) uint32 { return gram * 0x9e3779b1 >> (32 - filterBits) }

// all finds every place of a piece where a needle stands, in no order.
func (s *search) all(r *reading, found []span) []span {
	text := r.text
	for i := 0; i+gramSize <= len(text); i += s.stride {
		gram := binary.LittleEndian.Uint32(text[i:])
		if h := hash(gram); s.filter[h/64]&(1<<(h%64)) == 0 {
			continue
		}
		for _, p := range s.grams[gram] {
			start, ok := p.needle.begin(text, i, p.at)
			if !ok {
				continue
			}
			n, _ := p.needle.match(text[start:])
			if n == 0 {
				continue
			}
			if raw := r.span(span{start, start + n}); raw.end-raw.start <= p.needle.reach {
				found = append(found, raw)
			}
		}
	}
	return found
}

// open is the first place of a piece of size bytes at which a needle may have
// begun that does not end in it; size if there is none.
func (s *search) open(r *reading, size int) (raw, text int) {
	for i := max(0, len(r.text)-s.reach); i < len(r.text); i++ {
		for _, n := range s.starts[r.text[i]] {
			if n.most() <= len(r.text)-i {
				break
			}
			if _, open := n.match(r.text[i:]); open && size-r.raw(i) < n.reach {
				return r.raw(i), i
			}
		}
	}
	return size, len(r.text)
}

// begin is where the needle begins whose byte at stands at text[i].
func (n *needle) begin(text []byte, i, at int) (int, bool) {
	if n.solid {
		return i - at, i >= at
	}
	for ; at > 0; at-- {
		switch {
		case n.text[at-1] == '\n':
			for i > 0 && isSpace(text[i-1]) {
				i--
			}
		case i > 0 && text[i-1] == n.text[at-1]:
			i--
		default:
			return 0, false
		}
	}
	return i, true
}

// match is the length of the needle if text begins with it, and open if text
// is too short to tell.
func (n *needle) match(text []byte) (length int, open bool) {
	if n.solid {
		if len(text) < len(n.text) {
			return 0, n.text[:len(text)] == string(text)
		}
		if string(text[:len(n.text)]) != n.text {
			return 0, false
		}
		return len(n.text), false
	}
	i := 0
	for k := range len(n.text) {
		switch {
		case n.text[k] == '\n':
			i += spaces(text[i:])
		case i == len(text):
			return 0, true
		case text[i] == n.text[k]:
			i++
		default:
			return 0, false
		}
	}
	return i, false
}
