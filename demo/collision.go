package demo

import "fmt"

// collision: two agents answer the same mail. The second answer waits, and its
// author decides.
func (s *stage) collision() error {
	s.say("Anne hands a mail of Jean over to Bruno.")
	if err := s.jean().writes(desk, "Horaires d'été", "Bonjour,\n\nêtes-vous ouverts le 15 août ?\n"); err != nil {
		return err
	}
	if _, err := s.jean().gets(); err != nil {
		return err
	}
	hers, err := s.anne().gets()
	if err != nil {
		return err
	}
	if err := s.anne().answers(hers, "#assign bruno\n"); err != nil {
		return err
	}
	if _, err := s.anne().gets(); err != nil {
		return err
	}
	his, err := s.bruno().gets()
	if err != nil {
		return err
	}
	s.say("Bruno answers first.")
	if err := s.bruno().answers(his, "Bonjour,\n\nnon, nous sommes fermés.\n"); err != nil {
		return err
	}
	if _, err := s.jean().reads(); err != nil {
		return err
	}
	s.say("Anne has the mail still open, and answers too.")
	if err := s.anne().answers(hers, "Bonjour,\n\noui, comme d'habitude.\n"); err != nil {
		return err
	}
	s.say("Her answer is held: a colleague has answered since.")
	notice, err := s.anne().reads()
	if err != nil {
		return err
	}
	if err := notice.sees([]string{"Bruno Petit"}, nil); err != nil {
		return err
	}
	s.say("Anne drops it.")
	if err := s.anne().answers(notice, "#annuler\n"); err != nil {
		return err
	}
	if _, err := s.anne().reads(); err != nil {
		return err
	}
	if n := len(s.host.box(s.jean().address)); n != 0 {
		return fmt.Errorf("%d mails too many came for Jean", n)
	}
	return nil
}
