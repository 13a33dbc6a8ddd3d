package pipeline

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"postdesk/internal/addr"
	"postdesk/internal/compose"
	"postdesk/internal/config"
	"postdesk/internal/message"
	"postdesk/internal/ticket"
	"postdesk/rules"
	"postdesk/smtpd"
	"postdesk/store"
)

// inCustomersName opens a ticket for somebody else: of a mail that the agent
// forwards, or of what the agent notes of a call (#customer). Whose ticket it is
// must be sure; else the agent is asked.
func (out *outbound) inCustomersName() (*result, error) {
	out.team = out.teamMeant()
	if out.observes() {
		return out.hold(holdCommand, nil, []string{words(out.lang(), "observer")})
	}
	c := out.carries()
	who, why, err := out.customerOf(&c)
	switch {
	case err != nil:
		return nil, err
	case out.t != nil:
		return out.alreadyHere(c, out.t.Number)
	case why != "" && out.passed(holdCustomer):
		return out.ownRequest()
	case why != "":
		out.guess = c.customer
		return out.hold(holdCustomer, nil, []string{words(out.lang(), why)})
	}
	if number, err := out.known(c); err != nil || number != 0 {
		if err != nil {
			return nil, err
		}
		return out.alreadyHere(c, number)
	}
	mails, err := out.customersMails(c, who)
	if err != nil {
		return nil, err
	}
	return out.openFor(c, mails)
}

// teamMeant is the team of a mail that may have come to a desk address: the one
// that it was written to, else the one in whose name it was, else the agent's.
func (out *outbound) teamMeant() *config.Team {
	if out.delivery.toTeam() {
		return out.team
	}
	if t := out.w.team(out.author.Address); t != nil {
		return t
	}
	return out.w.homeTeam(out.agent)
}

// customerOf is whose ticket it will be: who is named by command, else who wrote
// the mail that is passed on. why says why that is not sure.
func (out *outbound) customerOf(c *carried) (who addr.Mailbox, why string, err error) {
	i := slices.IndexFunc(out.commands, isCustomer)
	if i < 0 {
		return c.customer, c.why, nil
	}
	who, err = out.namedCustomer(out.commands[i])
	return who, "", err
}

func isCustomer(c ticket.Command) bool { return c.Name == ticket.CmdCustomer }

// namedCustomer reads `jean@client.example "Jean Client"` and
// `"Jean Client" <jean@client.example>`.
func (out *outbound) namedCustomer(c ticket.Command) (addr.Mailbox, error) {
	people, rest, ok := ticket.ParseAsk(c.Arg)
	if !ok || len(people) != 1 || people[0].Mailbox.Address.IsZero() {
		return addr.Mailbox{}, refuse(c, words(out.lang(), "who-form"), `#customer jean@client.example "Jean Client"`)
	}
	who := people[0].Mailbox
	who.Name = shortName(cmp.Or(who.Name, message.Clean(rest, maxName)))
	if out.ours(who.Address) {
		return addr.Mailbox{}, refuse(c, words(out.lang(), "who-ours"))
	}
	return who, nil
}

// known is the ticket that already has one of the mails, 0 when none has that the agent may see.
func (out *outbound) known(c carried) (uint64, error) {
	ids := []string{c.id}
	for _, m := range c.exact {
		ids = append(ids, m.Header.MessageIDs("Message-ID")...)
	}
	for _, id := range ids {
		if id == "" {
			continue
		}
		number, _, err := store.ByMessageID(out.tx, clip(id))
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return 0, err
		}
		t, err := store.LiveTicket(out.tx, number)
		if err != nil {
			return 0, err
		}
		if out.w.sees(out.agent, t) {
			return number, nil
		}
	}
	return 0, nil
}

// alreadyHere tells the agent which ticket has the mail; the agent's own words are
// a note in it.
func (out *outbound) alreadyHere(c carried, number uint64) (*result, error) {
	if err := out.openTicket(number); err != nil {
		return nil, err
	}
	if err := out.keepWords(c); err != nil {
		return nil, err
	}
	line := fmt.Sprintf(words(out.lang(), "alreadyHere"), out.t.Number, out.t.Subject)
	if name := out.w.assigneeName(out.t); name != "" {
		line = fmt.Sprintf(words(out.lang(), "alreadyOf"), out.t.Number, out.t.Subject, name)
	}
	out.facts.Decision = "a mail that ticket " + strconv.FormatUint(out.t.Number, 10) + " has already"
	if err := out.answer(compose.NoticeTranscript, compose.NoticeData{Lines: []string{line}}); err != nil {
		return nil, err
	}
	return out.finish()
}

