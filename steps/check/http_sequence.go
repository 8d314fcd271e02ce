package check

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"runbook/steps"
	"runbook/steps/reach"
)

// sequence is one execution of check.http: what it captured, where from, which
// secrets it sent, and whether it sent anything that touches.
type sequence struct {
	world     *steps.World
	transport *http.Transport
	values    map[string]string
	origins   map[string]string // of each value; none for {{unique}}, which is ours
	secrets   []steps.Secret
	touched   bool
}

func newSequence(w *steps.World) *sequence {
	unique := strings.ToLower(rand.Text())[:16]
	return &sequence{world: w, transport: transport(w), values: map[string]string{"unique": unique}, origins: map[string]string{}}
}

// missing is the first name that a request uses and nothing captured.
func (s *sequence) missing(q Request) string {
	for _, name := range q.placeholders() {
		if _, ok := s.values[name]; !ok {
			return name
		}
	}
	return ""
}

// answer is what a request got: the body is at most 1 MiB of it.
type answer struct {
	status int
	header http.Header
	body   []byte
	more   bool // the body was longer
	took   time.Duration
	from   *url.URL
}

// do makes one request and holds its answer against what is wanted.
func (s *sequence) do(whole context.Context, r *steps.Result, label string, q Request) {
	request, err := s.fill(whole, q)
	if err != nil {
		r.Worsen(steps.Unknown, "%s%v", label, err)
		return
	}
	ctx, cancel := context.WithTimeout(whole, q.limit())
	defer cancel()
	s.touched = s.touched || q.touches()
	got, err := s.send(request.WithContext(ctx), q.Follow)
	if err != nil {
		verdict, reason := reach.Fault(whole, q.limit(), err)
		r.Saw(label+"answer", s.hide(reason), "", "")
		r.Worsen(verdict, "%s%s", label, s.hide(reason))
		return
	}
	// First captured, then judged: evidence must hide what was captured here.
	lost := s.capture(q, got)
	s.judge(r, label, q, got)
	if lost != "" && r.Verdict == steps.Pass {
		r.Decide(steps.Fail, "%sthe answer has no %s to capture", label, lost)
	}
}

// fill puts values in the place of {{name}}: escaped for where they stand, and
// only towards the origin they came from.
func (s *sequence) fill(ctx context.Context, q Request) (*http.Request, error) {
	if name := s.missing(q); name != "" {
		return nil, fmt.Errorf("{{%s}} was not captured", name)
	}
	replace := func(text string, escape func(string) string) string {
		return placeholder().ReplaceAllStringFunc(text, func(hit string) string { return escape(s.values[strings.Trim(hit, "{}")]) })
	}
	inURL := func(v string) string { return strings.ReplaceAll(url.QueryEscape(v), "+", "%20") }
	inBody := func(v string) string { return v }
	if trimmed := strings.TrimSpace(q.Body); strings.HasPrefix(trimmed, "{") || strings.HasPrefix(trimmed, "[") {
		inBody = inJSON
	}
	u, err := url.Parse(replace(q.URL, inURL))
	if err != nil || u.Host == "" {
		return nil, errors.New("the url cannot be read")
	}
	for _, name := range q.placeholders() {
		if home := s.origins[name]; home != "" && home != origin(u) {
			return nil, fmt.Errorf("{{%s}} came from %s and may not go to %s", name, home, outside(origin(u)))
		}
	}
	request := &http.Request{Method: q.method(), URL: u, Host: u.Host, Header: http.Header{"User-Agent": {"runbook"}}}
	if q.Body != "" {
		body := replace(q.Body, inBody)
		request.Body, request.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
		request.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(body)), nil }
	}
	for name, value := range q.Headers {
		if strings.EqualFold(name, "Host") {
			request.Host = replace(value, inBody)
			continue
		}
		request.Header.Set(name, replace(value, func(v string) string { return v }))
	}
	return request, s.sign(ctx, q, request)
}

// sign adds the secret that a request is allowed to carry.
func (s *sequence) sign(ctx context.Context, q Request, request *http.Request) error {
	if q.Bearer == "" {
		return nil
	}
	token, err := secretVar(ctx, s.world, q.Bearer)
	if err != nil {
		return err
	}
	s.secrets = append(s.secrets, token)
	request.Header.Set("Authorization", "Bearer "+token.Reveal())
	return nil
}

// inJSON is a value as it stands between the quotes of a JSON string.
func inJSON(value string) string {
	quoted, err := json.Marshal(value)
	if err != nil { // no string fails to marshal
		return ""
	}
	return string(quoted[1 : len(quoted)-1])
}

// ask makes one request, and answers nil after setting the result if nothing
// came of it.
func (s *sequence) ask(whole context.Context, r *steps.Result, q Request) *answer {
	request, err := s.fill(whole, q)
	if err != nil {
		r.Decide(steps.Unknown, "%v", err)
		return nil
	}
	ctx, cancel := context.WithTimeout(whole, q.limit())
	defer cancel()
	got, err := s.send(request.WithContext(ctx), q.Follow)
	if err != nil {
		verdict, reason := reach.Fault(whole, q.limit(), err)
		r.Decide(verdict, "%s", s.hide(reason))
		return nil
	}
	return got
}

// maxRedirects bounds a chain of redirects.
const maxRedirects = 10

// send makes a request and reads its answer's body, at most 1 MiB of it.
func (s *sequence) send(request *http.Request, follow bool) (*answer, error) {
	var body []byte
	got, err := s.receive(request, follow, func(from io.Reader) (err error) {
		body, err = io.ReadAll(io.LimitReader(from, maxBody+1))
		return err
	})
	if err != nil {
		return nil, err
	}
	got.more = len(body) > maxBody
	got.body = body[:min(len(body), maxBody)]
	return got, nil
}

// receive makes a request, and lets read have the body.
func (s *sequence) receive(request *http.Request, follow bool, read func(io.Reader) error) (*answer, error) {
	client := &http.Client{Transport: s.transport, CheckRedirect: func(next *http.Request, via []*http.Request) error {
		// Elsewhere the redirect itself is the answer: a 307 would carry the
		// body and the headers along.
		if !follow || len(via) > maxRedirects || origin(next.URL) != origin(via[0].URL) {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	began := time.Now()
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }() // only read from
	if err := read(response.Body); err != nil {
		return nil, err
	}
	return &answer{status: response.StatusCode, header: response.Header, took: time.Since(began), from: request.URL}, nil
}

// capture keeps values for later and returns the path of the first that was
// not there.
func (s *sequence) capture(q Request, got *answer) (lost string) {
	if len(q.Capture) == 0 {
		return ""
	}
	document, err := readJSON(got)
	for _, name := range sortedKeys(q.Capture) {
		value, ok := thing(document, q.Capture[name])
		text := jsonText(value)
		if err != nil || !ok || text == "" {
			if lost == "" {
				lost = q.Capture[name]
			}
			continue
		}
		s.values[name], s.origins[name] = text, origin(got.from)
	}
	return lost
}

// hide makes outside text harmless and takes out every captured value and
// every secret that was sent.
func (s *sequence) hide(text string) string {
	captured := slices.Clone(s.secrets)
	for name := range s.origins {
		captured = append(captured, steps.NewSecret(s.values[name]))
	}
	return outside(redact(text, captured))
}
