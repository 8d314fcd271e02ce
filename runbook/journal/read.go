package journal

import "strings"

// Read returns the entries of the longest valid prefix of the log in dir, and
// an error for what follows it: ErrTorn, ErrTampered, ErrForked or ErrVersion
// (errors.Is), or os.ErrNotExist if there is no log. It creates and locks
// nothing. While a driver writes, ErrTorn may be a line on its way.
func Read(dir string) ([]Entry, error) {
	var entries []Entry
	_, err := scan(dir, func(e Entry) { entries = append(entries, e) })
	return entries, err
}

// escapeGlob takes their meaning from the letters of a pattern in a path.
func escapeGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}
