package journal

import (
	"cmp"
	"slices"
)

// LastWords are what counts of what was said in a role about a scope: of each
// key its last word. of says of one whose key said what. What is last says which
// log a key saw and when, as it signed both: where that stands in this one is
// the driver's doing, who may hand in what was said before once more. As the
// time is the signer's clock's, a reject yields only to a word that is newer by
// both.
func LastWords[S any](said []S, role, scope string, of func(S) (key string, s Signoff)) map[string]S {
	all := map[string][]S{}
	for _, one := range said {
		if key, s := of(one); s.Role == role && s.Scope == scope {
			all[key] = append(all[key], one)
		}
	}
	last := map[string]S{}
	for key, words := range all {
		last[key] = lastWord(words, func(one S) Signoff {
			_, s := of(one)
			return s
		})
	}
	return last
}

// lastWord of one key: a reject that nothing newer lifts, else what is newest;
// of two of one moment what holds back.
func lastWord[S any](said []S, of func(S) Signoff) S {
	standing := slices.DeleteFunc(slices.Clone(said), func(one S) bool {
		s := of(one)
		return s.Decision != DecisionReject || slices.ContainsFunc(said, func(other S) bool { return of(other).newer(s) })
	})
	if len(standing) == 0 {
		standing = said
	}
	return slices.MaxFunc(standing, func(a, b S) int {
		x, y := of(a), of(b)
		return cmp.Or(cmp.Compare(x.N, y.N), x.Time.Compare(y.Time), cmp.Compare(x.Decision, y.Decision)) // approve before withdraw
	})
}

// newer reports whether s was said after before by the log it saw and by its
// time: older by neither, and not of one moment.
func (s Signoff) newer(before Signoff) bool {
	if s.N == before.N {
		return s.Time.After(before.Time)
	}
	return s.N > before.N && !s.Time.Before(before.Time)
}
