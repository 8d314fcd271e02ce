package book

// releases are the names that vars have which say what is brought out.
var releases = [...]string{"image_tag", "release", "version", "tag"}

// Release is the name of the var that says which release a run with these vars
// brings out: the first of releases that the book declares and that has a value.
// Empty if there is none.
func (b *Book) Release(vars map[string]string) string {
	for _, name := range releases {
		if v, declared := b.Vars[name]; declared && !v.Secret && vars[name] != "" {
			return name
		}
	}
	return ""
}
