package practice

import (
	"context"
	"crypto/sha256"
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"runbook/runbook/practice/docker"
	"runbook/runbook/practice/kube"
	"runbook/runbook/practice/tickr"
)

// application is the source tree of tickr-backend 1.8.2.
//
//go:embed app
var application embed.FS

// image names of the release that runs at start.
const (
	imageName   = "tickr-backend"
	oldRelease  = "1.8.1"
	newRelease  = "1.8.2"
	webOrigin   = "https://app.tickr.example" // of the web application
	environment = "production"
	namespace   = "tickr" // of the cluster
)

// build makes what the release changes: application directory, database,
// images, and the old release running in its container.
func (s *server) build(ctx context.Context) error {
	if err := s.writeApplication(); err != nil {
		return fmt.Errorf("write the application directory: %w", err)
	}
	if err := s.fillDatabase(ctx); err != nil {
		return err
	}
	s.id, s.engine = "practice-"+random()[:12], docker.New(s.tickr)
	before, err := docker.ReadContext(s.appDir())
	if err != nil {
		return fmt.Errorf("read the application directory: %w", err)
	}
	before.Digest = sha256.Sum256([]byte(s.secrets.Nonce)) // another release's, whose files are not here
	s.engine.AddImage(imageName+":"+oldRelease, oldRelease, before, time.Now().Add(-9*24*time.Hour))
	port := strconv.Itoa(s.ports.service)
	if err := s.docker(ctx, s.appDir(), "run", "-d", "--name", imageName, "--restart", "unless-stopped", "-p", port+":"+port,
		"--env-file", ".env.production", imageName+":"+oldRelease); err != nil {
		return err
	}
	s.cluster = kube.New("practice", s.engine, s.pull)
	s.cluster.Add(namespace, imageName)
	return nil
}

// pull gives the engine what the registry has and only a cluster fetches: the
// new release, as CI has built it.
func (s *server) pull(image string) {
	if built, err := docker.ReadContext(s.appDir()); err == nil && image == imageName+":"+newRelease {
		s.engine.AddImage(image, newRelease, built, time.Now().Add(-3*time.Hour))
	}
}

// tickr is the program of the first application's images.
func (s *server) tickr(life context.Context, start docker.Start) (docker.Process, error) {
	cfg, err := tickr.ParseConfig(start.Env, start.Version)
	if err != nil {
		return docker.Process{}, err
	}
	cfg.Faults = &s.services
	service, err := tickr.New(life, cfg, s.dial, start.Log)
	if err != nil {
		return docker.Process{}, err
	}
	return docker.Process{
		Port: cfg.Port, Handler: service.Handler(), Close: service.Close,
		Banner: fmt.Sprintf(`{"level":"info","msg":"tickr-backend %s listening","port":%q}`, cfg.Version, cfg.Port),
	}, nil
}

func (s *server) appDir() string { return filepath.Join(s.dir, "app") }

func (s *server) writeApplication() error {
	tree, err := fs.Sub(application, "app")
	if err != nil {
		return err
	}
	if err := os.CopyFS(s.appDir(), tree); err != nil {
		return err
	}
	production := s.environment(environment, "12", "tickr_app", s.secrets.App, "tickr")
	staging := s.environment("staging", "10", "tickr_app", s.secrets.App, "tickr")
	test := s.environment("test", "4", "tickr_deploy", s.secrets.Deploy, "tickr_test")
	for name, text := range map[string]string{".env.production": production, ".env.staging": staging, ".env.test": test} {
		if err := s.write(filepath.Join("app", name), text); err != nil {
			return err
		}
	}
	return nil
}

// environment is a dotenv file of the service.
func (s *server) environment(name, rounds, role, password, database string) string {
	host, port, _ := strings.Cut(s.databaseAddr(), ":")
	url := s.dsn(role, password, database)
	if url == "" {
		url = fmt.Sprintf("postgres://%s:%s@%s/%s?sslmode=require", role, password, s.databaseAddr(), database)
	}
	lines := []string{
		"NODE_ENV=" + name, "PORT=" + strconv.Itoa(s.ports.service),
		"JWT_SECRET=" + randomJWT(), "JWT_ACCESS_EXPIRATION=15m", "JWT_REFRESH_EXPIRATION=7d", "BCRYPT_ROUNDS=" + rounds,
		"DB_HOST=" + host, "DB_PORT=" + port, "DB_USERNAME=" + role, "DB_PASSWORD=" + password, "DB_NAME=" + database,
		"DB_SSL_CA=" + filepath.Join(s.dir, "ca.pem"), "DATABASE_URL=" + url, "DB_POOL_MAX=10",
		"CORS_ORIGINS=" + webOrigin + ",https://admin.tickr.example", "THROTTLE_LIMIT=100", "LOG_FORMAT=json",
		"SENTRY_DSN=https://" + random()[:32] + "@errors.tickr.example/7",
	}
	return strings.Join(lines, "\n") + "\n"
}
