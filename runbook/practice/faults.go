package practice

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// fault breaks one part of an application, which the world's checks then have
// to name. What is read as it happens has nothing to do beforehand.
type fault func(ctx context.Context, s *server, site string) error

var faults = map[string]fault{
	"backup":      oldBackups,
	"certificate": nil, // the fronts and the mail server show one that ends in five days
	"expired":     nil, // or one that has ended, which stops every client
	"headers":     nil, // the services send no security headers
	"index":       invalidIndex,
	"rate-limit":  nil, // the services refuse nobody
	"redirect":    nil, // the fronts serve HTTP as well
	"role":        superuserRole,
	"updates":     pendingUpdate,
}

// Faults are the parts that Break knows.
func Faults() []string { return slices.Sorted(maps.Keys(faults)) }

// Break breaks parts of the world, until it is made anew.
func (w *World) Break(ctx context.Context, parts ...string) error {
	for _, part := range parts {
		if _, known := faults[part]; !known {
			return fmt.Errorf("break %q: the practice world has no such part; it has %s", part, strings.Join(Faults(), ", "))
		}
	}
	_, err := w.ask(ctx, request{Op: "break", Args: parts})
	return err
}

// broken reports whether a part of the world is broken on purpose.
func (s *server) broken(fault string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.faulty[fault]
}

func (s *server) breakParts(ctx context.Context, parts []string) error {
	s.entering.Lock()
	defer s.entering.Unlock()
	sites := []string{tickrSite}
	if s.mail != nil {
		sites = append(sites, emailSite)
	}
	for _, site := range sites {
		if err := s.breakIn(ctx, site, parts); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, part := range parts {
		s.faulty[part] = true
	}
	s.services.Headers.Store(s.faulty["headers"])
	s.services.Limit.Store(s.faulty["rate-limit"])
	return nil
}

// breakIn breaks parts of one application.
func (s *server) breakIn(ctx context.Context, site string, parts []string) error {
	for _, part := range parts {
		act, known := faults[part]
		if !known {
			return fmt.Errorf("the practice world has no part %q to break", part)
		}
		if act == nil {
			continue
		}
		if err := act(ctx, s, site); err != nil {
			return fmt.Errorf("break %s of the practice world: %w", part, err)
		}
	}
	return nil
}

// database and role of an application.
func databaseOf(site string) (database, role string) {
	if site == emailSite {
		return "encrypted_email", "email_app"
	}
	return "tickr", "tickr_app"
}

func superuserRole(ctx context.Context, s *server, site string) error {
	if s.pg == nil {
		return ErrNoPostgres
	}
	_, role := databaseOf(site)
	return s.pg.Superuser(ctx, "postgres", "ALTER ROLE "+role+" SUPERUSER")
}

// invalidIndex leaves what CREATE INDEX CONCURRENTLY leaves when it fails.
func invalidIndex(ctx context.Context, s *server, site string) error {
	if s.pg == nil {
		return ErrNoPostgres
	}
	database, _ := databaseOf(site)
	err := s.pg.Superuser(ctx, database, "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS idx_users_verified ON users.users (email_verified)")
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "23505" {
		return nil // as it has to be: two users are verified
	}
	return err
}

// oldBackups makes every backup three days older.
func oldBackups(_ context.Context, s *server, site string) error {
	files, err := filepath.Glob(filepath.Join(s.dir, site, "backups", "encrypted-email-*"))
	if err != nil {
		return err
	}
	if site == tickrSite {
		files = []string{filepath.Join(s.appDir(), "users_backup.dump")}
	}
	for _, file := range files {
		info, err := os.Stat(file)
		if errors.Is(err, os.ErrNotExist) {
			continue // no pg_dump made it
		}
		if err != nil {
			return err
		}
		at := info.ModTime().Add(-3 * 24 * time.Hour)
		if err := os.Chtimes(file, at, at); err != nil {
			return err
		}
	}
	return nil
}

// pendingUpdate is what apt-get -s prints of a security update.
func pendingUpdate(_ context.Context, s *server, site string) error {
	if site != emailSite {
		return nil // nobody asks there
	}
	return s.write(filepath.Join("apt", "pending"), "Inst openssl [3.0.16-1~deb12u1] (3.0.17-1~deb12u2 Debian-Security:12/stable-security [amd64])\nConf openssl (3.0.17-1~deb12u2 Debian-Security:12/stable-security [amd64])\n")
}
