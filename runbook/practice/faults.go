package practice

// broken reports whether a part of the world is broken on purpose.
func (s *server) broken(fault string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.faulty[fault]
}
