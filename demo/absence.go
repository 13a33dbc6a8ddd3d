package demo

import "strings"

// absence: an agent's out-of-office answer says that she is away; new mail goes
// to her colleague.
func (s *stage) absence() error {
	s.say("Jean writes, and Anne's mailbox answers by itself: she is away.")
	if err := s.jean().writes(desk, "Catalogue", "Bonjour,\n\nquand paraît le catalogue ?\n"); err != nil {
		return err
	}
	if _, err := s.jean().gets(); err != nil {
		return err
	}
	copy, err := s.anne().gets()
	if err != nil {
		return err
	}
	back := s.now().AddDate(0, 0, 14).Format("02/01/2006")
	text := "Je suis absente jusqu'au " + back + ".\n"
	s.typed(s.anne(), text)
	sender := strings.Trim(copy.from, "<>")
	mail := s.write(s.anne().String(), sender, "Absente : "+copy.Header.Text("Subject"), text, nil, "Auto-Submitted: auto-replied", "In-Reply-To: "+copy.Header.Get("Message-ID"))
	if err := s.deliver(s.anne().address, sender, mail, nil); err != nil {
		return err
	}
	s.say("The mail that just came to her goes to Bruno.")
	if _, err := s.bruno().reads(); err != nil {
		return err
	}
	s.say("Jean hears nothing of it. His next request goes to Bruno at once.")
	if err := s.jean().writes(desk, "Livraison", "Bonjour,\n\nlivrez-vous le samedi ?\n"); err != nil {
		return err
	}
	ack, err := s.jean().gets()
	if err != nil {
		return err
	}
	if err := ack.sees([]string{"Votre demande"}, []string{"absente"}); err != nil {
		return err
	}
	_, err = s.bruno().reads()
	return err
}
