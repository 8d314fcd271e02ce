package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"

	"runbook/runbook/book"
)

const root = "../.."

func TestWrittenFilesAreNotStale(t *testing.T) {
	t.Parallel()
	files, err := generate(root)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what the code says now (%v): go run ./scripts/kinds", name, err)
		}
	}
}

// Every kind that a book may use is described, in a sentence at least.
func TestEveryKindIsDescribed(t *testing.T) {
	t.Parallel()
	files, err := generate(root)
	if err != nil {
		t.Fatal(err)
	}
	page := string(files["docs/kinds.md"])
	for name := range book.Kinds() {
		_, section, found := strings.Cut(page, "\n## "+name+"\n\n")
		section, _, _ = strings.Cut(section, "\n## ")
		if !found || len(section) < 60 || !strings.Contains(section, "```") {
			t.Errorf("%s is not described with an example:\n%s", name, section)
		}
	}
}

// What the schemas take is what is read: each file of ours, and none with a key
// that is not known or a value of another type.
func TestSchemasTakeWhatIsRead(t *testing.T) {
	t.Parallel()
	files, err := generate(root)
	if err != nil {
		t.Fatal(err)
	}
	for schema, pattern := range map[string]string{"docs/schema/book.json": "runbooks/*.toml", "docs/schema/target.json": "docs/targets/*.toml"} {
		var whole map[string]any
		if err := json.Unmarshal(files[schema], &whole); err != nil {
			t.Fatal(err)
		}
		paths, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil || len(paths) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, path := range paths {
			if wrong := against(t, whole, parsed(t, path, "", "")); len(wrong) > 0 {
				t.Errorf("%s: %s", path, strings.Join(wrong, "\n"))
			}
		}
	}
}

func TestSchemasRefuseWhatIsNotRead(t *testing.T) {
	t.Parallel()
	files, err := generate(root)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ schema, path, old, new, want string }{
		"a key of a check":  {"book", "runbooks/users-module.toml", "min_entropy_bits = 128", "min_entropy_bit = 128", "min_entropy_bit"},
		"a type":            {"book", "runbooks/users-module.toml", "critical = true", `critical = "yes"`, "critical"},
		"a kind":            {"book", "runbooks/users-module.toml", "check.env", "check.enf", "enf"},
		"a key of a target": {"target", "docs/targets/production.toml", "guard = true", "guarded = true", "guarded"},
		"a demand":          {"target", "docs/targets/production.toml", `match = 'CHG`, `mach = 'CHG`, "require"},
		"a secret":          {"target", "docs/targets/production.toml", "command = [", "comand = [", "comand"},
	} {
		var whole map[string]any
		if err := json.Unmarshal(files["docs/schema/"+test.schema+".json"], &whole); err != nil {
			t.Fatal(err)
		}
		wrong := against(t, whole, parsed(t, filepath.Join(root, test.path), test.old, test.new))
		if len(wrong) == 0 || !strings.Contains(strings.Join(wrong, "\n"), test.want) {
			t.Errorf("%s: %v, want one about %s", name, wrong, test.want)
		}
	}
}

func parsed(t *testing.T, path, old, replaced string) map[string]any {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var top map[string]any
	if err := toml.Unmarshal([]byte(strings.Replace(string(data), old, replaced, 1)), &top); err != nil {
		t.Fatal(err)
	}
	return top
}

// against holds a value against a schema, as far as ours go.
func against(t *testing.T, whole map[string]any, value any) []string {
	t.Helper()
	var hold func(schema map[string]any, value any, path string) []string
	hold = func(schema map[string]any, value any, path string) []string {
		if ref, ok := schema["$ref"].(string); ok {
			definitions := whole["definitions"].(map[string]any)
			return hold(definitions[strings.TrimPrefix(ref, "#/definitions/")].(map[string]any), value, path)
		}
		if choices, ok := schema["anyOf"].([]any); ok {
			for _, one := range choices {
				if len(hold(one.(map[string]any), value, path)) == 0 {
					return nil
				}
			}
			return []string{path + " is none of what it may be"}
		}
		var wrong []string
		switch kind := reflect.ValueOf(value); {
		case kind.Kind() == reflect.Map:
			table := value.(map[string]any)
			properties, _ := schema["properties"].(map[string]any)
			rest, open := schema["additionalProperties"].(map[string]any)
			for _, key := range slices.Sorted(maps.Keys(table)) {
				one, known := properties[key].(map[string]any)
				if !known && !open {
					wrong = append(wrong, path+"."+key+" is not known")
					continue
				}
				if !known {
					one = rest
				}
				wrong = append(wrong, hold(one, table[key], path+"."+key)...)
			}
			if most, ok := schema["maxProperties"].(float64); ok && len(table) > int(most) {
				wrong = append(wrong, path+" has too many keys")
			}
		case kind.Kind() == reflect.Slice:
			for i := range kind.Len() {
				items, _ := schema["items"].(map[string]any)
				wrong = append(wrong, hold(items, kind.Index(i).Interface(), fmt.Sprintf("%s[%d]", path, i))...)
			}
		}
		types := map[reflect.Kind]string{reflect.Map: "object", reflect.Slice: "array", reflect.String: "string", reflect.Bool: "boolean", reflect.Int64: "integer"}
		if want, ok := schema["type"].(string); ok && types[reflect.ValueOf(value).Kind()] != want {
			wrong = append(wrong, fmt.Sprintf("%s is no %s", path, want))
		}
		return wrong
	}
	return hold(whole, value, "")
}