// customersMails are the customer's mails on their way: as they were attached, or
// written down from the agent's.
func (out *outbound) customersMails(c carried, who addr.Mailbox) ([]*inbound, error) {
	var list []*inbound
	for _, m := range c.exact {
		in, err := out.asFrom(m.Source, who)
		if err != nil {
			return nil, err
		}
		list = append(list, in)
	}
	if len(list) > 0 {
		return list, nil
	}
	text := c.text
	if text == "" {
		text, _ = message.SplitSignature(out.rest)
		text = cmp.Or(strings.TrimSpace(text), c.subject)
	}
	if i := slices.IndexFunc(out.commands, isCustomer); i >= 0 && text == "" && len(out.mail.Attachments()) == 0 {
		return nil, refuse(out.commands[i], words(out.lang(), "noText"))
	}
	src, err := compose.Noted(compose.NotedIn{From: who, To: addr.Mailbox{Name: out.team.Name, Address: out.team.Address}, Subject: c.subject,
		Date: out.at, MessageID: c.id, Seed: out.p.keys.Mint(addr.Token{Kind: addr.KindLoop}) + out.facts.SHA256, Text: text, Mail: out.mail})
	if err != nil {
		return nil, err
	}
	in, err := out.asFrom(src, who)
	return []*inbound{in}, err
}

// asFrom is a mail as if the customer had sent it to the team. The agent vouches
// for it.
func (out *outbound) asFrom(src message.Source, who addr.Mailbox) (*inbound, error) {
	env := &smtpd.Envelope{Peer: smtpd.Peer{Listener: out.env.Peer.Listener, Login: out.agent.ID}, From: who.Address, To: []addr.Address{out.team.Address}, Received: out.at}
	d, err := out.p.newDelivery(out.w, env, src)
	if err != nil {
		return nil, err
	}
	d.at, d.author, d.passedOn = out.at, who, true
	d.facts.From = who.Address.String()
	d.facts.Auth.Backed = "vouched for by " + out.agent.ID
	d.facts.Class = ClassFacts{Class: ClassCustomer, Why: "passed on by " + out.agent.ID}
	in := out.p.inbound(out.tx, d)
	in.team = out.team
	return in, nil
}

// openFor puts the customer's mails into a ticket, and the agent's own words
// beside them as a note.
func (out *outbound) openFor(c carried, mails []*inbound) (*result, error) {
	first := mails[0]
	noted, findings, err := out.confirmed(c, first)
	if err != nil {
		return nil, err
	}
	if len(findings) > 0 && !out.guardPassed() {
		return out.hold(holdGuard, findings, nil)
	}
	thread, err := out.p.threading(out.tx, first.delivery, rules.Identity{Kind: rules.IdentityCustomer, Tokens: first.tokensOf(out.p, "")}, false)
	if err != nil {
		return nil, err
	}
	if thread, err = out.onlySeen(thread); err != nil {
		return nil, err
	}
	first.facts.Thread = thread
	if thread.Join {
		err = first.join(thread)
	} else {
		err = out.begin(first, thread)
	}
	if err != nil {
		return nil, err
	}
	out.t, out.team = first.t, first.team
	for _, in := range mails {
		if err := out.receive(in); err != nil {
			return nil, err
		}
	}
	return out.afterOpening(c, first, noted, thread.Join)
}

// onlySeen lets a mail that an agent passes on join a ticket that this agent may
// see: what is attached may be made up.
func (out *outbound) onlySeen(thread rules.ThreadOut) (rules.ThreadOut, error) {
	if !thread.Join {
		return thread, nil
	}
	t, err := store.LiveTicket(out.tx, thread.Ticket)
	if err != nil || out.w.sees(out.agent, t) {
		return thread, err
	}
	return nameless(thread), nil
}

// begin makes the ticket: the customer's, opened and owned by the agent, if the
// agent answers for that team.
func (out *outbound) begin(in *inbound, thread rules.ThreadOut) error {
	var err error
	if in.contact, err = store.EnterContact(in.tx, in.author, in.at); err != nil {
		return err
	}
	in.outcome = in.w.rules.Apply(in.ruleFacts(in.team, in.contact, nil))
	in.facts.Rules, in.outcome.Refuse, in.outcome.Team = in.outcome.Applied, "", ""
	in.facts.Route = rules.RouteOut{Agent: out.agent.ID, Why: "opened-for"}
	if !inTeam(in.team, out.agent.ID) {
		if in.facts.Route, err = in.route(); err != nil {
			return err
		}
	}
	if in.t, err = store.NewTicket(in.tx, in.w.cfg.Tickets.FirstNumber); err != nil {
		return err
	}
	in.t.Team, in.t.Language = in.team.Address, in.language()
	who := &ticket.Participant{Relation: ticket.Requester, Name: shortName(in.author.Name), Address: in.author.Address, Contact: in.contact.ID}
	events := []ticket.Event{
		{By: out.by(), What: ticket.Created, Data: map[string]string{"subject": cmp.Or(in.outcome.Subject, in.facts.Subject)}},
		{By: out.by(), What: ticket.OpenedFor, Data: map[string]string{"customer": in.author.Address.String()}},
		{By: out.by(), What: ticket.Joined, Participant: who},
	}
	for _, n := range thread.Mentions {
		events = append(events, ticket.Event{By: ticket.System, What: ticket.Mentions, Data: numbered("number", n)})
	}
	if thread.LinkedTo != 0 {
		events = append(events, ticket.Event{By: ticket.System, What: ticket.Linked, Data: numbered("number", thread.LinkedTo)})
	}
	if err := in.events(events); err != nil {
		return err
	}
	if err := store.AddRequest(in.tx, in.contact.ID, in.t.Number); err != nil {
		return err
	}
	return in.settle(in.facts.Route)
}

