package book

import (
	"encoding"
	"reflect"
	"strings"

	"runbook/steps/check"
)

// object is a part of a JSON schema.
type object = map[string]any

// schemas makes JSON schemas of the types that books and targets are read into,
// so that an editor knows what is read, and nothing else.
type schemas struct {
	describe func(t reflect.Type, field string) string
}

// Schemas are the JSON schemas (draft 7) of a book and of a target, for editors.
// Describe answers what is said of a field of a type, by its Go name.
func Schemas(describe func(t reflect.Type, field string) string) (ofBook, ofTarget map[string]any) {
	s := schemas{describe}
	shared := object{}
	step := s.step(shared)
	ofBook = s.table(tables{}, object{
		"vars":      object{"type": "object", "additionalProperties": s.of(reflect.TypeFor[Var]())},
		"phase":     arrayOf(s.table(phaseTable{}, object{"step": arrayOf(step)}, "id")),
		"plan":      arrayOf(s.table(planTable{}, object{"step": arrayOf(step)}, "id")),
		"hint":      arrayOf(s.of(reflect.TypeFor[Hint]())),
		"contact":   arrayOf(s.of(reflect.TypeFor[Contact]())),
		"objective": arrayOf(s.of(reflect.TypeFor[Objective]())),
		"backup":    arrayOf(s.of(reflect.TypeFor[Backup]())),
		"signoff":   arrayOf(s.of(reflect.TypeFor[Signoff]())),
	}, "schema", "name")
	ofBook["definitions"] = shared
	ofTarget = s.table(Target{}, object{
		"extends": object{"type": "string", "description": "the target file beside this one that holds what is not said here, without its .toml"},
	})
	for title, one := range map[string]object{"a book of runbook": ofBook, "a target of runbook": ofTarget} {
		one["$schema"], one["title"] = "http://json-schema.org/draft-07/schema#", title
	}
	return ofBook, ofTarget
}

func arrayOf(of any) object { return object{"type": "array", "items": of} }

// step is one with exactly one of the verbs. What is named in several places is
// put into shared.
func (s schemas) step(shared object) object {
	looks, probes := object{}, object{}
	for name, fresh := range check.Kinds {
		c := fresh()
		shared[name] = s.of(reflect.TypeOf(c).Elem())
		probes[name] = object{"$ref": "#/definitions/" + name}
		if !c.Touches() {
			looks[name] = probes[name]
		}
	}
	verbs := map[string]object{"ask": {}, "tell": {}, "run": {"probe": oneOf(probes)}}
	for name, empty := range Kinds() {
		verb, kind, _ := strings.Cut(name, ".")
		if into, ok := verbs[verb]; ok && !strings.Contains(kind, ".") {
			into[kind] = s.of(reflect.TypeOf(empty).Elem())
		}
	}
	name := object{"type": "string"}
	shared["step"] = s.table(stepTable{}, object{
		"on":    object{"anyOf": []any{name, arrayOf(name)}, "description": s.describe(reflect.TypeFor[stepTable](), "On")},
		"check": oneOf(looks),
		"run":   oneOf(verbs["run"]),
		"ask":   oneOf(verbs["ask"]),
		"tell":  oneOf(verbs["tell"]),
		"watch": s.table(watchTable{}, object{"check": oneOf(looks)}, "every", "for", "check"),
	}, "id")
	return object{"$ref": "#/definitions/step"}
}

// oneOf is a table with exactly one of these keys.
func oneOf(keys object) object {
	return object{"type": "object", "properties": keys, "additionalProperties": false, "minProperties": 1, "maxProperties": 1}
}

// table is that of a struct; what reflection can't know of a key is given.
func (s schemas) table(of any, given object, required ...string) object {
	table := s.of(reflect.TypeOf(of))
	properties, _ := table["properties"].(object)
	for key, value := range given {
		properties[key] = value
	}
	if len(required) > 0 {
		table["required"] = required
	}
	return table
}

func (s schemas) of(t reflect.Type) object {
	switch {
	case t == reflect.TypeFor[Date]():
		return object{} // a date of TOML, or the same in quotes
	case t.Kind() == reflect.Struct && reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()):
		return object{"anyOf": []any{object{"type": "string"}, s.object(t)}}
	case reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()):
		return object{"type": "string"}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return s.of(t.Elem())
	case reflect.Struct:
		return s.object(t)
	case reflect.Slice:
		return arrayOf(s.of(t.Elem()))
	case reflect.Map:
		return object{"type": "object", "additionalProperties": s.of(t.Elem())}
	case reflect.String:
		return object{"type": "string"}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Float32, reflect.Float64:
		return object{"type": "number"}
	case reflect.Interface:
		return object{}
	default:
		return object{"type": "integer"}
	}
}

func (s schemas) object(t reflect.Type) object {
	properties := object{}
	s.fields(t, properties)
	return object{"type": "object", "properties": properties, "additionalProperties": false}
}

// fields adds the keys of a struct, and those of the structs it is made of.
func (s schemas) fields(t reflect.Type, properties object) {
	for i := range t.NumField() {
		field := t.Field(i)
		tag, options, _ := strings.Cut(field.Tag.Get("mapstructure"), ",")
		switch {
		case options == "squash":
			s.fields(field.Type, properties)
		case tag != "" && tag != "-":
			one := s.of(field.Type)
			if text := s.describe(t, field.Name); text != "" {
				one["description"] = text
			}
			properties[tag] = one
		}
	}
}
