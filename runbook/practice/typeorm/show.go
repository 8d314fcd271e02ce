package typeorm

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
)

// Show lists the migrations of all, [X] applied and [ ] pending, as
// migration:show does.
func (s Session) Show(ctx context.Context, all []Migration) error {
	applied, err := s.Applied(ctx)
	if err != nil {
		return err
	}
	for _, m := range all {
		if at := slices.Index(applied, m.Name); at >= 0 {
			s.say("[X] %d %s", at+1, m.Name)
		} else {
			s.say("[ ] %s", m.Name)
		}
	}
	return nil
}

// Query runs one statement and prints its rows as JSON.
func (s Session) Query(ctx context.Context, sql string) error {
	s.say("Running query: %s", sql)
	rows, err := s.Conn.Query(ctx, sql)
	if err != nil {
		return fmt.Errorf("query failed: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToMap)
	if err != nil {
		return fmt.Errorf("query failed: %w", err)
	}
	text, err := json.MarshalIndent(found, "", "  ")
	if err != nil {
		return fmt.Errorf("show rows: %w", err)
	}
	s.say("Query has been executed. Result:\n%s", text)
	return nil
}
