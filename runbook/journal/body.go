package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// maxDepth caps how deep objects and arrays of a body nest.
const maxDepth = 64

// encodeBody turns what a caller appends into the one form of a body.
func encodeBody(body any) (json.RawMessage, error) {
	if body == nil {
		return json.RawMessage("{}"), nil
	}
	b, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	return canonical(b)
}

// canonical returns the JSON object in b with sorted keys, without white space
// and without HTML escapes. Floats are refused, since they have many forms:
// measured values are strings with a unit.
func canonical(b []byte) (json.RawMessage, error) {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	var v map[string]any
	if err := dec.Decode(&v); err != nil {
		return nil, fmt.Errorf("body: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("body: something follows the object")
	}
	if v == nil {
		return nil, errors.New("body: not an object")
	}
	if err := integersOnly(v, 1); err != nil {
		return nil, fmt.Errorf("body: %w", err)
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("body: %w", err)
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}

func integersOnly(v any, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("nests deeper than %d", maxDepth)
	}
	switch v := v.(type) {
	case json.Number:
		n, err := strconv.ParseInt(v.String(), 10, 64)
		if err != nil || strconv.FormatInt(n, 10) != v.String() {
			return fmt.Errorf("%s is not an integer of 64 bits: write it as a string with its unit", v)
		}
	case map[string]any:
		for key, inner := range v {
			if err := integersOnly(inner, depth+1); err != nil {
				return fmt.Errorf("%q: %w", key, err)
			}
		}
	case []any:
		for _, inner := range v {
			if err := integersOnly(inner, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}
