package practice

import (
	"context"
	"net/http"
	"os"
	"path/filepath"

	"runbook/runbook/practice/edge"
)

// openFront opens what stands before the first application, whichever release
// of it runs, and writes its target.
func (s *server) openFront(ctx context.Context) error {
	var err error
	s.front, err = s.openEdge(ctx, func(*http.Request) string { return loopback(s.ports.service) })
	if err != nil {
		return err
	}
	if err := s.writeCertificate(tickrSite); err != nil {
		return err
	}
	return s.tickrTarget()
}

// openEdge opens a pair of ports that breaks as the world's faults say.
func (s *server) openEdge(ctx context.Context, backend func(*http.Request) string) (*edge.Front, error) {
	front, err := edge.Open(ctx, edge.Config{
		Certificate: s.certificate, Backend: backend, Plain: func() bool { return s.broken("redirect") },
	})
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opened = append(s.opened, front.HTTPS, front.HTTP)
	return front, nil
}

// writeCertificate puts the certificate that is served, and its key, where an
// application's server would read them.
func (s *server) writeCertificate(site string) error {
	if err := os.MkdirAll(filepath.Join(s.dir, site, "certs"), 0o700); err != nil {
		return err
	}
	if err := s.write(filepath.Join(site, "certs", "fullchain.pem"), string(s.cert)); err != nil {
		return err
	}
	return s.write(filepath.Join(site, "certs", "privkey.pem"), string(s.key))
}
