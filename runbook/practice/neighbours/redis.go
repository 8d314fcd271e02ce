// Package neighbours are the servers around a service of the practice world:
// Redis, a mail server whose mail can be read, name server, payment provider,
// monitoring and repository. Each answers from what it was told or can see, and
// refuses whoever lacks its secret.
package neighbours

import (
	"crypto/subtle"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/alicebob/miniredis/v2/server"
)

// maxMemory is what this Redis calls its limit, in bytes.
const maxMemory = 64 << 20

// Redis is a running Redis that wants a password.
type Redis struct {
	*miniredis.Miniredis
	password, file string
	started        time.Time

	mu    sync.Mutex
	known map[*server.Peer]bool // who gave the password
	saved error                 // what the last write to file came to
}

// OpenRedis listens on a free port of 127.0.0.1. What it holds is written to a
// file whenever somebody asks how it is.
func OpenRedis(password, file string) (*Redis, error) {
	r := &Redis{Miniredis: miniredis.NewMiniRedis(), password: password, file: file, started: time.Now(), known: map[*server.Peer]bool{}}
	r.RequireAuth(password)
	if err := r.StartAddr("127.0.0.1:0"); err != nil {
		return nil, fmt.Errorf("start redis: %w", err)
	}
	r.Server().SetPreHook(r.hook)
	return r, nil
}

// hook answers what the library does not know of itself: INFO and CONFIG GET.
func (r *Redis) hook(peer *server.Peer, command string, args ...string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch command {
	case "AUTH", "HELLO":
		r.meet(peer, args)
		return false
	case "INFO", "CONFIG":
		if !r.known[peer] {
			return false // the library refuses it
		}
	default:
		return false
	}
	if command == "INFO" {
		peer.WriteBulk(r.info())
		return true
	}
	return config(peer, args)
}

// meet remembers who gives the password; it is the last word of AUTH, and
// follows AUTH and the user in HELLO.
func (r *Redis) meet(peer *server.Peer, args []string) {
	for _, word := range args {
		if subtle.ConstantTimeCompare([]byte(word), []byte(r.password)) == 1 && !r.known[peer] {
			r.known[peer] = true
			peer.OnDisconnect(func() {
				r.mu.Lock()
				defer r.mu.Unlock()
				delete(r.known, peer)
			})
		}
	}
}

func config(peer *server.Peer, args []string) bool {
	settings := map[string]string{"save": "3600 1", "appendonly": "no", "maxmemory": fmt.Sprint(maxMemory), "maxmemory-policy": "noeviction"}
	if len(args) != 2 || !strings.EqualFold(args[0], "get") {
		return false
	}
	value, known := settings[strings.ToLower(args[1])]
	if !known {
		peer.WriteMapLen(0)
		return true
	}
	peer.WriteMapLen(1)
	peer.WriteBulk(strings.ToLower(args[1]))
	peer.WriteBulk(value)
	return true
}

// info writes all data to the file, and says how that went beside the rest.
func (r *Redis) info() string {
	held := r.Dump()
	r.saved = os.WriteFile(r.file, []byte(held), 0o600)
	status := "ok"
	if r.saved != nil {
		status = "err"
	}
	lines := []string{
		"# Server", "redis_version:7.4.6", fmt.Sprintf("uptime_in_seconds:%d", int(time.Since(r.started).Seconds())),
		"# Clients", fmt.Sprintf("connected_clients:%d", r.Server().ClientsLen()),
		"# Memory", fmt.Sprintf("used_memory:%d", len(held)), fmt.Sprintf("maxmemory:%d", maxMemory), "maxmemory_policy:noeviction",
		"# Persistence", "loading:0", "aof_enabled:0", "rdb_last_bgsave_status:" + status, fmt.Sprintf("rdb_last_save_time:%d", time.Now().Unix()),
		"# Stats", fmt.Sprintf("total_commands_processed:%d", r.Server().TotalCommands()),
		"# Replication", "role:master", "connected_slaves:0",
	}
	return strings.Join(lines, "\r\n") + "\r\n"
}
