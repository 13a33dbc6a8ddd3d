package demo

// advice: what the customer never sees. A note to a colleague, an expert's
// opinion, a superior's approval; then one answer.
func (s *stage) advice() error {
	s.say("Jean has a harder question.")
	if err := s.jean().writes(desk, "Remplacement sous garantie", "Bonjour,\n\nl'appareil de rechange chauffe aussi. Pouvez-vous le remplacer ?\n\nJean\n"); err != nil {
		return err
	}
	if _, err := s.jean().gets(); err != nil {
		return err
	}
	copy, err := s.anne().reads()
	if err != nil {
		return err
	}
	if err := s.note(copy); err != nil {
		return err
	}
	if err := s.ask(copy); err != nil {
		return err
	}
	if err := s.approve(copy); err != nil {
		return err
	}
	s.say("Anne answers Jean.")
	if err := s.anne().answers(copy, "#solved remplacé\nBonjour Jean,\n\nun appareil neuf part ce soir.\n"); err != nil {
		return err
	}
	m, err := s.jean().reads()
	if err != nil {
		return err
	}
	return m.sees([]string{"un appareil neuf"}, []string{"série de mars", "Weber", "Chef", "geste commercial", "#"})
}

func (s *stage) note(copy *letter) error {
	s.say("Anne leaves a note for Bruno, whom she makes an observer.")
	if err := s.anne().answers(copy, "#observe bruno.petit@corp.example\n#note\nBruno, n'était-ce pas déjà la série de mars ?\n"); err != nil {
		return err
	}
	for {
		m, err := s.bruno().reads()
		if err != nil {
			return err
		}
		if m.sees([]string{"NOTE", "série de mars"}, nil) == nil {
			return nil
		}
	}
}

func (s *stage) ask(copy *letter) error {
	s.say("Anne asks an expert at another company. Jean sees nothing of it.")
	if err := s.anne().answers(copy, "#ask weber@lab.example Surchauffe\nBonjour Dr Weber,\n\nle bloc chauffe à vide : est-ce dangereux ?\n"); err != nil {
		return err
	}
	question, err := s.expert().reads()
	if err != nil {
		return err
	}
	if err := question.sees([]string{"le bloc chauffe"}, []string{"corp.example", "#ask", "série de mars"}); err != nil {
		return err
	}
	s.say("The expert answers, and Anne has it.")
	if err := s.expert().answers(question, "Guten Tag,\n\nnon, mais remplacez-le.\n\nWeber\n"); err != nil {
		return err
	}
	m, err := s.anne().reads()
	if err != nil {
		return err
	}
	return m.sees([]string{"remplacez-le"}, nil)
}

func (s *stage) approve(copy *letter) error {
	s.say("A new one costs money: Anne asks for approval.")
	if err := s.anne().answers(copy, "#approve paul.chef@corp.example\nPaul, un geste commercial de 90 euros pour ce client ?\n"); err != nil {
		return err
	}
	question, err := s.boss().reads()
	if err != nil {
		return err
	}
	if err := s.boss().answers(question, "Oui, bien sûr.\n"); err != nil {
		return err
	}
	s.say("Anne hears the decision; it is in the ticket's history.")
	m, err := s.anne().reads()
	if err != nil {
		return err
	}
	return m.sees([]string{"Paul"}, nil)
}
