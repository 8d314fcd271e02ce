package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
)

// module begins the path of each of our packages.
const module = "runbook/"

// comments are the doc comments of the types of a package.
type comments struct {
	root     string
	packages map[string]map[string]*typeComment // by path and name
}

// typeComment is what is said of a type, and of its fields by their Go names.
type typeComment struct {
	text   string
	fields map[string]string
}

// of is what is said of a type, never nil.
func (c *comments) of(t reflect.Type) (*typeComment, error) {
	path := t.PkgPath()
	if c.packages[path] == nil {
		types, err := read(filepath.Join(c.root, filepath.FromSlash(strings.TrimPrefix(path, module))))
		if err != nil {
			return nil, fmt.Errorf("read the comments of %s: %w", path, err)
		}
		c.packages[path] = types
	}
	if found := c.packages[path][t.Name()]; found != nil {
		return found, nil
	}
	return &typeComment{}, nil
}

// read reads the comments of a package's types.
func read(dir string) (map[string]*typeComment, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	types := map[string]*typeComment{}
	for _, name := range names {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		ast.Inspect(file, func(node ast.Node) bool {
			if decl, ok := node.(*ast.GenDecl); ok {
				for _, spec := range decl.Specs {
					if t, ok := spec.(*ast.TypeSpec); ok {
						types[t.Name.Name] = commentOf(t, decl.Doc)
					}
				}
			}
			return true
		})
	}
	return types, nil
}

func commentOf(t *ast.TypeSpec, doc *ast.CommentGroup) *typeComment {
	if t.Doc != nil {
		doc = t.Doc
	}
	c := &typeComment{text: doc.Text(), fields: map[string]string{}}
	if table, ok := t.Type.(*ast.StructType); ok {
		for _, field := range table.Fields.List {
			for _, name := range field.Names {
				c.fields[name.Name] = line(field.Comment.Text())
				if field.Comment == nil {
					c.fields[name.Name] = strings.TrimPrefix(line(field.Doc.Text()), name.Name+" ")
				}
			}
		}
	}
	return c
}

func line(text string) string { return strings.Join(strings.Fields(text), " ") }

// row is a line of a table of fields in a doc comment: one name or several, and
// what is said of them, unless that is said of the one above too.
var row = regexp.MustCompile(`^\t([a-z0-9_]+(?:, [a-z0-9_]+)*)(?: {2,}(\S.*)| ([^=\s].*))?$`)

// said is what the tables of a doc comment say of a key.
func (c *typeComment) said(key string) string {
	var found []string
	for text := range strings.SplitSeq(c.text, "\n") {
		match := row.FindStringSubmatch(text)
		switch {
		case match != nil && strings.Contains(", "+match[1]+",", ", "+key+","):
			found = []string{match[2] + match[3]}
		case match != nil && len(found) > 0:
			return line(strings.Join(found, " "))
		case strings.HasPrefix(text, "\t ") && len(found) > 0:
			found = append(found, text)
		case len(found) > 0:
			return line(strings.Join(found, " "))
		}
	}
	return line(strings.Join(found, " "))
}
