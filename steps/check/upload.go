package check

import (
	"bytes"
	"context"
	crand "crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"runbook/steps"
	"runbook/steps/reach"
)

// Upload is run.probe.upload: a file that is sent, fetched again, compared and
// deleted.
//
//	run.probe.upload = { url = "${base_url}/api/files", download = "${base_url}/api/files/{{id}}", size = "1MiB", max = "10s" }
//
//	url       where it is sent to: POST, multipart/form-data
//	field     of the form; default "file"
//	size      of random bytes; default "1MiB", at most 256MiB
//	status    allowed status codes of the answer; default [200, 201]
//	id        where the JSON answer tells the file's id; default "id"
//	download  where it is fetched from, with {{id}}
//	delete    where it is deleted; default download
//	headers   sent each time
//	before    requests made first, as steps of check.http, such as a login: what
//	          they capture may stand in headers
//	cleanup   requests that are always made at the end
//	bearer    a secret var of the book, sent each time as "Authorization: Bearer …"
//	max       the longest time of sending, and of fetching: "10s"
//	timeout   for each; default "60s"
//
// What comes back is held against what was sent by its SHA-256. The id goes only
// to the origin it came from.
//
// pass: the same bytes came back, in time. warn: they did, but they could not be
// deleted. fail: other bytes came back, an answer is not as wanted or has no
// id, it took too long, or the service refuses or is silent. unknown: nothing
// could be asked, or the secret can't be had.
type Upload struct {
	URL      string            `mapstructure:"url"`
	Field    string            `mapstructure:"field"`
	Size     string            `mapstructure:"size"`
	Status   []int             `mapstructure:"status"`
	ID       string            `mapstructure:"id"`
	Download string            `mapstructure:"download"`
	Delete   string            `mapstructure:"delete"`
	Headers  map[string]string `mapstructure:"headers"`
	Before   []Request         `mapstructure:"before"`
	Cleanup  []Request         `mapstructure:"cleanup"`
	Bearer   string            `mapstructure:"bearer"`
	Max      steps.Duration    `mapstructure:"max"`
	Timeout  steps.Duration    `mapstructure:"timeout"`
}

// maxUpload bounds one probe.
const maxUpload = 256 << 20

// Touches is true: a file is stored for a moment.
func (c *Upload) Touches() bool { return true }

// Plan is what is sent.
func (c *Upload) Plan() []string {
	around := (&HTTP{Steps: c.Before, Cleanup: c.Cleanup}).Plan()
	file := []string{"POST " + c.URL + " with a file of " + c.size(), "GET " + c.Download, "at its end DELETE " + c.remove().URL}
	return slices.Concat(around[:len(c.Before)], file, around[len(c.Before):])
}

// SecretVars are those of all requests.
func (c *Upload) SecretVars() []SecretVar {
	named := []SecretVar{{"bearer", c.Bearer}}
	for i, q := range c.Before {
		named = append(named, SecretVar{fmt.Sprintf("before[%d].bearer", i), q.Bearer})
	}
	for i, q := range c.Cleanup {
		named = append(named, SecretVar{fmt.Sprintf("cleanup[%d].bearer", i), q.Bearer})
	}
	return named
}

// Validate reports what is wrong with any of the requests, and a size that is
// none.
func (c *Upload) Validate() error {
	known := map[string]bool{"unique": true}
	for _, q := range slices.Concat(c.Before, []Request{c.send(), c.fetch(), c.remove()}, c.Cleanup) {
		if err := q.validate(known); err != nil {
			return fmt.Errorf("%s: %w", q.method(), err)
		}
		for name := range q.Capture {
			known[name] = true
		}
	}
	if !unfilled(c.Download) && !strings.Contains(c.Download, "{{id}}") {
		return errors.New("download: wants {{id}} in it")
	}
	if strings.Contains(c.URL, "{{id}}") {
		return errors.New("url: the id is known only after it")
	}
	if n, err := parseSize(c.size()); !unfilled(c.size()) && (err != nil || n < 1 || n > maxUpload) {
		return fmt.Errorf("size: %q is no size from 1 to 256MiB", outside(c.Size))
	}
	return nil
}

func (c *Upload) size() string {
	if c.Size == "" {
		return "1MiB"
	}
	return c.Size
}

func (c *Upload) request(method, url string, status ...int) Request {
	q := Request{URL: url, Method: method, Headers: c.Headers, Bearer: c.Bearer, Max: c.Max, Timeout: c.Timeout, Status: status}
	if q.Timeout == 0 {
		q.Timeout = steps.Duration(time.Minute)
	}
	return q
}

func (c *Upload) send() Request {
	q := c.request(http.MethodPost, c.URL, c.Status...)
	if len(q.Status) == 0 {
		q.Status = []int{http.StatusOK, http.StatusCreated}
	}
	q.Capture = map[string]string{"id": c.ID}
	if c.ID == "" {
		q.Capture["id"] = "id"
	}
	return q
}

func (c *Upload) fetch() Request { return c.request(http.MethodGet, c.Download, http.StatusOK) }

func (c *Upload) remove() Request {
	url := c.Delete
	if url == "" {
		url = c.Download
	}
	q := c.request(http.MethodDelete, url, http.StatusOK, http.StatusAccepted, http.StatusNoContent)
	q.Max = 0
	return q
}

