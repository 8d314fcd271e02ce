package check

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"
)

func (q *Request) method() string {
	if q.Method == "" {
		return http.MethodGet
	}
	return q.Method
}

func (q *Request) touches() bool {
	switch q.method() {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return false
	}
	return true
}

func (q *Request) limit() time.Duration {
	if q.Timeout == 0 {
		return 10 * time.Second
	}
	return q.Timeout.D()
}

func (q *Request) statuses() []int {
	if len(q.Status) == 0 {
		return []int{http.StatusOK}
	}
	return q.Status
}

// validate reports the first field that is wrong; known are the names that
// {{name}} may use.
func (q *Request) validate(known map[string]bool) error {
	if err := validURL(q.URL); err != nil {
		return err
	}
	if m := q.method(); !unfilled(m) && (!token().MatchString(m) || m != strings.ToUpper(m)) {
		return fmt.Errorf("method: %q is not a method in capitals", m)
	}
	for _, status := range q.Status {
		if status < 100 || status > 599 {
			return fmt.Errorf("status: %d is not a status code", status)
		}
	}
	for name := range q.Headers {
		if !token().MatchString(name) {
			return fmt.Errorf("headers: %q is not a header's name", name)
		}
	}
	if q.Bearer != "" {
		for name := range q.Headers {
			if strings.EqualFold(name, "Authorization") {
				return errors.New("bearer and headers.Authorization: want at most one of them")
			}
		}
	}
	for name, pattern := range q.Header {
		if err := validPattern("header."+name, pattern); err != nil {
			return err
		}
	}
	for name, path := range q.Capture {
		if !captureName().MatchString(name) || name == "unique" || path == "" {
			return fmt.Errorf("capture: %q: want a name of letters, digits and _, and a path", name)
		}
	}
	for _, name := range q.placeholders() {
		if !known[name] {
			return fmt.Errorf("{{%s}} is captured by no earlier request", name)
		}
	}
	if err := validPattern("not_match", q.NotMatch); err != nil {
		return err
	}
	return validPattern("match", q.Match)
}

// validURL refuses what is not http, and credentials: a URL is shown and
// logged. A URL that still holds ${name} is judged when it is filled in.
func validURL(raw string) error {
	if raw == "" {
		return errors.New("url: missing")
	}
	if unfilled(raw) {
		return nil
	}
	u, err := url.Parse(placeholder().ReplaceAllString(raw, "x"))
	switch {
	case err != nil:
		return errors.New("url: cannot be read")
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return errors.New("url: want http://HOST or https://HOST")
	case u.User != nil:
		return errors.New("url: credentials do not belong in a url")
	}
	return nil
}

var (
	placeholder = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`\{\{([A-Za-z0-9_]+)\}\}`)
	})
	// token is what a method and a header's name are made of.
	token = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")
	})
	captureName = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^[A-Za-z0-9_]{1,64}$`)
	})
)

// placeholders are the names that a request uses.
func (q *Request) placeholders() []string {
	texts := []string{q.URL, q.Body}
	for _, name := range sortedKeys(q.Headers) {
		texts = append(texts, q.Headers[name])
	}
	var names []string
	for _, found := range placeholder().FindAllStringSubmatch(strings.Join(texts, "\n"), -1) {
		names = append(names, found[1])
	}
	return names
}

// withoutSecrets is a URL that may be shown: no credentials, no query, no
// fragment. {{name}} stays as it was written.
func withoutSecrets(raw string) string {
	bare, query, _ := strings.Cut(raw, "?")
	bare, _, _ = strings.Cut(bare, "#")
	if scheme, rest, ok := strings.Cut(bare, "://"); ok {
		authority, path, slash := strings.Cut(rest, "/")
		authority = authority[strings.LastIndex(authority, "@")+1:]
		if bare = scheme + "://" + authority; slash {
			bare += "/" + path
		}
	}
	if query != "" {
		bare += "?…"
	}
	return outside(bare)
}

// origin is scheme, host and port, the limit that captured values keep to.
func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[strings.ToLower(u.Scheme)]
	}
	return strings.ToLower(u.Scheme) + "://" + strings.ToLower(u.Hostname()) + ":" + port
}
