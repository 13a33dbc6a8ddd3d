package demo

import "time"

// late: nobody answers within the promised delay.
func (s *stage) late() error {
	s.say("Claire writes, and nobody finds the time.")
	if err := s.claire().writes(desk, "Facture introuvable", "Bonjour,\n\nje ne trouve plus ma facture.\n"); err != nil {
		return err
	}
	if _, err := s.claire().gets(); err != nil {
		return err
	}
	s.say("Two working days later Claire gets a holding mail…")
	s.later(4 * 24 * time.Hour)
	m, err := s.claire().reads()
	if err != nil {
		return err
	}
	if err := m.sees([]string{"un peu plus de temps"}, []string{"corp.example"}); err != nil {
		return err
	}
	s.say("… and the supervisor a warning, for each request that is late.")
	_, err = s.sophie().reads()
	return err
}
