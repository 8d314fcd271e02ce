package practice

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// visits is how many users come by while the clock is moved forward: enough to
// judge a database's answers by.
const visits = 30

// jump moves the clock forward to t, and has users come by on the way.
func (s *server) jump(ctx context.Context, t time.Time) error {
	if s.pg != nil {
		s.visit(ctx, tickrSite, s.secrets.App)
		s.entering.Lock()
		defer s.entering.Unlock()
		if s.mail != nil {
			s.visit(ctx, emailSite, s.mail.secrets["app"])
		}
	}
	return s.clock.jump(t)
}

// visit reads accounts as a service does for its users. Where it can't, since
// the database is broken or locked, nobody comes by.
func (s *server) visit(ctx context.Context, site, password string) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	database, role := databaseOf(site)
	conn, err := pgx.Connect(ctx, s.dsn(role, password, database)+"&application_name=visitors&lock_timeout=300")
	if err != nil {
		return
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // only read
	var all pgx.Batch
	for n := range visits {
		all.Queue("SELECT id, email_verified FROM users.users ORDER BY created_at DESC LIMIT 1 OFFSET $1", n)
	}
	_ = conn.SendBatch(ctx, &all).Close()
}
