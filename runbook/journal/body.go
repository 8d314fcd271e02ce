package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

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

// canonical returns the JSON object in b in the one form of a body.
func canonical(b []byte) (json.RawMessage, error) {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, fmt.Errorf("body: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("body: something follows the object")
	}
	out, err := encode(v)
	if err == nil {
		err = checkBody(out)
	}
	if err != nil {
		return nil, fmt.Errorf("body: %w", err)
	}
	return out, nil
}

// encode writes keys in order, and no white space and no HTML escapes.
func encode(v any) ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), err
}
