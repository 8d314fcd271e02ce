package book

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"time"

	"github.com/go-viper/mapstructure/v2"

	"runbook/steps"
)

// decode fills a struct from the table at path: exact names, no weak types,
// every key used. It notes what does not fit and reports whether all did.
func (r *reader) decode(path string, table map[string]any, into any) bool {
	found := len(r.problems)
	var meta mapstructure.Metadata
	err := strictly(path, table, into, &meta)
	wrong := flatten(err)
	if len(wrong) > 0 {
		meta = unusedBeside(path, table, into, wrong)
	}
	for _, unused := range meta.Unused {
		where := normal(unused)
		if key := strings.TrimPrefix(strings.TrimPrefix(unused, path), "."); table[key] != nil {
			where = join(path, key) // a key with a dot in it
		}
		r.unknown(where, meta)
	}
	for _, one := range wrong {
		r.mismatch(path, one)
	}
	return len(r.problems) == found
}

// unusedBeside looks for unknown keys in a table that holds wrong values too:
// there mapstructure tells only of those.
func unusedBeside(path string, table map[string]any, into any, wrong []error) mapstructure.Metadata {
	rest := maps.Clone(table)
	for _, err := range wrong {
		var one *mapstructure.DecodeError
		if errors.As(err, &one) {
			if parts := splitPath(strings.TrimPrefix(one.Name(), path)); len(parts) > 0 {
				delete(rest, parts[0])
			}
		}
	}
	var meta mapstructure.Metadata
	if err := strictly(path, rest, reflect.New(reflect.TypeOf(into).Elem()).Interface(), &meta); err != nil {
		return mapstructure.Metadata{}
	}
	return meta
}

func strictly(path string, table map[string]any, into any, meta *mapstructure.Metadata) error {
	decoder, err := mapstructure.NewDecoder(&mapstructure.DecoderConfig{
		Result: into, Metadata: meta, RootName: path, IgnoreUntaggedFields: true,
		MatchName:  func(key, field string) bool { return key == field },
		DecodeHook: mapstructure.ComposeDecodeHookFunc(strictTypes, mapstructure.TextUnmarshallerHookFunc()),
	})
	if err != nil {
		return err
	}
	return decoder.Decode(table)
}

// strictTypes refuses what mapstructure would bend: 3.7 for an integer, and a
// bare number for a duration. It reads days.
func strictTypes(from, to reflect.Type, value any) (any, error) {
	if to == reflect.TypeFor[steps.Duration]() && from.Kind() != reflect.String {
		return nil, fmt.Errorf("wants a duration in quotes, such as \"15m\", not %s", tomlType(value))
	}
	if to == reflect.TypeFor[Date]() {
		return dateOf(value)
	}
	switch to.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if n, ok := value.(int64); from.Kind() == reflect.Float64 || ok && reflect.Zero(to).OverflowInt(n) {
			return nil, fmt.Errorf("wants an integer that fits, not %v", value)
		}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		if n, ok := value.(int64); from.Kind() == reflect.Float64 || ok && (n < 0 || reflect.Zero(to).OverflowUint(uint64(n))) {
			return nil, fmt.Errorf("wants an integer that fits, not %v", value)
		}
	default:
	}
	return value, nil
}

// flatten lists the decode errors of a joined error.
func flatten(err error) []error {
	var one *mapstructure.DecodeError
	var many interface{ Unwrap() []error }
	switch {
	case err == nil:
		return nil
	case errors.As(err, &many):
		var all []error
		for _, e := range many.Unwrap() {
			all = append(all, flatten(e)...)
		}
		return all
	case errors.As(err, &one) && one.Unwrap() != nil:
		if inner := flatten(one.Unwrap()); len(inner) > 0 && errors.As(inner[0], new(*mapstructure.DecodeError)) {
			return inner
		}
		return []error{one}
	}
	return []error{err}
}

// mismatch notes one decode error in the words of TOML.
func (r *reader) mismatch(path string, err error) {
	var one *mapstructure.DecodeError
	if !errors.As(err, &one) {
		r.at(path, "%v", err)
		return
	}
	where := normal(one.Name())
	text := one.Unwrap().Error()
	var kind *mapstructure.UnconvertibleTypeError
	wanted, found, shape := strings.Cut(text, ", got ")
	switch {
	case errors.As(err, &kind):
		r.at(where, "%s wants %s, not %s", short(where), goType(kind.Expected.Type()), tomlType(kind.Value))
	case shape && strings.Contains(wanted, "map"):
		r.at(where, "%s wants a table, not %s", short(where), article(found))
	case shape:
		r.at(where, "%s wants a list, not %s", short(where), article(found))
	default:
		r.at(where, "%s: %s", short(where), text)
	}
}

// article names the kind of Go value that mapstructure found.
func article(found string) string {
	word := strings.Trim(found, "'\" ")
	for prefix, name := range map[string]string{
		"string": "a string", "int": "an integer", "float": "a float", "bool": "a boolean", "map": "a table", "struct": "a date",
	} {
		if strings.HasPrefix(word, prefix) {
			return name
		}
	}
	return "a list"
}

// unknown notes a key that no field takes, with the nearest that one would.
func (r *reader) unknown(path string, meta mapstructure.Metadata) {
	parent, key := cutLast(path)
	var known []string
	for _, all := range [][]string{meta.Unset, meta.Keys} {
		for _, name := range all {
			if p, k := cutLast(normal(name)); p == parent && k != "" {
				known = append(known, k)
			}
		}
	}
	r.at(path, "unknown key %s%s", key, nearest(key, known))
}

// normal writes mapstructure's map elements, name[key], as name.key.
func normal(name string) string {
	path := ""
	for _, part := range splitPath(name) {
		inner := strings.Trim(part, "[]")
		if part[0] == '[' && inner != "" && strings.Trim(inner, "0123456789") == "" {
			path += part
			continue
		}
		path = join(path, strings.Trim(inner, `"`))
	}
	return path
}

// cutLast splits a path before its last key; an index stays with its list.
func cutLast(path string) (parent, key string) {
	parts := splitPath(path)
	for i := len(parts) - 1; i >= 0; i-- {
		key = parts[i] + key
		if parts[i][0] != '[' {
			break
		}
	}
	return strings.TrimSuffix(strings.TrimSuffix(path, key), "."), strings.Trim(key, `"`)
}

// short is the last key of a path, with its index.
func short(path string) string {
	_, key := cutLast(path)
	return key
}

func goType(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Map, reflect.Struct:
		return "a table"
	default:
		return "an integer"
	}
}

func tomlType(value any) string {
	switch value.(type) {
	case string:
		return "a string"
	case int64:
		return "an integer"
	case float64:
		return "a float"
	case bool:
		return "a boolean"
	case time.Time:
		return "a date"
	case map[string]any:
		return "a table"
	default:
		return "a list"
	}
}
