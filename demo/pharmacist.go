package demo

import "fmt"

// pharmacist: someone nobody knows is led by a rule to the right agent, who sees
// that it is a matter of another team. The customer is told once, and goes on
// with the right address.
func (s *stage) pharmacist() error {
	claire := s.claire()
	s.say("Claire, a pharmacist whom nobody knows yet, writes. A rule sees “PH” in the subject.")
	if err := claire.writes(desk, "PH – commande pour la Suisse", "Bonjour,\n\npuis-je faire livrer une commande à Genève ?\n\nClaire\n"); err != nil {
		return err
	}
	if _, err := claire.gets(); err != nil { // the acknowledgement
		return err
	}
	s.say("The rule gives it to Bruno, with priority and category.")
	copy, err := s.bruno().reads()
	if err != nil {
		return err
	}
	s.say("It is a matter of the export team: Bruno moves it there.")
	if err := s.bruno().answers(copy, "#team "+export+"\n"); err != nil {
		return err
	}
	s.say("Claire is told, once, and need not do anything.")
	told, err := claire.reads()
	if err != nil {
		return err
	}
	if err := told.sees([]string{"Export", export}, []string{"Votre demande n°10001\r\n", "corp.example"}); err != nil {
		return err
	}
	if _, err := s.bruno().gets(); err != nil { // the transcript
		return err
	}
	s.say("Chloé, of the export team, has the mail at once, and answers.")
	hers, err := s.chloe().reads()
	if err != nil {
		return err
	}
	if err := s.chloe().answers(hers, "Bonjour Claire,\n\noui, en trois jours.\n"); err != nil {
		return err
	}
	s.say("The answer comes from the right address.")
	answer, err := claire.reads()
	if err != nil {
		return err
	}
	if from := answer.Header.Mailboxes("From")[0].Address.String(); from != export {
		return fmt.Errorf("the answer comes from %s", from)
	}
	return nil
}
