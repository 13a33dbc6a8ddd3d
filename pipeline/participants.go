package pipeline

import (
	"fmt"
	"slices"
	"strings"

	"postdesk/internal/addr"
	"postdesk/internal/message"
	"postdesk/internal/ticket"
	"postdesk/store"
)

// include makes somebody a participant, or one who sees more than before. p gets
// the number. Who sees as much already causes no event.
func (in *inbound) include(p *ticket.Participant, by ticket.Actor) error {
	if was := in.t.Who(p.Address); was != nil && !p.Relation.Nearer(was.Relation) {
		*p = *was
		return nil
	}
	return in.event(ticket.Event{By: by, What: ticket.Joined, Participant: p})
}

// someoneOutside refuses whom nobody outside can be: one of us, or no address.
func (out *outbound) someoneOutside(c ticket.Command, p ticket.Person) error {
	a := p.Mailbox.Address
	lang := out.lang()
	switch {
	case a.IsZero():
		return refuse(c, fmt.Sprintf(words(lang, "noAddress"), p.Typed), "#"+string(c.Name)+" jean@client.example")
	case out.w.byAddress[a.Key()] != nil:
		return refuse(c, fmt.Sprintf(words(lang, "isColleague"), out.w.byAddress[a.Key()].Name), "#observe "+a.String(), "#assign "+out.w.byAddress[a.Key()].ID)
	case out.w.team(a) != nil:
		return refuse(c, fmt.Sprintf(words(lang, "isTeam"), a), "#team "+a.String())
	case out.ours(a):
		return refuse(c, fmt.Sprintf(words(lang, "isOurs"), p.Typed))
	}
	return nil
}

// peopleOf reads who is named behind a command.
func (out *outbound) peopleOf(c ticket.Command) ([]ticket.Person, error) {
	people, ok := ticket.ParsePeople(c.Arg)
	if !ok {
		return nil, refuse(c, words(out.lang(), "noPeople"), "#"+string(c.Name)+" +jean@client.example -paul@client.example")
	}
	return people, nil
}

// copyTo carries out #cc: people join the customer's side, from now on, or
// leave it.
func (out *outbound) copyTo(c ticket.Command) (string, error) {
	people, err := out.peopleOf(c)
	if err != nil {
		return "", err
	}
	for _, p := range people {
		if p.Sign < 0 {
			err = out.uncopy(c, p)
		} else {
			err = out.copyOne(c, p)
		}
		if err != nil {
			return "", err
		}
	}
	_, cc := out.t.Audience()
	if len(cc) == 0 {
		return fmt.Sprintf(words(out.lang(), "doneCcNobody"), c.Line), nil
	}
	return fmt.Sprintf(words(out.lang(), "doneCc"), c.Line, names(cc)), nil
}

// names lists people for a sentence.
func names(people []*ticket.Participant) string {
	var list []string
	for _, p := range people {
		if p.Name != "" {
			list = append(list, p.Name+" <"+p.Address.String()+">")
		} else {
			list = append(list, p.Address.String())
		}
	}
	return strings.Join(list, ", ")
}

func (out *outbound) copyOne(c ticket.Command, p ticket.Person) error {
	if err := out.someoneOutside(c, p); err != nil {
		return err
	}
	if public(out.t.Who(p.Mailbox.Address)) {
		return nil
	}
	if out.t.Who(p.Mailbox.Address) == nil && (len(out.t.Participants) >= maxParticipants || out.t.Full()) {
		return refuse(c, words(out.lang(), "tooMany"))
	}
	contact, err := store.SeeContact(out.tx, p.Mailbox, out.at)
	if err != nil {
		return err
	}
	who := &ticket.Participant{Relation: ticket.Copied, Name: shortName(p.Mailbox.Name), Address: p.Mailbox.Address, Contact: contact.ID}
	return out.include(who, out.by())
}

// uncopy sends somebody away: nothing more goes there, and what comes from there is a
// visitor's.
func (out *outbound) uncopy(c ticket.Command, p ticket.Person) error {
	who := out.t.Who(p.Mailbox.Address)
	switch {
	case p.Mailbox.Address.IsZero():
		return out.someoneOutside(c, p)
	case who != nil && who.Relation == ticket.Requester:
		return refuse(c, words(out.lang(), "customerStays"))
	case who == nil || who.Relation != ticket.Copied:
		_, cc := out.t.Audience()
		cc = slices.DeleteFunc(cc, func(p *ticket.Participant) bool {
			return strings.Contains(ticket.Fold(c.Arg), ticket.Fold(p.Address.String()))
		})
		return refuse(c, fmt.Sprintf(words(out.lang(), "notInCc"), p.Typed), leaving(c, cc)...)
	}
	return out.leave(who)
}

// leaving are the commands that would have named somebody who is there.
func leaving(c ticket.Command, people []*ticket.Participant) []string {
	var list []string
	for _, p := range people[:min(len(people), 3)] {
		list = append(list, "#"+string(c.Name)+" -"+p.Address.String())
	}
	return list
}

func (out *outbound) leave(who *ticket.Participant) error {
	return out.event(ticket.Event{By: out.by(), What: ticket.Left, Data: numbered("participant", who.ID)})
}

// heedCc lets the mail itself go to whom #cc adds, and not to whom it takes
// away: the command is carried out after the mail is written.
func (out *outbound) heedCc(cc []*ticket.Participant) []*ticket.Participant {
	for _, c := range out.commands {
		people, ok := ticket.ParsePeople(c.Arg)
		if c.Name != ticket.CmdCc || !ok {
			continue
		}
		for _, p := range people {
			a := p.Mailbox.Address
			same := func(m addr.Mailbox) bool { return m.Address.Key() == a.Key() }
			cc = slices.DeleteFunc(cc, func(who *ticket.Participant) bool { return p.Sign < 0 && who.Address.Key() == a.Key() })
			out.people.shown = slices.DeleteFunc(out.people.shown, same)
			if p.Sign >= 0 && !a.IsZero() && !out.ours(a) {
				out.people.shown = append(out.people.shown, p.Mailbox)
			}
		}
	}
	return cc
}

// latestText is the customer's latest text, for who joins later; "" when there
// is none.
func (out *outbound) latestText() (string, error) {
	c, err := latestCopy(out.tx, out.t, out.at)
	if err != nil || c == nil {
		return "", err
	}
	text, _ := c.mail.TextBody(maxExcerpt)
	text, _ = message.SplitQuote(text)
	return strings.TrimSpace(text), nil
}
