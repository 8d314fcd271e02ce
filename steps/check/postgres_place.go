package check

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"runbook/steps"
	"runbook/steps/reach"
)

// place is a database and who asks it.
type place struct {
	host     string // a name, an address, or the directory of a socket
	port     uint16
	user     string
	database string
	password steps.Secret
	sslmode  string
	pool     string // connections of one copy of the service, if its environment says
}

// where is host:port/database; no user, no password.
func (p place) where() string {
	return net.JoinHostPort(p.host, strconv.Itoa(int(p.port))) + "/" + p.database
}

// place finds out where to ask: from the secret var, or from an environment.
func (c *Postgres) place(ctx context.Context, w *steps.World) (place, error) {
	if c.DSN != "" {
		dsn, err := secretVar(ctx, w, c.DSN)
		if err != nil {
			return place{}, err
		}
		return placeOfURL(c.DSN, dsn.Reveal())
	}
	source := c.Source
	if source == "" {
		source = "service"
	}
	vars, err := environment(ctx, w, source)
	partial := &steps.PartialEnv{}
	if err != nil && !errors.As(err, &partial) {
		return place{}, err
	}
	needed := placeVars
	if vars["DATABASE_URL"] != "" {
		needed = nil
	}
	if c.Query == "pooler" && c.Pool == "" {
		needed = append(slices.Clone(needed), poolVar)
	}
	for _, name := range needed {
		if _, known := vars[name]; !known && partial.Why(name) != "" {
			return place{}, fmt.Errorf("%s is not known: %s", name, outside(partial.Why(name)))
		}
	}
	var p place
	if dsn := vars["DATABASE_URL"]; dsn != "" {
		p, err = placeOfURL("DATABASE_URL", dsn)
	} else {
		p, err = placeOfVars(vars)
	}
	p.pool = vars[poolVar]
	return p, err
}

// poolVar is the variable that says how many connections a service opens.
const poolVar = "DB_POOL_MAX"

// placeVars are the variables that may say where the database is.
var placeVars = []string{
	"DATABASE_URL", "DB_HOST", "DB_PORT", "DB_USERNAME", "DB_USER", "DB_PASSWORD", "DB_NAME", "DB_DATABASE", "DB_SSL", "DB_SSLMODE", "DB_SSL_MODE",
}

// placeOfURL reads a postgres:// URL. Errors never quote it: a mistyped one
// shows its password where the port should be.
func placeOfURL(name, dsn string) (place, error) {
	u, err := url.Parse(dsn)
	if err != nil || (u.Scheme != "postgres" && u.Scheme != "postgresql") {
		return place{}, fmt.Errorf("%s is not a postgres:// URL", name)
	}
	password, _ := u.User.Password()
	p := place{
		host: u.Hostname(), user: u.User.Username(), password: steps.NewSecret(password),
		database: strings.TrimPrefix(u.Path, "/"), sslmode: u.Query().Get("sslmode"),
	}
	if socket := u.Query().Get("host"); p.host == "" {
		p.host = socket
	}
	if p.sslmode == "" && u.Query().Get("ssl") == "true" {
		p.sslmode = "require"
	}
	return p.complete(name, u.Port())
}

func placeOfVars(vars map[string]string) (place, error) {
	first := func(names ...string) string {
		for _, name := range names {
			if vars[name] != "" {
				return vars[name]
			}
		}
		return ""
	}
	p := place{
		host: first("DB_HOST"), user: first("DB_USERNAME", "DB_USER"), database: first("DB_NAME", "DB_DATABASE"),
		password: steps.NewSecret(first("DB_PASSWORD")), sslmode: first("DB_SSLMODE", "DB_SSL_MODE"),
	}
	if p.sslmode == "" {
		// What an application means by a bare yes or no; yes does not say
		// that it verifies.
		p.sslmode = map[string]string{"true": "require", "1": "require", "yes": "require", "on": "require", "false": "disable", "0": "disable", "no": "disable", "off": "disable"}[strings.ToLower(first("DB_SSL"))]
		if p.sslmode == "" {
			p.sslmode = first("DB_SSL")
		}
	}
	return p.complete("DB_HOST, DB_PORT, DB_USERNAME, DB_NAME", first("DB_PORT"))
}

