package runbook

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"syscall"
	"time"

	"runbook/runbook/durable"
	"runbook/runbook/journal"
	"runbook/steps/safetext"
)

// request asks the driver of a run to let go of it. It lies in the run's inbox
// and is outside text: the driver takes it only from a process that lives.
type request struct {
	ID     string            `json:"id"`     // 16 hex
	From   durable.Process   `json:"from"`   // the driver that is asked: none after it is meant
	By     durable.Process   `json:"by"`     // who asks
	Claims map[string]string `json:"claims"` // what they believe of their person, unproved
	Asked  time.Time         `json:"asked"`
	journal.SignedHandOver
}

const (
	// inboxPace is how often a driver looks into its inbox.
	inboxPace = time.Second
	// maxRequest caps what is read of a request, in bytes.
	maxRequest = 32 << 10
	// maxClaims caps how many claims somebody has of themselves.
	maxClaims = 32
)

var requestName = regexp.MustCompile(`^take-over-[0-9a-f]{16}\.json$`)

func inbox(dir string) string { return filepath.Join(dir, "inbox") }

func (q request) path(dir string) string {
	return filepath.Join(inbox(dir), "take-over-"+q.ID+".json")
}

// publish puts the request where the driver of the run in dir finds it whole.
func (q *request) publish(dir string) error {
	var id [8]byte
	_, _ = rand.Read(id[:]) // never fails: it ends the process instead
	q.ID = hex.EncodeToString(id[:])
	data, err := json.Marshal(q)
	if err == nil {
		err = durable.MkdirAll(inbox(dir), 0o700)
	}
	if err == nil {
		err = durable.Publish(q.path(dir), append(data, '\n'), 0o600)
	}
	if err != nil {
		return fmt.Errorf("ask its driver: %w", err)
	}
	return nil
}

// withdraw takes the request back, if it is still there.
func (q *request) withdraw(dir string) { _ = os.Remove(q.path(dir)) }

// asked reads the inbox of the run in dir: the first request that is meant for
// this process and whose sender still waits. What nobody can answer any more
// goes.
func asked(dir string) (request, bool) {
	entries, err := os.ReadDir(inbox(dir))
	if err != nil {
		return request{}, false // none was ever sent
	}
	for _, e := range entries {
		if !requestName.MatchString(e.Name()) {
			continue
		}
		path := filepath.Join(inbox(dir), e.Name())
		q, err := readRequest(path)
		if err == nil && q.From == durable.Self() && q.By.Alive() && q.path(dir) == path {
			return q, true
		}
		_ = os.Remove(path) // another look is as good
	}
	return request{}, false
}

func readRequest(path string) (q request, err error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return q, err
	}
	defer func() { _ = f.Close() }() // read only: nothing to lose
	data, err := io.ReadAll(io.LimitReader(f, maxRequest))
	if err != nil {
		return q, err
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&q); err != nil {
		return q, err
	}
	if len(q.Claims) > maxClaims {
		return q, fmt.Errorf("%d claims, the limit is %d", len(q.Claims), maxClaims)
	}
	claims := make(map[string]string, len(q.Claims))
	for name, text := range q.Claims { // they stand in the log: what makes an entry too long would leave none
		claims[safetext.Sample(name)] = safetext.Sample(text)
	}
	q.Claims = claims
	return q, nil
}

// who is a person in a few words, as far as claims tell.
func who(claims map[string]string) string {
	text := claims["user"]
	if text == "" {
		text = "somebody"
	}
	if tty := claims["tty"]; tty != "" {
		text += " on " + tty
	}
	return text
}
