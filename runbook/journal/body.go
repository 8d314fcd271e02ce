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

// decodeBody reads the body of an entry of a kind that only the journal writes:
// these keys, in the one form, and no others.
func decodeBody[T any](e *Entry) (body T, err error) {
	if err := json.Unmarshal(e.Body, &body); err != nil {
		return body, fmt.Errorf("%s: %w", e.Kind, err)
	}
	if again, err := encodeBody(body); err != nil || !bytes.Equal(again, e.Body) {
		return body, fmt.Errorf("%s: other keys than these", e.Kind)
	}
	return body, nil
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