// receive keeps one of the customer's mails, if joining has not, and sends the
// agents their copies.
func (out *outbound) receive(in *inbound) error {
	if in.m == nil {
		in.t, in.team = out.t, out.team
		if err := in.keep(ticket.KindIn); err != nil {
			return err
		}
		in.m.Backed = "" // the agent vouches for it, no server does
		if in.m.Seq > 1 {
			if err := in.event(ticket.Event{By: in.sender(), What: ticket.Received, Message: in.m.Seq}); err != nil {
				return err
			}
		}
		if err := in.participants(); err != nil {
			return err
		}
		if err := in.forward(); err != nil {
			return err
		}
	}
	in.facts.Ack = rules.Ack{Reason: rules.ReasonAgentSubmission, Line: 1, Ticket: rules.DispositionNormal}
	in.facts.Decision = "passed on by " + out.agent.ID + ": message " + strconv.FormatUint(in.m.Seq, 10) + " of ticket " + strconv.FormatUint(in.t.Number, 10)
	in.m.Prefix, in.m.Facts = nil, encodeFacts(in.facts)
	if err := store.PutMessage(in.tx, in.t.Number, *in.m); err != nil {
		return err
	}
	out.happened = append(out.happened, in.happened...)
	return in.remember()
}

// afterOpening keeps the agent's own mail, tells the customer, and carries out the
// other commands.
func (out *outbound) afterOpening(c carried, first *inbound, noted string, joined bool) (*result, error) {
	if err := out.keepWords(c); err != nil {
		return nil, err
	}
	if !joined && out.confirms(first) {
		l := letter{kind: compose.LetterConfirmation, t: out.t, at: out.at, to: audience(out.t)[:1], data: compose.LetterData{Agent: out.agent.Name, Text: noted}}
		if err := out.p.sendLetter(out.tx, out.w, l); err != nil {
			return nil, err
		}
	}
	if _, err := out.apply(); err != nil {
		return nil, err
	}
	if out.t.Assignee != out.agent.ID {
		line := fmt.Sprintf(words(out.lang(), "openedFor"), out.t.Number, first.author.Address)
		out.page(compose.NoticeTranscript, compose.NoticeData{Lines: []string{line}})
	}
	if err := out.sendPages(false); err != nil {
		return nil, err
	}
	out.facts.Decision = "ticket " + strconv.FormatUint(out.t.Number, 10) + " in the name of " + first.author.Address.String() + ", by " + out.agent.ID
	return out.finish()
}

// keepWords keeps the agent's mail in the ticket: as a note, if the agent said
// something above what was forwarded, for the colleagues who read along.
func (out *outbound) keepWords(c carried) error {
	said := c.above
	if len(c.exact) == 0 && c.text == "" {
		said = "" // it is the customer's request
	}
	if said == "" {
		return out.keepAs(ticket.KindInternal)
	}
	if err := out.keepAs(ticket.KindNote); err != nil {
		return err
	}
	out.m.Excerpt = excerpt(said)
	if err := out.event(ticket.Event{By: out.by(), What: ticket.Noted, Message: out.m.Seq}); err != nil {
		return err
	}
	readers, err := out.noteReaders()
	if err != nil {
		return err
	}
	n := copyOf{t: out.t, m: out.m, mail: out.mail, kind: compose.CopyNote, at: out.at, readers: readers, commands: out.lines(), kept: out.kept()}
	return out.p.sendCopies(out.tx, out.w, n)
}

// maxConfirmed is how much of what was noted the confirmation repeats, in bytes.
const maxConfirmed = 16 << 10

// confirmed is what the confirmation repeats: what was noted of a call, cleaned as
// an answer is. What the customer has written needs no repeating.
func (out *outbound) confirmed(c carried, in *inbound) (string, []compose.Finding, error) {
	if len(c.exact) > 0 || c.text != "" {
		return "", nil, nil
	}
	was := out.t
	out.t = &ticket.Ticket{Team: out.team.Address} // what tokens stand for is asked of a ticket
	defer func() { out.t = was }()
	text, findings, err := out.w.compose.Checked(compose.ReplyIn{
		Head: compose.Head{Subject: in.facts.Subject, Date: out.at, MessageID: out.p.minter(out.w, out.t).next(addr.Person{}).messageID},
		Lang: out.team.Language, Mail: in.mail, Rewrite: out.rewrite, Secrets: out.w.secrets, Logins: out.w.logins, IsToken: out.isToken,
	})
	return abridge(text, maxConfirmed), findings, err
}

// confirms says whether the customer is told: never a robot, nor where the mail
// was written by one.
func (out *outbound) confirms(in *inbound) bool {
	return !out.robot(in.author.Address) && !in.automatic() && in.report() == nil
}

// robot says whether nobody reads mail to an address.
func (out *outbound) robot(a addr.Address) bool { return rules.SystemSender(a.Local) }
