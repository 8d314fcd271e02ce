package check

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/redis/go-redis/v9/maintnotifications"

	"runbook/steps"
	"runbook/steps/reach"
)

// Redis is check.redis: a Redis server that answers PING, and what it says of
// itself.
//
//	check.redis = { address = "${redis_address}", password = "redis_password", role = "master", max_memory_percent = "85" }
//
//	address             "host:port"
//	tls                 true: TLS, and the certificate is for the host
//	user                of the ACL; default: the default user
//	password            a secret var of the book
//	role                "master", or "replica" with its link to the master up
//	max_memory_percent  used memory in percent of maxmemory, inclusive
//	persistence         true: AOF or RDB is on, and was last written without error
//	max                 the longest time of a PING: "100ms"
//	timeout             for everything; default "5s"
//
// pass: it answers, and all that is given holds. fail: it refuses, is silent,
// is loading its data, wants other credentials or speaks something else, no
// maxmemory is set, or one does not hold. unknown: INFO can't be asked,
// or CONFIG GET save where RDB alone could persist.
type Redis struct {
	Address          string         `mapstructure:"address"`
	TLS              bool           `mapstructure:"tls"`
	User             string         `mapstructure:"user"`
	Password         string         `mapstructure:"password"`
	Role             string         `mapstructure:"role"`
	MaxMemoryPercent string         `mapstructure:"max_memory_percent"`
	Persistence      bool           `mapstructure:"persistence"`
	Max              steps.Duration `mapstructure:"max"`
	Timeout          steps.Duration `mapstructure:"timeout"`
}

// Touches is false: PING, INFO and CONFIG GET only read.
func (c *Redis) Touches() bool { return false }

// SecretVars is its password.
func (c *Redis) SecretVars() []SecretVar { return []SecretVar{{"password", c.Password}} }

// Validate reports a bad address, role or limit.
func (c *Redis) Validate() error {
	if err := validAddress(c.Address); err != nil {
		return err
	}
	if c.Role != "" && c.Role != "master" && c.Role != "replica" && !unfilled(c.Role) {
		return fmt.Errorf("role: want master or replica, not %q", c.Role)
	}
	if !unfilled(c.MaxMemoryPercent) {
		if _, err := number(c.MaxMemoryPercent, "0"); err != nil {
			return fmt.Errorf("max_memory_percent: %w", err)
		}
	}
	return nil
}

// validAddress refuses what is no host:port.
func validAddress(address string) error {
	if unfilled(address) {
		return nil
	}
	if host, port, err := net.SplitHostPort(address); err != nil || host == "" || port == "" {
		return fmt.Errorf("address: %q is not host:port", address)
	}
	return nil
}

func (c *Redis) limit() time.Duration {
	if c.Timeout == 0 {
		return 5 * time.Second
	}
	return c.Timeout.D()
}

// Do asks PING, and INFO if anything of it is wanted.
func (c *Redis) Do(whole context.Context, w *steps.World) steps.Result {
	return measure("redis "+outside(c.Address), func(r *steps.Result) {
		if err := c.Validate(); err != nil {
			r.Decide(steps.Unknown, "%v", err)
			return
		}
		ctx, cancel := context.WithTimeout(whole, c.limit())
		defer cancel()
		password, err := secretVar(ctx, w, c.Password)
		if err != nil {
			r.Decide(steps.Unknown, "%v", err)
			return
		}
		r.Decide(steps.Pass, "")
		conn, err := reach.Connect(ctx, w, c.Address, c.TLS)
		if err == nil {
			client := c.client(conn, password)
			defer func() { _ = client.Close() }() // nothing of it is used again
			err = c.judge(ctx, r, client)
		}
		if err != nil && ctx.Err() != nil {
			err = ctx.Err() // and not what closing the connection came to
		}
		if err != nil {
			verdict, reason := c.fault(whole, err)
			r.Worsen(verdict, "%s", redact(reason, []steps.Secret{password}))
		}
	})
}

// silence keeps the library from writing onto the operator's screen.
var silence = sync.OnceFunc(logging.Disable)

