package practice

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"runbook/runbook/practice/cluster"
	"runbook/runbook/practice/docker"
	"runbook/runbook/practice/edge"
	"runbook/runbook/practice/email"
	"runbook/runbook/practice/neighbours"
)

// Releases of the second application: the one that runs at start, and the one
// that staging has already.
const (
	emailBefore = "2.3.1"
	emailNow    = "2.4.0"
	backend     = "encrypted-email-backend"
	frontend    = "encrypted-email-frontend"
	stagingName = "encrypted-email-staging"
)

// mail is the second application and its neighbours: started when a book that
// deploys it enters the world.
type mail struct {
	secrets  map[string]string
	ports    struct{ staging int }
	blue     copyOf
	green    copyOf
	closed   map[string]string // addresses where nothing listens, by the var's name
	front    *edge.Front
	staging  *edge.Front
	next     *edge.Front // the green copy's own
	redis    *neighbours.Redis
	post     *neighbours.Post
	gate     *neighbours.Gate
	names    *neighbours.Names
	street   *neighbours.Street
	dialer   net.Dialer
	endWatch context.CancelFunc
	urls     map[string]string // of the neighbours, by the var's name
}

// openMail starts the second application.
func (s *server) openMail(ctx context.Context) error {
	m := &mail{secrets: map[string]string{}, closed: map[string]string{}, urls: map[string]string{}}
	s.mail = m
	for _, name := range []string{"app", "deploy", "redis_password", "smtp_password", "forge_token", "grafana_token", "hook", "jwt", "jwt_staging", "backup"} {
		m.secrets[name] = random()
	}
	m.secrets["payment_key"] = "sk_live_" + random()
	m.secrets["encryption"], m.secrets["encryption_staging"] = randomKey(), randomKey()
	for _, open := range []func(context.Context) error{
		s.openMailPorts, s.openNeighbours, s.writeMail, s.fillMail, s.writeBackups, s.startMail, s.watchMail, s.mailTarget,
	} {
		if err := open(ctx); err != nil {
			return fmt.Errorf("start encrypted-email: %w", err)
		}
	}
	return nil
}

// openMailPorts opens the fronts, and finds ports for what stands behind them.
func (s *server) openMailPorts(ctx context.Context) error {
	m := s.mail
	for _, port := range []*int{&m.blue.backend, &m.blue.frontend, &m.green.backend, &m.green.frontend, &m.ports.staging} {
		var err error
		if *port, err = cluster.FreePort(); err != nil {
			return err
		}
	}
	for _, name := range []string{"outside_database", "outside_redis", "outside_metrics", "outside_app"} {
		port, err := cluster.FreePort()
		if err != nil {
			return err
		}
		m.closed[name] = local(loopback(port))
	}
	var err error
	if m.front, err = s.openEdge(ctx, func(r *http.Request) string { return s.serving().behind(r) }); err != nil {
		return err
	}
	if m.next, err = s.openEdge(ctx, m.green.behind); err != nil {
		return err
	}
	m.staging, err = s.openEdge(ctx, func(*http.Request) string { return loopback(m.ports.staging) })
	return err
}

// openNeighbours starts what the service needs beside its database.
func (s *server) openNeighbours(ctx context.Context) error {
	m := s.mail
	var err error
	if m.redis, err = neighbours.OpenRedis(m.secrets["redis_password"], filepath.Join(s.dir, "redis.dump")); err != nil {
		return err
	}
	if m.post, err = neighbours.OpenPost(ctx, mailUser, m.secrets["smtp_password"], s.certificate); err != nil {
		return err
	}
	if m.gate, err = neighbours.OpenGate(ctx); err != nil {
		return err
	}
	if m.names, err = neighbours.OpenNames(ctx); err != nil {
		return err
	}
	if m.street, err = neighbours.OpenStreet(ctx); err != nil {
		return err
	}
	m.urls["payment_url"] = m.street.Live("/payments", neighbours.Bank(m.secrets["payment_key"]))
	m.urls["mail_sink"] = m.street.Live("/mails", m.post) + "/"
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opened = append(s.opened, m.redis.Addr(), m.post.Addr, m.gate.Addr, m.street.Addr, m.names.Addr)
	s.resolver = m.names.Addr
	for _, addr := range m.closed {
		s.closed = append(s.closed, "127.0.0.1:"+addr[strings.LastIndex(addr, ":")+1:])
	}
	return nil
}

