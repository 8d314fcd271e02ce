package practice

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"

	"runbook/runbook/practice/monitor"
	"runbook/runbook/practice/neighbours"
)

// watchMail starts what watches the second application, and the repository it
// comes from.
func (s *server) watchMail(ctx context.Context) error {
	m := s.mail
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	m.endWatch = end
	store := monitor.NewStore(life, map[string]monitor.Source{
		"encrypted-email-backend":  page(func() string { return loopback(s.serving().backend) }, "/metrics"),
		"encrypted-email-frontend": alive(page(func() string { return loopback(s.serving().frontend) }, "/health")),
		"postgres":                 s.watchDatabase,
		"redis":                    alive(func(ctx context.Context, _ time.Time) (string, error) { return "", s.reach(ctx, m.redis.Addr()) }),
		"mail": func(ctx context.Context, _ time.Time) (string, error) {
			f := m.post.Figures()
			return fmt.Sprintf("email_sent_total %d\nemail_bounced_total %d\nemail_queue_depth %d\n", f.Taken, f.Refused, f.Taking), s.reach(ctx, m.post.Addr)
		},
		"node":   monitor.Node(s.dir),
		"backup": s.watchBackups,
	})
	m.urls["prometheus_url"] = m.street.Live("/prometheus", store.Prometheus())
	m.urls["alertmanager_url"] = m.street.Live("/alertmanager", monitor.NewAlertmanager(store).Handler())
	m.urls["grafana_url"] = m.street.Live("/grafana", neighbours.Knows(m.secrets["grafana_token"], store.Grafana(), "/api/health"))
	m.urls["repository_url"] = m.street.Live("/repos/practice/encrypted-email", neighbours.Forge(m.secrets["forge_token"],
		neighbours.Commit{SHA: commitOf(emailNow), Version: emailNow, At: time.Now().Add(-3 * time.Hour), Pull: 412},
		neighbours.Commit{SHA: commitOf(emailBefore), Version: emailBefore, At: time.Now().Add(-12 * 24 * time.Hour), Pull: 398},
	))
	m.street.Live("/hooks", neighbours.NewHooks(m.secrets["hook"]))
	return nil
}

// page reads a path of a port of the world.
func page(addr func() string, path string) monitor.Source {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	return func(ctx context.Context, _ time.Time) (string, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr()+path, nil)
		if err != nil {
			return "", err
		}
		resp, err := client.Do(req) // #nosec G704 -- the world's own
		if err != nil {
			return "", err
		}
		defer resp.Body.Close() //nolint:errcheck // only read
		if resp.StatusCode != http.StatusOK {
			return "", errors.New(resp.Status)
		}
		text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
		return string(text), err
	}
}

// alive is a target that is up or down, and has no figures.
func alive(s monitor.Source) monitor.Source {
	return func(ctx context.Context, at time.Time) (string, error) {
		_, err := s(ctx, at)
		return "", err
	}
}

func (s *server) reach(ctx context.Context, addr string) error {
	conn, err := s.mail.dialer.DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	return conn.Close()
}

// watchDatabase asks the database how many work in it.
func (s *server) watchDatabase(ctx context.Context, _ time.Time) (string, error) {
	if s.pg == nil {
		return "", ErrNoPostgres
	}
	conn, err := pgx.Connect(ctx, s.dsn("email_deploy", s.mail.secrets["deploy"], "encrypted_email"))
	if err != nil {
		return "", err
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // only read
	var sessions, most int
	var size int64
	err = conn.QueryRow(ctx, `SELECT count(*), current_setting('max_connections')::int, pg_database_size(current_database())
		FROM pg_stat_activity WHERE backend_type = 'client backend'`).Scan(&sessions, &most, &size)
	return fmt.Sprintf("pg_up 1\npg_stat_activity_count %d\npg_settings_max_connections %d\npg_database_size_bytes %d\n", sessions, most, size), err
}

// watchBackups looks at what lies there.
func (s *server) watchBackups(context.Context, time.Time) (string, error) {
	files, err := filepath.Glob(filepath.Join(s.dir, emailSite, "backups", "*.dump"))
	if err != nil || len(files) == 0 {
		return "", errors.Join(err, errors.New("no backups"))
	}
	var newest os.FileInfo
	for _, file := range files {
		if info, err := os.Stat(file); err == nil && (newest == nil || info.ModTime().After(newest.ModTime())) {
			newest = info
		}
	}
	if newest == nil {
		return "", errors.New("no backup can be read")
	}
	at := newest.ModTime().Unix()
	return fmt.Sprintf("backup_last_success_timestamp_seconds %d\nbackup_last_size_bytes %d\nbackup_files %d\n", at, newest.Size(), len(files)) +
		fmt.Sprintf("job_last_success_timestamp_seconds{job_name=\"backup\"} %d\njob_period_seconds{job_name=\"backup\"} %d\n", at, 24*60*60), nil
}