// client speaks over one connection, which is made: left to itself, the
// library would go on dialling in the background.
func (c *Redis) client(conn net.Conn, password steps.Secret) *redis.Client {
	silence()
	once := make(chan net.Conn, 1)
	once <- conn
	return redis.NewClient(&redis.Options{
		Addr: c.Address, Username: c.User, Password: password.Reveal(),
		Dialer: func(context.Context, string, string) (net.Conn, error) {
			select {
			case conn := <-once:
				return conn, nil
			default:
				return nil, io.EOF // it was lost
			}
		},
		PoolSize: 2, MaxRetries: -1, DialerRetries: 1, ContextTimeoutEnabled: true, DisableIdentity: true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
}

func (c *Redis) judge(ctx context.Context, r *steps.Result, client *redis.Client) error {
	if err := client.Ping(ctx).Err(); err != nil { // it connects
		return err
	}
	began := time.Now()
	if err := client.Ping(ctx).Err(); err != nil {
		return err
	}
	took, limit := time.Since(began), ""
	if c.Max > 0 {
		limit = milliseconds(c.Max.D())
	}
	r.Saw("ping", milliseconds(took), limit, "ms")
	if c.Max > 0 && took > c.Max.D() {
		r.Worsen(steps.Fail, "PING took %s ms, wanted within %s", milliseconds(took), c.Max)
	}
	text, err := client.Info(ctx).Result()
	if err != nil {
		if c.Role == "" && c.MaxMemoryPercent == "" && !c.Persistence {
			return nil
		}
		var said redis.Error
		if errors.As(err, &said) && !redis.IsPermissionError(err) {
			r.Worsen(steps.Unknown, "INFO can't be asked: %s", outside(said.Error()))
			return nil
		}
		return err
	}
	says := information(text)
	r.Saw("version", outside(says["redis_version"]), "", "")
	if c.Role != "" {
		c.judgeRole(r, says)
	}
	if c.MaxMemoryPercent != "" {
		c.judgeMemory(r, says)
	}
	if c.Persistence {
		return c.judgePersistence(ctx, r, client, says)
	}
	return nil
}

// information reads an answer to INFO: lines of name:value below headings.
func information(text string) map[string]string {
	says := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			says[name] = value
		}
	}
	return says
}

func (c *Redis) judgeRole(r *steps.Result, says map[string]string) {
	role := says["role"]
	if role == "slave" {
		role = "replica"
	}
	r.Saw("role", outside(role), c.Role, "")
	switch {
	case role == "":
		r.Worsen(steps.Unknown, "INFO tells no role")
	case role != c.Role:
		r.Worsen(steps.Fail, "it is a %s, wanted a %s", outside(role), c.Role)
	}
	if link := says["master_link_status"]; role == "replica" {
		r.Saw("link to the master", outside(link), "up", "")
		if link != "up" {
			r.Worsen(steps.Fail, "the link to its master is %s, wanted up", outside(link))
		}
	}
}

func (c *Redis) judgeMemory(r *steps.Result, says map[string]string) {
	used, err := finite(says["used_memory"])
	whole, wholeErr := finite(says["maxmemory"])
	limit, limitErr := number(c.MaxMemoryPercent, "")
	switch {
	case err != nil || wholeErr != nil || limitErr != nil:
		r.Worsen(steps.Unknown, "INFO tells no used_memory and maxmemory")
		return
	case whole == 0:
		r.Saw("maxmemory", "0", "set", "")
		r.Worsen(steps.Fail, "no maxmemory is set, so nothing bounds what it uses")
		return
	}
	percent := 100 * used / whole
	r.Saw("memory", strconv.FormatFloat(percent, 'f', 1, 64), "<= "+c.MaxMemoryPercent, "%")
	r.Saw("when memory is full", outside(says["maxmemory_policy"]), "", "")
	if percent > limit {
		r.Worsen(steps.Fail, "memory is used to %.1f%%, wanted at most %s%%", percent, c.MaxMemoryPercent)
	}
}

// judgePersistence holds what was written last. INFO does not tell whether RDB
// is on, only whether its last save went well.
func (c *Redis) judgePersistence(ctx context.Context, r *steps.Result, client *redis.Client, says map[string]string) error {
	for _, name := range []string{"rdb_last_bgsave_status", "aof_last_write_status", "aof_last_bgrewrite_status"} {
		status, there := says[name]
		if there {
			r.Saw(name, outside(status), "ok", "")
		}
		if there && status != "ok" {
			r.Worsen(steps.Fail, "%s is %s, wanted ok", name, outside(status))
		}
	}
	r.Saw("AOF", yesNo(says["aof_enabled"] == "1"), "", "")
	if says["aof_enabled"] == "1" {
		return nil
	}
	config, err := client.ConfigGet(ctx, "save").Result()
	if err != nil {
		r.Worsen(steps.Unknown, "AOF is off, and whether RDB is on can't be asked: %s", outside(err.Error()))
		return nil
	}
	r.Saw("RDB", yesNo(config["save"] != ""), "", "")
	if config["save"] == "" {
		r.Worsen(steps.Fail, "neither AOF nor RDB is on: a restart loses everything")
	}
	return nil
}

// fault is what an error of the client means.
func (c *Redis) fault(whole context.Context, err error) (steps.Verdict, string) {
	var said redis.Error
	if !errors.As(err, &said) {
		if strings.HasPrefix(err.Error(), "redis: ") || errors.Is(err, reach.ErrTalkative) {
			return steps.Fail, "the server does not speak Redis there: " + outside(err.Error())
		}
		return reach.Fault(whole, c.limit(), err)
	}
	told := outside(said.Error())
	switch {
	case redis.IsPermissionError(err):
		return steps.Unknown, "missing privilege: " + told
	case redis.IsAuthError(err) && c.Password == "":
		return steps.Fail, "the server wants credentials, and none are given: " + told
	case redis.IsAuthError(err):
		return steps.Fail, "the server refuses the credentials: " + told
	}
	return steps.Fail, "the server refuses: " + told
}
