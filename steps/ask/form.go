package ask

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
)

// maxFields bounds a form: more is a phase of its own.
const maxFields = 12

var fieldName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[a-z][a-z0-9_-]{0,31}$`)
})

// Validate reports a form without fields, names that can't be typed or stand
// twice, and patterns that can't be read.
func (f *Form) Validate() error {
	if len(f.Fields) == 0 || len(f.Fields) > maxFields {
		return fmt.Errorf("fields: want 1 to %d, got %d", maxFields, len(f.Fields))
	}
	seen := map[string]bool{}
	for _, one := range f.Fields {
		switch {
		case !fieldName().MatchString(one.Name):
			return fmt.Errorf("fields: %q is no name: lower case letters, digits, - and _", one.Name)
		case seen[one.Name]:
			return fmt.Errorf("fields: two are called %s", one.Name)
		}
		if seen[one.Name] = true; one.Match == "" || strings.Contains(one.Match, "${") {
			continue
		}
		if err := one.Check(one.Example); err != nil {
			return fmt.Errorf("the example of a field with match must do: %w", err)
		}
	}
	return nil
}

// Prompt is what the field is called for people.
func (f Field) Prompt() string {
	if f.Title == "" {
		return f.Name
	}
	return f.Title
}

// Check refuses an answer that is empty, or not as the form wants it.
func (f Field) Check(answer string) error {
	if strings.TrimSpace(answer) == "" {
		return fmt.Errorf("%s wants an answer", f.Name)
	}
	re, err := regexp.Compile(f.Match)
	if err != nil {
		return fmt.Errorf("field %s: %w", f.Name, err)
	}
	if !re.MatchString(answer) {
		return fmt.Errorf("%s is to match %s, such as %s", f.Name, f.Match, f.Example)
	}
	return nil
}

// Rehearsed are answers that do.
func (f *Form) Rehearsed() string {
	answers := map[string]string{}
	for _, one := range f.Fields {
		answers[one.Name] = one.Example
		if one.Example == "" {
			answers[one.Name] = "rehearsed"
		}
	}
	return f.Join(answers)
}

// Join is the answers in one line, "name=value; name=value", in the form's
// order: as they are typed in lines, and as they are kept.
func (f *Form) Join(answers map[string]string) string {
	parts := make([]string, len(f.Fields))
	for i, one := range f.Fields {
		parts[i] = one.Name + "=" + strings.TrimSpace(answers[one.Name])
	}
	return strings.Join(parts, "; ")
}

// Split reads that line. A semicolon that no field's name follows belongs to
// the answer it stands in. Every field must be answered, once.
func (f *Form) Split(line string) (map[string]string, error) {
	answers, last := map[string]string{}, ""
	for part := range strings.SplitSeq(line, ";") {
		name, value, named := strings.Cut(strings.TrimSpace(part), "=")
		switch known := f.has(strings.TrimSpace(name)); {
		case named && known:
			last = strings.TrimSpace(name)
			if _, twice := answers[last]; twice {
				return nil, fmt.Errorf("%s is answered twice", last)
			}
			answers[last] = strings.TrimSpace(value)
		case last == "" && strings.TrimSpace(part) != "":
			return nil, errors.New("want " + f.Shape())
		case last != "":
			answers[last] = strings.TrimRight(answers[last]+";"+part, " ;")
		}
	}
	for _, one := range f.Fields {
		if err := one.Check(answers[one.Name]); err != nil {
			return nil, fmt.Errorf("%w: want %s", err, f.Shape())
		}
	}
	return answers, nil
}

// Shape is how the line is typed.
func (f *Form) Shape() string {
	parts := make([]string, len(f.Fields))
	for i, one := range f.Fields {
		parts[i] = one.Name + "=…"
	}
	return strings.Join(parts, "; ")
}

func (f *Form) has(name string) bool {
	for _, one := range f.Fields {
		if one.Name == name {
			return true
		}
	}
	return false
}
