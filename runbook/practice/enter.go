package practice

import (
	"context"
	"fmt"
)

// enter starts what only one application needs, once: the first application
// runs from the beginning.
func (s *server) enter(ctx context.Context, args []string) error {
	if len(args) != 1 || args[0] != tickrSite && args[0] != emailSite {
		return fmt.Errorf("the practice world has no application %q", args)
	}
	s.entering.Lock()
	defer s.entering.Unlock()
	if args[0] == tickrSite || s.mail != nil {
		return nil
	}
	if err := s.openMail(context.WithoutCancel(ctx)); err != nil { // half a start would be of use to nobody
		s.mail.close()
		s.mail = nil
		return err
	}
	return s.breakIn(context.WithoutCancel(ctx), emailSite, s.status().Broken)
}