// close ends what openMail started; it may have got halfway.
func (m *mail) close() {
	if m.endWatch != nil {
		m.endWatch()
	}
	for _, f := range []*edge.Front{m.front, m.staging, m.next} {
		if f != nil {
			f.Close()
		}
	}
	if m.street != nil {
		m.street.Close()
	}
	if m.names != nil {
		m.names.Close()
	}
	if m.gate != nil {
		m.gate.Close()
	}
	if m.post != nil {
		m.post.Close()
	}
	if m.redis != nil {
		m.redis.Close()
	}
}

// startMail runs the release of before with compose, and the new one on
// staging.
func (s *server) startMail(ctx context.Context) error {
	s.engine.Teach(backend, s.mailBackend)
	s.engine.Teach(frontend, s.mailFrontend)
	s.addMailImages()
	m := s.mail
	port := fmt.Sprint(m.ports.staging)
	for _, args := range [][]string{
		{"compose", "-f", "docker-compose.prod.yml", "up", "-d"},
		{"run", "-d", "--name", stagingName, "--restart", "unless-stopped", "-p", port + ":3000", "--env-file", ".env.staging", backend + ":" + emailNow},
	} {
		if err := s.docker(ctx, filepath.Join(s.dir, emailSite), args...); err != nil {
			return err
		}
	}
	s.cluster.Add("encrypted-email", backend, frontend)
	return nil
}

// mailBackend is the program of the backend's images.
func (s *server) mailBackend(life context.Context, start docker.Start) (docker.Process, error) {
	cfg, err := email.ParseConfig(start.Env, start.Version, commitOf(start.Version))
	if err != nil {
		return docker.Process{}, err
	}
	cfg.Faults = &s.services
	service, err := email.New(life, cfg, s.dialMail, start.Log)
	if err != nil {
		return docker.Process{}, err
	}
	return docker.Process{
		Port: cfg.Port, Handler: service.Handler(), Close: service.Close,
		Banner: fmt.Sprintf(`{"level":"info","msg":"%s %s listening","port":%q}`, backend, cfg.Version, cfg.Port),
	}, nil
}

// mailFrontend is the program of the frontend's images.
func (s *server) mailFrontend(_ context.Context, start docker.Start) (docker.Process, error) {
	port := start.Env["PORT"]
	return docker.Process{
		Port: port, Handler: email.Frontend(start.Version, &s.services, start.Log), Close: func() {},
		Banner: fmt.Sprintf(`{"level":"info","msg":"%s %s listening","port":%q}`, frontend, start.Version, port),
	}, nil
}

// dialMail reaches the database and the neighbours, and nothing else.
func (s *server) dialMail(ctx context.Context, network, addr string) (net.Conn, error) {
	if addr == s.mail.redis.Addr() || addr == s.mail.street.Addr {
		return (&net.Dialer{}).DialContext(ctx, network, addr)
	}
	return s.dial(ctx, network, addr)
}

// commitOf is the commit that a release was built from: 40 hex digits.
func commitOf(version string) string {
	sum := sha256.Sum256([]byte("encrypted-email " + version))
	return hex.EncodeToString(sum[:20])
}

