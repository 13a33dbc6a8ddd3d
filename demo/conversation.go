package demo

import "fmt"

// conversation: a customer writes, the usual agent answers, the customer sends a
// photo, and a colleague ends the matter.
func (s *stage) conversation() error {
	copy, err := s.request()
	if err != nil {
		return err
	}
	answer, err := s.answer(copy)
	if err != nil {
		return err
	}
	if copy, err = s.photo(answer); err != nil {
		return err
	}
	return s.handOver(copy)
}

// request: a customer writes, hears the number, and the usual agent has the mail.
func (s *stage) request() (*letter, error) {
	s.say("Jean, a customer, writes to %s.", desk)
	mail := s.write(s.jean().String(), desk, "Mon appareil ne démarre plus",
		"Bonjour,\n\nmon appareil s'est éteint ce matin et ne démarre plus.\nQue dois-je faire ?\n\nJean\n", nil)
	if err := s.dialogue(s.jean().address, desk, mail); err != nil {
		return nil, err
	}
	s.say("Jean gets the acknowledgement, with the number of the ticket.")
	if _, err := s.jean().reads(); err != nil {
		return nil, err
	}
	s.say("Anne, who looks after Jean, gets the mail in her ordinary mailbox at corp.example.")
	return s.anne().reads()
}

// answer: the agent presses Reply; nothing in what leaves shows her address.
func (s *stage) answer(copy *letter) (*letter, error) {
	s.say("Anne presses Reply in her mail client. Her mail has her address, her client and her machine in it.")
	mail := s.reply(copy, s.anne().String(), "Bonjour,\n\ndébranchez-le dix secondes, puis dites-moi si le voyant s'allume.\nLa notice est ci-jointe.\n",
		map[string][]byte{"notice.pdf": photo}, "User-Agent: ClientDAnne/9.1", "X-Originating-IP: [10.1.2.3]")
	if err := s.post(copy, s.anne().address, mail); err != nil {
		return nil, err
	}
	s.say("Jean receives the answer, from the generic address, signed.")
	m, err := s.jean().reads()
	if err != nil {
		return nil, err
	}
	if err := m.sees(nil, []string{"corp.example", "ClientDAnne", "10.1.2.3"}); err != nil {
		return nil, err
	}
	if err := m.attached(); err != nil {
		return nil, err
	}
	s.say("The notice arrived byte for byte, and no trace of anne.durand@corp.example, her client or her machine.")
	return m, nil
}

// photo: the customer answers with a file; the same ticket, no second
// acknowledgement.
func (s *stage) photo(answer *letter) (*letter, error) {
	s.say("Jean answers, with a photo.")
	mail := s.reply(answer, s.jean().String(), "Le voyant reste éteint, voici une photo.\n", map[string][]byte{"photo.png": photo})
	if err := s.post(answer, s.jean().address, mail); err != nil {
		return nil, err
	}
	s.say("Anne has it, in the same thread; Jean gets no second acknowledgement.")
	m, err := s.anne().reads()
	if err != nil {
		return nil, err
	}
	if err := m.attached(); err != nil {
		return nil, err
	}
	s.say("The photo arrived byte for byte.")
	return m, nil
}

// handOver: a command by mail, and a colleague ends the ticket.
func (s *stage) handOver(copy *letter) error {
	s.say("Anne hands the ticket over to Bruno, with one line.")
	if err := s.anne().answers(copy, "#assign bruno\n"); err != nil {
		return err
	}
	s.say("Anne gets a transcript, and Bruno Jean's latest mail.")
	if _, err := s.anne().reads(); err != nil {
		return err
	}
	his, err := s.bruno().reads()
	if err != nil {
		return err
	}
	s.say("Bruno answers and closes the matter, in one mail.")
	if err := s.bruno().answers(his, "#solved alimentation remplacée\nBonjour,\n\nl'alimentation est en cause : une neuve part aujourd'hui.\n"); err != nil {
		return err
	}
	s.say("Jean receives Bruno's answer, without the command.")
	m, err := s.jean().reads()
	if err != nil {
		return err
	}
	if err := m.sees([]string{"Bruno Petit – Relation Client", "une neuve part"}, []string{"#solved"}); err != nil {
		return fmt.Errorf("the end: %w", err)
	}
	return nil
}
