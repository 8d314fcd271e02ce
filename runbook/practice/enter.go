package practice

import (
	"context"
	"fmt"
)

// enter starts what only one application needs, once.
func (s *server) enter(_ context.Context, args []string) error {
	if len(args) == 1 && args[0] == tickrSite {
		return nil // it runs from the beginning
	}
	return fmt.Errorf("the practice world has no application %q", args)
}
