package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"runbook/runbook/book"
	"runbook/steps/run"
	"runbook/steps/watch"
)

// generate makes the files, by their path below root.
func generate(root string) (map[string][]byte, error) {
	g := &generator{comments: comments{root: root, packages: map[string]map[string]*typeComment{}}}
	ofBook, ofTarget := book.Schemas(g.describe)
	shared, _ := ofBook["definitions"].(map[string]any)
	files := map[string][]byte{"docs/kinds.md": g.page(shared["step"])}
	for name, schema := range map[string]any{"docs/schema/book.json": ofBook, "docs/schema/target.json": ofTarget} {
		var text bytes.Buffer
		enc := json.NewEncoder(&text)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		if err := enc.Encode(schema); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		files[name] = text.Bytes()
	}
	return files, g.err
}

// generator keeps the first error: what it makes then counts for nothing.
type generator struct {
	comments comments
	err      error
}

func (g *generator) of(t reflect.Type) *typeComment {
	c, err := g.comments.of(t)
	if err != nil && g.err == nil {
		g.err = err
	}
	if c == nil {
		return &typeComment{}
	}
	return c
}

// readInto are the types that stand for a table of the file, and those that are
// made of them: there the fields are described.
var readInto = map[string]reflect.Type{
	"tables": reflect.TypeFor[book.Book](), "phaseTable": reflect.TypeFor[book.Phase](), "planTable": reflect.TypeFor[book.Plan](),
	"stepTable": reflect.TypeFor[book.Step](), "watchTable": reflect.TypeFor[watch.Watch](),
}

// describe is what is said of a field: beside it, or in its type's table.
func (g *generator) describe(t reflect.Type, name string) string {
	field, _ := t.FieldByName(name)
	key, _, _ := strings.Cut(field.Tag.Get("mapstructure"), ",")
	if made, ok := readInto[t.Name()]; ok {
		t = made
	}
	c := g.of(t)
	if text := c.fields[name]; text != "" {
		return text
	}
	return c.said(key)
}

// page is docs/kinds.md.
func (g *generator) page(step any) []byte {
	var out bytes.Buffer
	out.WriteString("# Kinds\n\nEvery step of a book is exactly one of these. Written by `go run ./scripts/kinds` from the comments in the code; `runbook show --kinds` prints it.\n" +
		"A value may hold `${name}` of a var, unless it names a secret.\n")
	kinds := book.Kinds()
	order := map[string]int{"check": 0, "run": 1, "ask": 2, "tell": 3}
	names := slices.SortedFunc(maps.Keys(kinds), func(a, b string) int {
		verbA, _, _ := strings.Cut(a, ".")
		verbB, _, _ := strings.Cut(b, ".")
		if verbA != verbB {
			return order[verbA] - order[verbB]
		}
		return strings.Compare(a, b)
	})
	for _, name := range names {
		g.section(&out, name, reflect.TypeOf(kinds[name]).Elem())
	}
	g.section(&out, "watch", reflect.TypeFor[watch.Watch]())
	g.around(&out, step)
	g.section(&out, "target", reflect.TypeFor[book.Target]())
	for _, part := range []reflect.Type{
		reflect.TypeFor[run.Host](), reflect.TypeFor[book.Demand](), reflect.TypeFor[book.Kube](), reflect.TypeFor[book.Service](), reflect.TypeFor[book.Source](), reflect.TypeFor[book.Waiver](),
	} {
		g.section(&out, "target: "+strings.ToLower(part.Name()), part)
	}
	return out.Bytes()
}

// around lists what surrounds a step's verb, as its schema describes it.
func (g *generator) around(out *bytes.Buffer, step any) {
	table, _ := step.(map[string]any)
	keys, _ := table["properties"].(map[string]any)
	out.WriteString("\n## step\n\nWhat surrounds the verb of any step.\n\n")
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if one, ok := keys[key].(map[string]any); ok && !slices.Contains([]string{"check", "run", "ask", "tell", "watch"}, key) {
			said, _ := one["description"].(string)
			holds, _ := one["type"].(string)
			fmt.Fprintln(out, item(key, cmp.Or(map[string]string{"array": "list", "object": "table", "boolean": "true or false", "string": "text"}[holds], "text or list"), said))
		}
	}
}

// section is what is said of a type, and of its fields where it says nothing of
// them itself.
func (g *generator) section(out *bytes.Buffer, name string, t reflect.Type) {
	c := g.of(t)
	fmt.Fprintf(out, "\n## %s\n\n%s", name, markdown(c.text))
	if fields := g.list(t); len(fields) > 0 {
		fmt.Fprintf(out, "\n%s\n", strings.Join(fields, "\n"))
	}
}

// list is the fields of a type that its comment says nothing of.
func (g *generator) list(t reflect.Type) []string {
	c := g.of(t)
	var fields []string
	for i := range t.NumField() {
		field := t.Field(i)
		key, _, _ := strings.Cut(field.Tag.Get("mapstructure"), ",")
		if key == "" || key == "-" || c.said(key) != "" {
			continue
		}
		fields = append(fields, item(key, shape(field.Type), c.fields[field.Name]))
		if of := field.Type; of.Kind() == reflect.Slice && of.Elem().Kind() == reflect.Struct && of.Elem().PkgPath() == t.PkgPath() && t.Name() != "Target" {
			for _, inner := range g.list(of.Elem()) {
				fields = append(fields, "  "+inner)
			}
		}
	}
	return fields
}

// item is a key in a list, with what it holds and what is said of it.
func item(key, holds, said string) string {
	if said != "" {
		said = ": " + said
	}
	return fmt.Sprintf("- `%s` (%s)%s", key, holds, said)
}

// shape is a type in the words of TOML.
func shape(t reflect.Type) string {
	switch {
	case t.Name() == "Duration":
		return `time, "15m"`
	case t.Name() == "Date":
		return "day"
	}
	switch t.Kind() {
	case reflect.Slice:
		return "list"
	case reflect.Map, reflect.Struct:
		return "table"
	case reflect.Bool:
		return "true or false"
	case reflect.Int:
		return "integer"
	default:
		return "text"
	}
}

// begins is how a doc comment begins: with the name of its type.
var begins = regexp.MustCompile(`^[A-Z]\w* (?:is|are) (?:(?:check|run|ask|tell)\.[\w.]+: |\[[\w.]+\] of a target: )?`)

// markdown turns a doc comment into a section: what is set off by a tab becomes
// a block.
func markdown(text string) string {
	text = begins.ReplaceAllString(text, "")
	var out strings.Builder
	inBlock := false
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for i, one := range lines {
		blank := one == "" && i+1 < len(lines) && strings.HasPrefix(lines[i+1], "\t") // within a block
		if set := strings.HasPrefix(one, "\t") || inBlock && blank; set != inBlock {
			out.WriteString("```\n")
			inBlock = set
		}
		out.WriteString(strings.TrimPrefix(one, "\t") + "\n")
	}
	if inBlock {
		out.WriteString("```\n")
	}
	said := out.String()
	if said == "" {
		return ""
	}
	return strings.ToUpper(said[:1]) + said[1:]
}
