package practice

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
)

// clientTool becomes the real psql, pg_dump or pg_restore if what it would
// connect to is the world's database. pg_restore without a database only
// reads a file.
func clientTool(_ context.Context, sh shell, args []string) (int, error) {
	offline := slices.Contains(args, "--version") || sh.name == "pg_restore" && !namesDatabase(args)
	if !offline && !sh.leadsHome(args) {
		return notSimulated, errOutside
	}
	st := sh.world.info.Load()
	program := findClient(sh.name, st.Bin)
	if program == "" {
		return notSimulated, fmt.Errorf("start %s: this machine has none", sh.name)
	}
	env := slices.DeleteFunc(os.Environ(), func(kv string) bool {
		return strings.HasPrefix(kv, "PGSERVICE") || strings.HasPrefix(kv, "PGHOSTADDR=")
	})
	err := syscall.Exec(program, append([]string{sh.name}, args...), env) // #nosec G204 G702 -- a known program
	return notSimulated, fmt.Errorf("start %s: %w", program, err)
}

func findClient(name, bin string) string {
	for _, dir := range []string{bin, "/usr/bin", "/usr/local/bin"} {
		if info, err := os.Stat(filepath.Join(dir, name)); dir != "" && err == nil && info.Mode()&0o111 != 0 {
			return filepath.Join(dir, name)
		}
	}
	return ""
}

// namesDatabase reports whether pg_restore was told to connect.
func namesDatabase(args []string) bool {
	return slices.ContainsFunc(args, func(a string) bool {
		return strings.HasPrefix(a, "-d") || strings.HasPrefix(a, "--dbname")
	})
}

// leadsHome reports whether libpq would take these arguments, over the
// environment, to the world's database and to nothing else.
func (sh shell) leadsHome(args []string) bool {
	host, port := os.Getenv("PGHOST"), os.Getenv("PGPORT")
	for i := 0; i < len(args); i++ {
		name, value := args[i], ""
		switch {
		case strings.HasPrefix(name, "--") && strings.Contains(name, "="):
			name, value, _ = strings.Cut(name, "=")
		case len(name) > 2 && name[0] == '-' && name[1] != '-':
			name, value = name[:2], name[2:]
		case i+1 < len(args):
			value = args[i+1]
		}
		switch name {
		case "-h", "--host":
			host = value
		case "-p", "--port":
			port = value
		case "-d", "--dbname":
			name = value
		}
		if h, p, isDSN, err := dsnAddress(name); err != nil {
			return false
		} else if isDSN {
			host, port = h, p
		}
	}
	return sh.isDatabase(host, port)
}

// leads finds the keys of a connection string that say where it leads. SQL
// that looks alike is refused too, which is the safe mistake.
var leads = regexp.MustCompile(`\b(host|hostaddr|port|service)\s*=`)

// dsnAddress reads where a connection string leads; one with several hosts,
// an address beside its host, or a service is refused.
func dsnAddress(s string) (host, port string, isDSN bool, err error) {
	uri := strings.HasPrefix(s, "postgres://") || strings.HasPrefix(s, "postgresql://")
	if !uri && !leads.MatchString(s) {
		return "", "", false, nil
	}
	if strings.Contains(s, "hostaddr") || strings.Contains(s, "service") {
		return "", "", false, errors.New("not one plain host")
	}
	cfg, err := pgconn.ParseConfig(s)
	if err != nil {
		return "", "", false, err
	}
	for _, other := range cfg.Fallbacks {
		if other.Host != cfg.Host || other.Port != cfg.Port {
			return "", "", false, errors.New("several hosts")
		}
	}
	return cfg.Host, strconv.Itoa(int(cfg.Port)), true, nil
}

func (sh shell) isDatabase(host, port string) bool {
	st := sh.world.info.Load()
	if host == filepath.Dir(st.Socket) && st.Socket != "" {
		return strings.HasSuffix(st.Socket, "."+port)
	}
	if host == "localhost" {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port) == st.Database
}
