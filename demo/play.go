package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"postdesk/internal/ticket"
	"postdesk/store"
)

const (
	jean  = `"Jean Client" <jean@client.example>`
	anne  = `"Anne Durand" <anne.durand@corp.example>`
	bruno = `"Bruno Petit" <bruno.petit@corp.example>`
	desk  = "relationclient@example.com"
)

// photo stands for a file that must arrive byte for byte.
var photo = bytes.Repeat([]byte{0x89, 'P', 'N', 'G', 0, 0xff, 0x7f, '\r', '\n', '.'}, 400)

// play is the conversation.
func (s *stage) play(ctx context.Context) error {
	for _, act := range []func() error{s.request, s.answer, s.photo, s.handOver} {
		if err := act(); err != nil {
			return err
		}
	}
	return s.history(ctx)
}

// request: a customer writes, hears the number, and the usual agent has the mail.
func (s *stage) request() error {
	s.say("Jean, a customer, writes to %s.", desk)
	mail := write(jean, desk, "Mon appareil ne démarre plus", "Bonjour,\n\nmon appareil s'est éteint ce matin et ne démarre plus.\nQue dois-je faire ?\n\nJean\n", nil)
	if err := s.dialogue("jean@client.example", desk, mail); err != nil {
		return err
	}
	s.say("Jean gets the acknowledgement, with the number of the ticket.")
	if _, err := s.next(s.customer); err != nil {
		return err
	}
	s.say("Anne, who looks after Jean, gets the mail in her ordinary mailbox at corp.example.")
	_, err := s.next(s.agents)
	return err
}

// answer: the agent presses Reply; nothing in what leaves shows her address.
func (s *stage) answer() error {
	s.say("Anne presses Reply in her mail client. Her mail has her address, her client and her machine in it.")
	mail := reply(s.agents.last, anne, "Bonjour,\n\ndébranchez-le dix secondes, puis dites-moi si le voyant s'allume.\nLa notice est ci-jointe.\n",
		map[string][]byte{"notice.pdf": photo}, "User-Agent: ClientDAnne/9.1", "X-Originating-IP: [10.1.2.3]")
	if err := s.post(s.agents.last, "anne.durand@corp.example", mail); err != nil {
		return err
	}
	s.say("Jean receives the answer, from the generic address, signed.")
	m, err := s.next(s.customer)
	if err != nil {
		return err
	}
	for _, trace := range []string{"corp.example", "ClientDAnne", "10.1.2.3"} {
		if bytes.Contains(m.raw, []byte(trace)) {
			return fmt.Errorf("the answer shows %q", trace)
		}
	}
	return s.attached(m, "The notice arrived byte for byte, and no trace of anne.durand@corp.example, her client or her machine.")
}

// photo: the customer answers with a file; the same ticket, no second
// acknowledgement.
func (s *stage) photo() error {
	s.say("Jean answers, with a photo.")
	mail := reply(s.customer.last, jean, "Le voyant reste éteint, voici une photo.\n", map[string][]byte{"photo.png": photo})
	if err := s.post(s.customer.last, "jean@client.example", mail); err != nil {
		return err
	}
	s.say("Anne has it, in the same thread; Jean gets no second acknowledgement.")
	m, err := s.next(s.agents)
	if err != nil {
		return err
	}
	return s.attached(m, "The photo arrived byte for byte.")
}

// handOver: a command by mail, and a colleague ends the ticket.
func (s *stage) handOver() error {
	s.say("Anne hands the ticket over to Bruno, with one line.")
	mine := s.agents.last
	if err := s.post(mine, "anne.durand@corp.example", reply(mine, anne, "#assign bruno\n", nil)); err != nil {
		return err
	}
	s.say("Two mails: Bruno gets Jean's latest mail, and Anne a transcript.")
	var bruns *letter
	for range 2 {
		m, err := s.next(s.agents)
		if err != nil {
			return err
		}
		if strings.Contains(m.to, "bruno") {
			bruns = m
		}
	}
	if bruns == nil {
		return errors.New("no mail came for Bruno")
	}
	s.say("Bruno answers and closes the matter, in one mail.")
	mail := reply(bruns, bruno, "#solved alimentation remplacée\nBonjour,\n\nl'alimentation est en cause : une neuve part aujourd'hui.\n", nil)
	if err := s.post(bruns, "bruno.petit@corp.example", mail); err != nil {
		return err
	}
	s.say("Jean receives Bruno's answer, without the command.")
	m, err := s.next(s.customer)
	if err != nil {
		return err
	}
	if bytes.Contains(m.raw, []byte("#solved")) {
		return errors.New("the command left with the answer")
	}
	return nil
}

// history prints what the ticket remembers.
func (s *stage) history(ctx context.Context) error {
	s.say("What the ticket remembers (postdesk ticket history 10000):")
	return s.desk.Store.View(ctx, func(tx store.ReadTx) error {
		t, err := store.GetTicket(tx, 10000)
		if err != nil {
			return err
		}
		fmt.Fprintf(s.out, "   ticket %d  %s  %s  assignee %s  turn: %s\n", t.Number, t.Subject, t.Status, t.Assignee, t.Turn())
		return store.Events(tx, t.Number, func(e ticket.Event) error {
			fmt.Fprintf(s.out, "   %3d  %-28s %-14s %s\n", e.Seq, e.By, e.What, details(e))
			return nil
		})
	})
}

// details are the words of an event.
func details(e ticket.Event) string {
	var words []string
	for _, name := range []string{"subject", "agent", "why", "status", "text", "to", "reason"} {
		if v := e.Data[name]; v != "" {
			words = append(words, name+"="+v)
		}
	}
	if e.Participant != nil {
		words = append(words, string(e.Participant.Relation)+"="+e.Participant.Address.String())
	}
	return strings.Join(words, " ")
}

// attached checks that the file came through unharmed.
func (s *stage) attached(m *letter, praise string) error {
	list := m.Attachments()
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
	s.say("%s", praise)
	return nil
}

// next waits for the next mail of a mailbox and prints it.
func (s *stage) next(m *mailbox) (*letter, error) {
	l, err := m.wait(patience)
	if err != nil {
		return nil, err
	}
	s.show(l)
	return l, nil
}

// text is what a reader sees.
func (l *letter) text() string {
	t, _ := l.TextBody(64 << 10)
	return t
}
