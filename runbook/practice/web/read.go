package web

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
)

// Read takes a JSON object of at most 64 KiB whose fields have the types of
// into: 413 if it is longer, 400 if it is no such object.
func Read(w http.ResponseWriter, r *http.Request, into any) bool {
	whole := r.Body
	err := json.NewDecoder(http.MaxBytesReader(w, whole, 1<<16)).Decode(into)
	var tooLong *http.MaxBytesError
	if errors.As(err, &tooLong) {
		_, _ = io.Copy(io.Discard, io.LimitReader(whole, 16<<20)) // who still sends would not hear the answer
		Refuse(w, http.StatusRequestEntityTooLarge, "body is over 64 KiB")
		return false
	}
	if err != nil {
		Refuse(w, http.StatusBadRequest, []string{"body must be a JSON object with the fields of this endpoint"})
		return false
	}
	return true
}

// Origins reads a comma separated list.
func Origins(list string) (origins []string) {
	for origin := range strings.SplitSeq(list, ",") {
		if origin = strings.TrimSpace(origin); origin != "" {
			origins = append(origins, origin)
		}
	}
	return origins
}
