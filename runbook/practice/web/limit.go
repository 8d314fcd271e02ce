package web

import (
	"sync"
	"time"
)

// Limiter allows each client a number of requests in a fixed window.
type Limiter struct {
	mu     sync.Mutex
	max    int
	window time.Duration
	seen   map[string]*quota
}

type quota struct {
	began time.Time
	used  int
}

// NewLimiter makes one that has counted nothing.
func NewLimiter(limit int, window time.Duration) *Limiter {
	return &Limiter{max: limit, window: window, seen: map[string]*quota{}}
}

// Take counts one request: 0 if it may pass, else how long to wait.
func (l *Limiter) Take(client string) time.Duration {
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
