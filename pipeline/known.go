package pipeline

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"postdesk/internal/addr"
	"postdesk/internal/compose"
	"postdesk/internal/config"
	"postdesk/internal/reply"
	"postdesk/internal/ticket"
	"postdesk/rules"
	"postdesk/store"
)

// tagRefused marks the closed ticket of a stranger: what follows in it does not
// open it either.
const tagRefused = "refused"

// welcome decides whether the team takes a new request of this author. A mail
// that was sent to several teams goes to the first that does. To others one
// polite sentence is said in the session; from an MTA in front of us, which
// would bounce to a forged sender, the mail becomes a closed ticket.
func (in *inbound) welcome() error {
	if in.outcome.Refuse != "" || in.released != nil || in.facts.Class.Class != ClassCustomer && in.facts.Class.Class != ClassOwn {
		return nil
	}
	teams := []*config.Team{in.team}
	if in.ruledTeam() == nil {
		teams = append(teams, in.otherTeams(in.team)...)
	}
	for _, team := range teams {
		known, err := in.knownTo(team)
		if err != nil {
			return err
		}
		if known.Known {
			in.team = team
			if team.AcceptKnown {
				in.facts.Known = known
			}
			return nil
		}
	}
	return in.turnAway()
}

// knownTo says whether a team serves the author, and by what it knows that.
func (in *inbound) knownTo(team *config.Team) (rules.KnownOut, error) {
	if !team.AcceptKnown {
		return rules.KnownOut{Known: true}, nil
	}
	entered, err := in.entered()
	if err != nil {
		return rules.KnownOut{}, err
	}
	text, _ := in.mail.TextBody(maxRuleText)
	return rules.Known(rules.KnownIn{By: team.KnownBy, Address: entered, Text: in.facts.Subject + "\n" + text,
		Holder: func(field, value string) (uint64, error) { return store.HolderOf(in.tx, field, value) }})
}

// entered: an admin or an agent entered a contact with the author's address, or
// one for the author's whole company. A form's mail has the author in Reply-To.
func (in *inbound) entered() (bool, error) {
	who := in.asker().Address
	if who.IsZero() {
		return false, nil
	}
	list := []addr.Address{who, {Domain: who.Domain}}
	if company := rules.Company(who.Domain); company != "" && company != who.Domain {
		list = append(list, addr.Address{Domain: company})
	}
	for _, a := range list {
		c, err := store.FindContact(in.tx, a)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil || c.Known {
			return err == nil, err
		}
	}
	return false, nil
}

// turnAway refuses a stranger in the session where that is allowed.
func (in *inbound) turnAway() error {
	if in.mayRefuse() {
		said, err := in.strangerSentence(in.team.Language)
		if err != nil {
			return err
		}
		if in.team.Language != "en" {
			english, err := in.strangerSentence("en")
			if err != nil {
				return err
			}
			said += " / " + english
		}
		return reply.New(550, [3]int{5, 7, 1}, said)
	}
	in.stranger = true
	var err error
	in.outcome.Refuse, err = in.strangerSentence(in.language())
	return err
}

func (in *inbound) strangerSentence(lang string) (string, error) {
	return in.w.compose.Sentence(in.team, lang, compose.LetterStranger)
}

// noteKnown tells the agent by what an unknown address was taken: a number in a
// mail proves little, so that it opens the door and links nothing.
func (in *inbound) noteKnown() error {
	k := in.facts.Known
	if in.stranger {
		return in.event(ticket.Event{By: ticket.System, What: ticket.Tagged, Data: map[string]string{"tag": tagRefused}})
	}
	if k.Contact == 0 {
		return nil
	}
	c, err := store.GetContact(in.tx, k.Contact)
	if err != nil {
		return err
	}
	var who []string
	for _, s := range []string{c.Name, c.Company} {
		if s != "" {
			who = append(who, s)
		}
	}
	if len(c.Addresses) > 0 {
		who = append(who, c.Addresses[0].String())
	}
	in.warn(compose.WarnKnownBy, k.By+inBrackets(strings.Join(who, ", ")))
	return in.event(ticket.Event{By: ticket.System, What: ticket.Recognised, Data: map[string]string{"contact": strconv.FormatUint(k.Contact, 10), "by": k.By}})
}

// shut: a team that this author may not write to is not told of the request
// either.
func (in *inbound) shut(team *config.Team) (bool, error) {
	if !team.AcceptKnown || in.facts.Class.Class != ClassCustomer || in.released != nil {
		return false, nil
	}
	known, err := in.knownTo(team)
	return !known.Known, err
}

// turnedAway: the ticket is that of a stranger who was refused, and no agent has
// opened it since.
func (in *inbound) turnedAway() bool {
	return in.t.Status == ticket.Closed && slices.Contains(in.t.Tags, tagRefused) && len(in.t.Writers) == 0
}

// keepShut keeps a stranger's further mail with the first, and disturbs nobody.
func (in *inbound) keepShut() error {
	if err := in.keep(ticket.KindVisitor); err != nil {
		return err
	}
	in.facts.Ack = rules.Ack{Reason: rules.ReasonNotNew, Line: 1, Ticket: rules.DispositionNormal}
	in.facts.Decision = "message " + strconv.FormatUint(in.m.Seq, 10) + " of ticket " + strconv.FormatUint(in.t.Number, 10) + ", which stays closed: the sender is no known contact"
	return in.event(ticket.Event{By: in.sender(), What: ticket.Visited, Message: in.m.Seq})
}
