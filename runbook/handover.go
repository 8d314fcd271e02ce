package runbook

import (
	"context"
	"time"
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
	body.set(false, s.vtime())
	e, err := s.write(context.Background(), kindHandover, body)
	q.withdraw(s.run.Dir)
	s.mu.Lock()
	if err == nil { // a log that can't be written is no reason to keep the run from who asks
		_ = s.run.apply(s.book, e) // it was made here
	}
	f := newFollower(s.run.Dir, s.book)
	f.run, f.driven, f.handed = s.snapshot(), true, time.Now()
	s.mu.Unlock()
	s.readAlong(f)
	_ = s.letGo() // what was acknowledged is durable; the lock goes in any case
	s.signal()
}

// readAlong makes the session one that reads.
func (s *Session) readAlong(f *follower) {
	s.mu.Lock()
	s.follower = f
	s.mu.Unlock()
	s.drop()
	go f.follow(s.signal)
}