// complete sets the defaults and refuses what is missing.
func (p place) complete(names, port string) (place, error) {
	if port == "" {
		port = "5432"
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 || p.host == "" || p.user == "" {
		return place{}, fmt.Errorf("%s: want a host, a port and a user to connect to", names)
	}
	if p.database == "" {
		p.database = p.user
	}
	p.port = uint16(n)
	return p, nil
}

// pristine is a configuration that no PG* variable, service file or password
// file had a say in. pgx makes one only by parsing, and consults all of them
// when it does; so every setting is given, and a service file of our own is
// there in case PGSERVICE names one.
var pristine = sync.OnceValues(func() (*pgx.ConnConfig, error) {
	file, err := os.CreateTemp("", "runbook-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.Remove(file.Name()) }() // empty but for one word
	_, err = file.WriteString("[runbook]\n")
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, err
	}
	return pgx.ParseConfig("host=localhost port=5432 user=runbook password=none database=runbook sslmode=disable sslcertmode=disable " +
		"sslcert='' sslkey='' sslrootcert='' sslpassword='' sslsni=1 sslnegotiation=postgres connect_timeout=0 target_session_attrs=any options='' " +
		"min_protocol_version=3.0 max_protocol_version=3.0 channel_binding=prefer require_auth='' " +
		"passfile=/dev/null service=runbook servicefile=" + file.Name())
})

// maxMessage bounds one message of a server, in bytes.
const maxMessage = 16 << 20

// ownName is what sessions of ours are called.
const ownName = "runbook"

// config is how to reach a place, and nothing else.
func (p place) config(w *steps.World) (*pgx.ConnConfig, error) {
	clean, err := pristine()
	if err != nil {
		return nil, errors.New("the settings of a connection cannot be made: " + outside(err.Error()))
	}
	ways, err := p.ways(w.Roots)
	if err != nil {
		return nil, err
	}
	config := clean.Copy()
	config.Host, config.Port, config.User, config.Database, config.Password = p.host, p.port, p.user, p.database, p.password.Reveal()
	config.TLSConfig, config.Fallbacks = ways[0], nil
	for _, way := range ways[1:] {
		config.Fallbacks = append(config.Fallbacks, &pgconn.FallbackConfig{Host: p.host, Port: p.port, TLSConfig: way})
	}
	config.BuildFrontend = func(r io.Reader, w io.Writer) *pgproto3.Frontend {
		frontend := pgproto3.NewFrontend(r, w)
		frontend.SetMaxBodyLen(maxMessage)
		return frontend
	}
	config.RuntimeParams = map[string]string{"application_name": ownName}
	config.DialFunc = reach.Dial(w)
	// The World resolves names, when it dials.
	config.LookupFunc = func(_ context.Context, host string) ([]string, error) { return []string{host}, nil }
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	config.StatementCacheCapacity, config.DescriptionCacheCapacity = 0, 0
	return config, nil
}

// ways are the transports to try, in order, as sslmode asks for.
func (p place) ways(roots *x509.CertPool) ([]*tls.Config, error) {
	if strings.HasPrefix(p.host, "/") {
		return []*tls.Config{nil}, nil
	}
	//nolint:gosec // sslmode says that the certificate is not verified; check.postgres tls warns of it
	unverified := &tls.Config{ServerName: p.host, MinVersion: tls.VersionTLS12, InsecureSkipVerify: true}
	switch p.sslmode {
	case "disable":
		return []*tls.Config{nil}, nil
	case "allow":
		return []*tls.Config{nil, unverified}, nil
	case "", "prefer":
		return []*tls.Config{unverified, nil}, nil
	case "require", "no-verify":
		return []*tls.Config{unverified}, nil
	case "verify-ca":
		unverified.VerifyConnection = func(state tls.ConnectionState) error { return chain(state, roots) }
		return []*tls.Config{unverified}, nil
	case "verify-full":
		return []*tls.Config{{ServerName: p.host, MinVersion: tls.VersionTLS12, RootCAs: roots}}, nil
	}
	return nil, fmt.Errorf("sslmode %q is not known", outside(p.sslmode))
}

// verifies reports that the server's certificate was checked.
func (p place) verifies() bool { return p.sslmode == "verify-ca" || p.sslmode == "verify-full" }

// chain verifies a certificate's signatures and dates, but not its name.
func chain(state tls.ConnectionState, roots *x509.CertPool) error {
	options := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool()}
	for _, certificate := range state.PeerCertificates[1:] {
		options.Intermediates.AddCert(certificate)
	}
	_, err := state.PeerCertificates[0].Verify(options)
	return err
}
