package runbook

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/crypto/ssh"

	"runbook/runbook/book"
	"runbook/runbook/journal"
	"runbook/steps/safetext"
)

// attend answers what comes into the inbox, as long as this session drives.
func (s *Session) attend() {
	go s.takeInOthers()
	tick := time.NewTicker(inboxPace)
	defer tick.Stop()
	for {
		select {
		case <-s.driving.Done():
			return
		case <-tick.C:
			if q, ok := asked(s.run.Dir); ok {
				s.handOver(q)
			}
		}
	}
}

// handOver gives the run to somebody who asked for it, and reads along from
// then on. Nothing that runs is touched; a look that goes on is not recorded.
func (s *Session) handOver(q request) {
	s.starting.Lock() // a command whose intent is durable is started first
	defer s.starting.Unlock()
	s.writing.Lock()
	defer s.writing.Unlock()
	body := &handoverBody{To: who(q.Claims), Request: q.ID, Claims: q.Claims}
	if s.log != nil { // a timer writes none of it down
		s.accept(body, q.SignedHandOver)
	}
	body.set(false, s.vtime())
	e, err := s.write(context.Background(), journal.KindHandover, body)
	q.withdraw(s.run.Dir)
	s.mu.Lock()
	if err == nil { // a log that can't be written is no reason to keep the run from who asks
		_ = s.run.apply(s.book, e) // it was made here
	}
	f := newFollower(s.run.Dir, s.book, s.run.signers)
	f.run, f.driven, f.handed = s.snapshot(), true, time.Now()
	s.mu.Unlock()
	s.readAlong(f)
	_ = s.letGo() // what was acknowledged is durable; the lock goes in any case
	s.signal()
}

// freshFor is how old what somebody signed may be: time to read it, and to find
// the security key. Who finds an older one in the inbox has copied it.
const freshFor = 5 * time.Minute

// accept puts what the person signed who takes over into the entry that lets
// go. What does not hold, or what nobody here vouches for, is left out: it would
// make the log unverified for good, and the run is let go of in any case.
func (s *Session) accept(body *handoverBody, signed journal.SignedHandOver) {
	if signed == (journal.SignedHandOver{}) {
		return
	}
	h, key, err := s.log.CheckHandOver(signed)
	if err == nil && time.Since(h.Time).Abs() > freshFor {
		err = fmt.Errorf("it was signed for %s", h.Time.Format("2006-01-02 15:04:05Z"))
	}
	if err == nil {
		var name string
		if name, err = s.vouches(key); name != "" {
			body.To = safetext.Sample(name)
		}
	}
	if err != nil {
		body.Unsigned = safetext.Sample(err.Error())
		return
	}
	body.SignedHandOver = signed
}

// vouches says who may drive with key, as far as signers are given.
func (s *Session) vouches(key ssh.PublicKey) (string, error) {
	s.mu.Lock()
	given := s.keys.Signers
	s.mu.Unlock()
	if given == nil {
		return "", nil
	}
	signers, err := given()
	if err == nil {
		err = signers.Revoked(key)
	}
	if err != nil || !signers.Given() {
		return "", err
	}
	name, err := signers.Principal(key, journal.SessionNamespace(s.log.World()), time.Now())
	if err != nil {
		return "", fmt.Errorf("%s: %w", ssh.FingerprintSHA256(key), err)
	}
	return name, nil
}

// readAlong makes the session one that reads.
func (s *Session) readAlong(f *follower) {
	s.mu.Lock()
	s.follower = f
	s.mu.Unlock()
	s.drop()
	go f.follow(s.signal)
}

// foldHandover: the session of who drives now comes next.
func foldHandover(r *Run, _ *book.Book, e journal.Entry) error {
	body, err := decode[handoverBody](e)
	r.Operator, r.Terminal, r.Since = body.Claims["user"], body.Claims["tty"], e.Time
	return err
}
