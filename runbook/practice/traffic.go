package practice

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
)

// copyOf is one of the two copies of the second application, blue and green:
// the ports of its parts.
type copyOf struct{ backend, frontend int }

// behind is the part that answers a request.
func (c *copyOf) behind(r *http.Request) string {
	if strings.HasPrefix(r.URL.Path, "/api/") {
		return loopback(c.backend)
	}
	return loopback(c.frontend)
}

// serving is the copy that users reach: switch-traffic.sh writes which.
func (s *server) serving() *copyOf {
	word, err := os.ReadFile(filepath.Join(s.dir, emailSite, "traffic"))
	if err == nil && strings.TrimSpace(string(word)) == "green" {
		return &s.mail.green
	}
	return &s.mail.blue
}
