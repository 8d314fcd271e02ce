package email

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// errAbsent is Redis's answer for a key it does not have.
var errAbsent = errors.New("no such key")

// remember sends one command to Redis on a connection of its own; the answers
// that this service asks for fit in one line.
func (s *Service) remember(ctx context.Context, command ...string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	conn, err := s.dial(ctx, "tcp", s.cfg.Redis)
	if err != nil {
		return fmt.Errorf("reach redis: %w", err)
	}
	defer conn.Close() //nolint:errcheck // the answer was read
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return err
		}
	}
	var b strings.Builder
	for _, words := range [][]string{{"AUTH", s.cfg.RedisPassword}, command} {
		_, _ = fmt.Fprintf(&b, "*%d\r\n", len(words))
		for _, word := range words {
			_, _ = fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(word), word)
		}
	}
	if _, err := conn.Write([]byte(b.String())); err != nil {
		return fmt.Errorf("ask redis: %w", err)
	}
	lines := bufio.NewReader(conn)
	for range 2 { // of AUTH, and of the command
		line, err := lines.ReadString('\n')
		switch {
		case err != nil:
			return fmt.Errorf("ask redis: %w", err)
		case strings.HasPrefix(line, "-"):
			return errors.New("redis: " + strings.TrimSpace(line[1:]))
		case strings.HasPrefix(line, "$-1"):
			return errAbsent
		}
	}
	return nil
}
