package book

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"maps"
	"regexp"
	"slices"
	"sync"
)

// tables is the shape of a book's top level, its tables not yet looked into.
type tables struct {
	Schema     int              `mapstructure:"schema"`
	Name       string           `mapstructure:"name"`
	Title      string           `mapstructure:"title"`
	Vars       map[string]any   `mapstructure:"vars"`
	Phases     []map[string]any `mapstructure:"phase"`
	Plans      []map[string]any `mapstructure:"plan"`
	Hints      []map[string]any `mapstructure:"hint"`
	Contacts   []map[string]any `mapstructure:"contact"`
	Objectives []map[string]any `mapstructure:"objective"`
	Backups    []map[string]any `mapstructure:"backup"`
	Signoffs   []map[string]any `mapstructure:"signoff"`
}

var idPattern = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[a-z][a-z0-9-]{0,63}$`)
})

// Read reads a book. The error is *Problems, with everything that is wrong as
// far as it can be told. File is only for messages and Book.File. What Read
// takes is safe to show; Lint says whether it is wise to run.
func Read(data []byte, file string) (*Book, error) {
	r, top := parse(data, file)
	if top == nil {
		return nil, r.failed()
	}
	var t tables
	r.decode("", top, &t)
	if t.Schema != 1 {
		r.at("schema", "schema must be 1, the only one this version reads")
	}
	r.id("name", t.Name)
	sum := sha256.Sum256(data)
	b := &Book{
		Schema: t.Schema, Name: t.Name, Title: cmp.Or(t.Title, t.Name), Vars: map[string]Var{},
		Raw: slices.Clone(data), SHA256: hex.EncodeToString(sum[:]), File: file, index: r.index,
	}
	r.vars(b, t.Vars)
	for i, phase := range t.Phases {
		b.Phases = append(b.Phases, r.phase(element("phase", i), phase))
	}
	for i, plan := range t.Plans {
		b.Plans = append(b.Plans, r.plan(element("plan", i), plan))
	}
	b.Hints = list[Hint](r, "hint", t.Hints)
	b.Contacts = list[Contact](r, "contact", t.Contacts)
	b.Objectives = list[Objective](r, "objective", t.Objectives)
	b.Backups = list[Backup](r, "backup", t.Backups)
	b.Signoffs = list[Signoff](r, "signoff", t.Signoffs)
	r.references(b)
	if err := r.err(); err != nil {
		return nil, err
	}
	return b, nil
}

// failed is err for a file of which nothing was read.
func (r *reader) failed() error {
	if err := r.err(); err != nil {
		return err
	}
	return errors.New(r.file + ": not read")
}

func (r *reader) id(path, id string) {
	switch {
	case id == "":
		r.at(path, "%s is missing", short(path))
	case !idPattern().MatchString(id):
		r.at(path, "%s must be lower case letters, digits and dashes, begin with a letter and have at most 64: %q", short(path), id)
	}
}

// vars reads [vars], in the order of their names.
func (r *reader) vars(b *Book, table map[string]any) {
	for _, name := range slices.Sorted(maps.Keys(table)) {
		path := join("vars", name)
		fields, ok := table[name].(map[string]any)
		if !ok {
			r.at(path, "%s wants a table, such as { required = true }, not %s", name, tomlType(table[name]))
			continue
		}
		var v Var
		r.decode(path, fields, &v)
		b.Vars[name] = v
		r.checkVar(path, name, v)
	}
}

// list reads an array of tables that holds nothing but plain fields.
func list[T any](r *reader, name string, all []map[string]any) []T {
	var out []T
	for i, table := range all {
		var one T
		r.decode(element(name, i), table, &one)
		out = append(out, one)
	}
	return out
}