// Do sends, fetches, compares and deletes.
func (c *Upload) Do(whole context.Context, w *steps.World) steps.Result {
	return measure(withoutSecrets(c.URL), func(r *steps.Result) {
		if err := c.Validate(); err != nil {
			r.Decide(steps.Unknown, "%v", err)
			return
		}
		size, err := parseSize(c.size())
		if err != nil {
			r.Decide(steps.Unknown, "size: %v", err)
			return
		}
		s := newSequence(w)
		defer s.transport.CloseIdleConnections()
		r.Decide(steps.Pass, "")
		for i, q := range c.Before {
			if s.do(whole, r, fmt.Sprintf("before %d %s ", i+1, q.method()), q); r.Verdict != steps.Pass {
				break
			}
		}
		if r.Verdict == steps.Pass {
			c.roundTrip(whole, s, r, size)
		}
		(&HTTP{Cleanup: c.Cleanup}).cleanUp(whole, r, s)
	})
}

func (c *Upload) roundTrip(whole context.Context, s *sequence, r *steps.Result, size int64) {
	sent := c.upload(whole, s, r, size)
	if r.Verdict == steps.Pass {
		c.download(whole, s, r, size, sent)
	}
	c.cleanUp(whole, s, r)
}

// upload sends random bytes and answers their digest.
func (c *Upload) upload(whole context.Context, s *sequence, r *steps.Result, size int64) (sent []byte) {
	q := c.send()
	request, err := s.fill(whole, q)
	if err != nil {
		r.Decide(steps.Unknown, "%v", err)
		return nil
	}
	// The same bytes twice, so that whatever reads them when is of no matter.
	var seed [32]byte
	_, _ = crand.Read(seed[:]) // it never fails
	sum := sha256.New()
	_, err = io.Copy(sum, noise(seed, size))
	if err = errors.Join(err, c.form(request, noise(seed, size), size)); err != nil {
		r.Decide(steps.Unknown, "%v", err)
		return nil
	}
	ctx, cancel := context.WithTimeout(whole, q.limit())
	defer cancel()
	s.touched = true
	got, err := s.send(request.WithContext(ctx), false)
	if err != nil {
		verdict, reason := reach.Fault(whole, q.limit(), err)
		r.Decide(verdict, "sending: %s", s.hide(reason))
		return nil
	}
	lost := s.capture(q, got)
	c.told(r, s, "upload", q, got, size)
	if lost != "" {
		r.Worsen(steps.Fail, "the answer has no %s to capture", lost)
	}
	return sum.Sum(nil)
}

// form makes a request send a form with one file.
func (c *Upload) form(request *http.Request, file io.Reader, size int64) error {
	var around bytes.Buffer
	form := multipart.NewWriter(&around)
	field := c.Field
	if field == "" {
		field = "file"
	}
	if _, err := form.CreateFormFile(field, "runbook-probe.bin"); err != nil {
		return err
	}
	head := slices.Clone(around.Bytes())
	if err := form.Close(); err != nil {
		return err
	}
	tail := around.Bytes()[len(head):]
	request.Body = io.NopCloser(io.MultiReader(bytes.NewReader(head), file, bytes.NewReader(tail)))
	request.ContentLength = int64(len(head)+len(tail)) + size
	request.Header.Set("Content-Type", form.FormDataContentType())
	return nil
}

// noise is what no server can have stored before, and no compression shortens.
func noise(seed [32]byte, size int64) io.Reader {
	return io.LimitReader(rand.NewChaCha8(seed), size)
}

// download fetches the file, and holds it against what was sent.
func (c *Upload) download(whole context.Context, s *sequence, r *steps.Result, size int64, sent []byte) {
	q := c.fetch()
	request, err := s.fill(whole, q)
	if err != nil {
		r.Decide(steps.Unknown, "%v", err)
		return
	}
	ctx, cancel := context.WithTimeout(whole, q.limit())
	defer cancel()
	sum := sha256.New()
	var length int64
	got, err := s.receive(request.WithContext(ctx), false, func(body io.Reader) (err error) {
		length, err = io.Copy(sum, io.LimitReader(body, size+1))
		return err
	})
	if err != nil {
		verdict, reason := reach.Fault(whole, q.limit(), err)
		r.Decide(verdict, "fetching: %s", s.hide(reason))
		return
	}
	c.told(r, s, "download", q, got, size)
	if got.status != http.StatusOK {
		return
	}
	same := bytes.Equal(sum.Sum(nil), sent)
	r.Saw("same bytes", yesNo(same), "yes", "")
	switch {
	case same:
	case length > size:
		r.Worsen(steps.Fail, "more than the %d bytes that were sent came back", size)
	case length < size:
		r.Worsen(steps.Fail, "%d of %d bytes came back", length, size)
	default:
		r.Worsen(steps.Fail, "other bytes came back than were sent")
	}
}

// told judges an answer, and tells how fast it was.
func (c *Upload) told(r *steps.Result, s *sequence, what string, q Request, got *answer, size int64) {
	s.judge(r, what+" ", q, got)
	if got.took > 0 {
		r.Saw(what+" rate", strconv.FormatFloat(float64(size)/got.took.Seconds()/1e6, 'f', 1, 64), "", "MB/s")
	}
}

// cleanUp deletes what was stored, even when the probe was interrupted.
func (c *Upload) cleanUp(whole context.Context, s *sequence, r *steps.Result) {
	q := c.remove()
	if !s.touched {
		return
	}
	if s.missing(q) != "" {
		r.Saw("deleted", "no", "yes", "")
		return
	}
	var one steps.Result
	one.Decide(steps.Pass, "")
	s.do(context.WithoutCancel(whole), &one, "", q)
	r.Saw("deleted", yesNo(one.Verdict == steps.Pass), "yes", "")
	if one.Verdict != steps.Pass {
		r.Worsen(steps.Warn, "the file could not be deleted: %s", one.Reason)
	}
}
