package book

// VerbOf is the word of a step's verb, and its kind.
func VerbOf(s *Step) (verb, kind string) {
	switch v := s.Verb.(type) {
	case Check:
		return "check", v.Kind
	case Run:
		return "run", v.Kind
	case Ask:
		return "ask", v.Kind
	case Tell:
		return "tell", v.Kind
	case Watch:
		return "watch", v.Kind
	}
	return "", ""
}

// IsTarget reports whether bytes are meant as a target rather than as a book:
// they have no schema and no phase. What can't be parsed is left to Read.
func IsTarget(data []byte) bool {
	_, top := parse(data, "")
	if top == nil {
		return false
	}
	_, schema := top["schema"]
	_, phase := top["phase"]
	return !schema && !phase
}
