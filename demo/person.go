package demo

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"time"
)

// person is somebody with an ordinary mail client.
type person struct {
	s             *stage
	name, address string
}

// elsewhere are the domains of the people, whose mail is not postdesk's.
var elsewhere = map[string]bool{"client.example": true, "pharmacie.example": true, "lab.example": true, "corp.example": true}

func (s *stage) jean() person   { return person{s, "Jean Client", "jean@client.example"} }
func (s *stage) claire() person { return person{s, "Claire Officine", "claire@pharmacie.example"} }
func (s *stage) expert() person { return person{s, "Dr Weber", "weber@lab.example"} }
func (s *stage) boss() person   { return person{s, "Paul Chef", "paul.chef@corp.example"} }
func (s *stage) anne() person   { return person{s, "Anne Durand", "anne.durand@corp.example"} }
func (s *stage) bruno() person  { return person{s, "Bruno Petit", "bruno.petit@corp.example"} }
func (s *stage) sophie() person { return person{s, "Sophie Martin", "sophie.martin@corp.example"} }
func (s *stage) chloe() person  { return person{s, "Chloé Export", "chloe.export@corp.example"} }

func (p person) String() string { return fmt.Sprintf("%q <%s>", p.name, p.address) }

// reads waits for the next mail, and shows it.
func (p person) reads() (*letter, error) {
	l, err := p.gets()
	if err != nil {
		return nil, err
	}
	p.s.show(l)
	return l, nil
}

// gets waits for the next mail.
func (p person) gets() (*letter, error) {
	select {
	case l := <-p.s.host.box(p.address):
		return l, nil
	case <-time.After(patience):
		return nil, fmt.Errorf("%s waited %v for a mail that did not come", p.address, patience)
	}
}

// writes sends a new mail to one of postdesk's addresses.
func (p person) writes(to, subject, text string) error {
	return p.s.deliver(p.address, to, p.s.write(p.String(), to, subject, text, nil), nil)
}

// answers presses Reply, types, and sends.
func (p person) answers(m *letter, text string, headers ...string) error {
	p.s.typed(p, text)
	return p.s.post(m, p.address, p.s.reply(m, p.String(), text, nil, headers...))
}

// sees fails when a mail does not say what it must, or says what its reader must
// not see.
func (l *letter) sees(words []string, never []string) error {
	text := l.Header.Text("From") + l.Header.Text("Subject") + l.text()
	for _, w := range words {
		if !strings.Contains(text, w) {
			return fmt.Errorf("the mail to %s does not say %q", l.to, w)
		}
	}
	for _, w := range never {
		if bytes.Contains(l.raw, []byte(w)) || strings.Contains(text, w) {
			return fmt.Errorf("the mail to %s shows %q", l.to, w)
		}
	}
	return nil
}

// text is what a reader sees.
func (l *letter) text() string {
	t, _ := l.TextBody(64 << 10)
	return t
}

// attached checks that a mail has one file, and that it came through unharmed.
func (l *letter) attached() error {
	list := l.Attachments()
	if len(list) != 1 {
		return fmt.Errorf("%d attachments, want 1", len(list))
	}
	data, err := io.ReadAll(list[0].Decode())
	if err != nil {
		return err
	}
	if !bytes.Equal(data, photo) {
		return fmt.Errorf("%s was changed on its way", list[0].FileName())
	}
	return nil
}
