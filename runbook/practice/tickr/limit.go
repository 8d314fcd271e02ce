package tickr

import (
	"sync"
	"time"
)

// limiter allows each client a number of requests in a fixed window.
type limiter struct {
	mu     sync.Mutex
	max    int
	window time.Duration
	seen   map[string]*quota
}

type quota struct {
	began time.Time
	used  int
}

func newLimiter(limit int, window time.Duration) *limiter {
	return &limiter{max: limit, window: window, seen: map[string]*quota{}}
}

// take counts one request: 0 if it may pass, else how long to wait.
func (l *limiter) take(client string) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	for name, q := range l.seen {
		if now.Sub(q.began) >= l.window {
			delete(l.seen, name)
		}
	}
	q := l.seen[client]
	if q == nil {
		q = &quota{began: now}
		l.seen[client] = q
	}
	q.used++
	if q.used <= l.max {
		return 0
	}
	return q.began.Add(l.window).Sub(now)
}
