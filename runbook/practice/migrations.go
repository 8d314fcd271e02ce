package practice

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"runbook/runbook/practice/typeorm"
)

// errOutside says that an address is not the world's database.
var errOutside = fmt.Errorf("%w: the address of the database leads out of it", errNotSimulated)

func migrationScript(command string) script {
	return func(ctx context.Context, sh shell, args []string) (int, error) {
		return typeormTool(ctx, sh, append([]string{command, "-d", "src/data-source.ts"}, args...))
	}
}

// typeormTool is the TypeORM command line: migration:show, migration:run,
// migration:revert and query, over the DATABASE_URL of its own environment.
func typeormTool(ctx context.Context, sh shell, args []string) (int, error) {
	if len(args) == 0 {
		return notSimulated, errNotSimulated
	}
	command, rest := args[0], args[1:]
	if !slices.Contains([]string{"migration:show", "migration:run", "migration:revert", "query"}, command) {
		return notSimulated, errNotSimulated
	}
	at := slices.IndexFunc(rest, func(a string) bool { return a == "-d" || a == "--dataSource" })
	if at < 0 || at+1 == len(rest) {
		sh.warn("Missing required argument: dataSource\n")
		return 1, nil
	}
	source := rest[at+1]
	rest = slices.Delete(slices.Clone(rest), at, at+2)
	if len(rest) > 0 && command != "query" || len(rest) != 1 && command == "query" {
		return notSimulated, errNotSimulated
	}
	err := withDatabase(ctx, sh, source, func(s typeorm.Session, all []typeorm.Migration) error {
		switch command {
		case "migration:run":
			_, err := s.Run(ctx, all)
			return err
		case "migration:revert":
			_, err := s.Revert(ctx, all)
			return err
		case "query":
			return s.Query(ctx, rest[0])
		default:
			return s.Show(ctx, all)
		}
	})
	if err == nil || errors.Is(err, errNotSimulated) || ctx.Err() != nil {
		return 0, err
	}
	sh.warn("Error during %s:\n%v\n", command, err)
	return 1, nil
}

// withDatabase connects as the data source would, and to nothing but the
// world's database.
func withDatabase(ctx context.Context, sh shell, source string, do func(typeorm.Session, []typeorm.Migration) error) error {
	if _, err := os.Stat(filepath.Join(sh.dir, source)); err != nil { // #nosec G703 -- looked at, not read
		return fmt.Errorf("unable to open file: %q: cannot find module", source)
	}
	url := os.Getenv("DATABASE_URL")
	if url == "" {
		return errors.New("DATABASE_URL is not set: the data source has no url")
	}
	all, err := typeorm.Read(filepath.Join(sh.dir, "src", "migrations"))
	if err != nil {
		return err
	}
	conn, err := sh.connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // what counts was committed
	return do(typeorm.Session{Conn: conn, Out: sh.stdout}, all)
}

// connect opens a session on the world's database for a DSN.
func (sh shell) connect(ctx context.Context, dsn string) (*pgx.Conn, error) {
	cfg, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, err
	}
	if net.JoinHostPort(cfg.Host, strconv.Itoa(int(cfg.Port))) != sh.world.info.Load().Database {
		return nil, errOutside
	}
	cfg.ConnectTimeout, cfg.DialFunc = 5*time.Second, sh.world.dial
	if os.Getenv("PGAPPNAME") == "" { // which node's client heeds as libpq does
		cfg.RuntimeParams["application_name"] = sh.name
	}
	return pgx.ConnectConfig(ctx, cfg)
}
