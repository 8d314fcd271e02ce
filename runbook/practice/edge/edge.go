// Package edge is what stands before a service of the practice world: it ends
// TLS, sends those who come without it to the right address, and passes
// requests on.
package edge

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"time"
)

// Front is one open pair of ports of 127.0.0.1.
type Front struct {
	HTTPS, HTTP string // addresses
	servers     []*http.Server
}

// Config says what a front serves.
type Config struct {
	Certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)
	Plain       func() bool                  // reports that TLS is broken on purpose: what comes over HTTP is served there
	Backend     func(r *http.Request) string // address of the service for a request
}

// Open listens on two free ports until Close.
func Open(ctx context.Context, cfg Config) (*Front, error) {
	secure, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("open the front: %w", err)
	}
	plain, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the front: %w", err), secure.Close())
	}
	f := &Front{HTTPS: secure.Addr().String(), HTTP: plain.Addr().String()}
	pass := passOn(cfg.Backend)
	f.serve(tls.NewListener(secure, &tls.Config{GetCertificate: cfg.Certificate, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}), pass)
	f.serve(plain, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if cfg.Plain() {
			pass.ServeHTTP(w, r)
			return
		}
		_, port, _ := net.SplitHostPort(f.HTTPS)                                                        // written by us
		http.Redirect(w, r, "https://localhost:"+port+r.URL.RequestURI(), http.StatusPermanentRedirect) // #nosec G710 -- to ourselves
	}))
	return f, nil
}

func (f *Front) serve(l net.Listener, h http.Handler) {
	s := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0)} // who speaks no TLS is nobody's error
	f.servers = append(f.servers, s)
	go func() { _ = s.Serve(l) }() // ends with ErrServerClosed
}

// Close ends both ports at once.
func (f *Front) Close() {
	for _, s := range f.servers {
		_ = s.Close() // nobody waits for what is open
	}
}

// passOn hands a request to its backend on a connection of its own, as the
// backend may be another after the next deployment.
func passOn(backend func(*http.Request) string) http.Handler {
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: backend(r.In)})
			r.Out.Host = r.In.Host
		},
		Transport: &http.Transport{DisableKeepAlives: true, ResponseHeaderTimeout: time.Minute},
		ErrorLog:  log.New(io.Discard, "", 0),
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) {
			http.Error(w, "502 Bad Gateway: the service does not answer", http.StatusBadGateway)
		},
	}
}