// writeMail writes the application's directory.
func (s *server) writeMail(context.Context) error {
	dir := filepath.Join(s.dir, emailSite)
	if err := os.CopyFS(dir, email.Source()); err != nil {
		return err
	}
	for _, script := range []string{"backup.sh", "disaster-recovery.sh", "switch-traffic.sh"} {
		if err := os.Chmod(filepath.Join(dir, "scripts", script), 0o700); err != nil { // #nosec G302 -- it is run
			return err
		}
	}
	files := map[string]string{
		".env":         s.mailEnvironment("production", "encrypted_email", s.mail.secrets["jwt"], s.mail.secrets["encryption"], "12"),
		".env.staging": s.mailEnvironment("staging", "encrypted_email_staging", s.mail.secrets["jwt_staging"], s.mail.secrets["encryption_staging"], "10"),
		".pgpass":      fmt.Sprintf("%s:*:email_deploy:%s\n", s.databaseAddr(), s.mail.secrets["deploy"]),
		".backup-key":  s.mail.secrets["backup"] + "\n",
	}
	for name, text := range files {
		if err := s.write(filepath.Join(emailSite, name), text); err != nil {
			return err
		}
	}
	for name, value := range map[string]string{
		"redis_password": s.mail.secrets["redis_password"], "smtp_password": s.mail.secrets["smtp_password"], "forge_token": s.mail.secrets["forge_token"],
		"grafana_token": s.mail.secrets["grafana_token"], "payment_key": s.mail.secrets["payment_key"], "webhook_url": "http://" + s.mail.street.Addr + "/hooks/" + s.mail.secrets["hook"],
	} {
		if err := s.secret(emailSite, name, value); err != nil {
			return err
		}
	}
	if err := s.writeLists(); err != nil {
		return err
	}
	return s.writeCertificate(emailSite)
}

// mailEnvironment is the environment file of production or staging.
func (s *server) mailEnvironment(name, database, jwt, encryption, rounds string) string {
	host, port, _ := net.SplitHostPort(s.databaseAddr()) // written by us
	redisHost, redisPort, _ := net.SplitHostPort(s.mail.redis.Addr())
	smtpHost, smtpPort, _ := net.SplitHostPort(s.mail.post.Addr)
	address := s.mail.front
	if name == "staging" {
		address = s.mail.staging
	}
	dsn := s.dsn("email_app", s.mail.secrets["app"], database)
	if dsn == "" { // no PostgreSQL here
		u := url.URL{Scheme: "postgres", User: url.UserPassword("email_app", s.mail.secrets["app"]), Host: s.databaseAddr(), Path: database, RawQuery: "sslmode=require"}
		dsn = u.String()
	}
	lines := []string{
		"NODE_ENV=" + name, "PORT=3000", "APP_URL=https://" + local(address.HTTPS), "CORS_ORIGINS=https://" + local(address.HTTPS),
		"JWT_SECRET=" + jwt, "ENCRYPTION_KEY=" + encryption, "DATABASE_URL=" + dsn, "DB_HOST=" + host, "DB_PORT=" + port,
		"DB_USERNAME=email_app", "DB_PASSWORD=" + s.mail.secrets["app"], "DB_NAME=" + database, "DB_SSL_CA=" + filepath.Join(s.dir, "ca.pem"), "DB_POOL_MAX=10",
		"REDIS_HOST=" + redisHost, "REDIS_PORT=" + redisPort, "REDIS_PASSWORD=" + s.mail.secrets["redis_password"],
		"SMTP_HOST=" + smtpHost, "SMTP_PORT=" + smtpPort, "SMTP_USER=" + mailUser, "SMTP_PASSWORD=" + s.mail.secrets["smtp_password"],
		"PAYMENT_API_URL=" + s.mail.urls["payment_url"], "STRIPE_SECRET_KEY=" + s.mail.secrets["payment_key"],
		"LOG_LEVEL=info", "DATABASE_LOGGING=false", "BCRYPT_ROUNDS=" + rounds, "THROTTLE_LIMIT=10", "IMAGE_TAG=" + emailBefore,
		fmt.Sprintf("BACKEND_PORT=%d", s.mail.blue.backend), fmt.Sprintf("FRONTEND_PORT=%d", s.mail.blue.frontend),
		fmt.Sprintf("GREEN_BACKEND_PORT=%d", s.mail.green.backend), fmt.Sprintf("GREEN_FRONTEND_PORT=%d", s.mail.green.frontend),
	}
	return strings.Join(lines, "\n") + "\n"
}
