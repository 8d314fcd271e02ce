package neighbours

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Street is where the neighbours that speak HTTP live, each under a path of its
// own.
type Street struct {
	Addr   string
	mux    *http.ServeMux
	server *http.Server
}

// OpenStreet listens on a free port of 127.0.0.1.
func OpenStreet(ctx context.Context) (*Street, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("open the neighbours' port: %w", err)
	}
	s := &Street{Addr: l.Addr().String(), mux: http.NewServeMux()}
	s.server = &http.Server{Handler: s.mux, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = s.server.Serve(l) }() // ends with ErrServerClosed
	return s, nil
}

// Live puts a neighbour under a path, and returns its address.
func (s *Street) Live(path string, h http.Handler) string {
	s.mux.Handle(path+"/", http.StripPrefix(path, h))
	return "http://" + s.Addr + path
}

// Close ends all of them at once.
func (s *Street) Close() { _ = s.server.Close() }

// answer writes JSON.
func answer(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body) // a client that left is nobody's error
}

// Knows passes on who carries the token, and refuses others with 401; the open
// paths are for everybody.
func Knows(token string, next http.Handler, open ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if slices.Contains(open, r.URL.Path) {
			next.ServeHTTP(w, r)
			return
		}
		given := r.Header.Get("Authorization")
		_, word, _ := strings.Cut(given, " ") // Bearer or token
		if subtle.ConstantTimeCompare([]byte(word), []byte(token)) != 1 {
			answer(w, http.StatusUnauthorized, map[string]string{"message": "Bad credentials"})
			return
		}
		next.ServeHTTP(w, r)
	})
}
