package pipeline

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"postdesk/internal/addr"
	"postdesk/internal/compose"
	"postdesk/internal/config"
	"postdesk/internal/ticket"
	"postdesk/rules"
	"postdesk/store"
)

// sameMail is how long a mail that comes again is the same mail.
const sameMail = 7 * 24 * time.Hour

// inbound is a mail in one transaction: the delivery, and what was decided so
// far. It is made anew for each run.
type inbound struct {
	*delivery
	p        *Pipeline
	tx       store.Tx
	facts    Facts // a copy of the delivery's
	team     *config.Team
	t        *ticket.Ticket
	m        *ticket.Message
	contact  *store.Contact
	outcome  rules.Outcome
	told     []*config.Team // the teams that hear of the ticket by this mail
	admitted []uint64       // observers whom a rule has added, and who will hear so with this mail
	caution  []compose.Caution
	happened []ticket.What
	misfits  map[string]string // values of fields that do not fit, by name
	stranger bool              // the team serves known contacts only, and the author is none
	vouching bool              // the mail is here already, and its author's copy has come
	waits    bool              // the breaker is open: what a stranger's new request makes us write waits for an admin
}

func (p *Pipeline) inbound(tx store.Tx, d *delivery) *inbound {
	return &inbound{delivery: d, p: p, tx: tx, facts: d.facts, team: d.team()}
}

// result is what a transaction decided, for the log and the metrics.
type result struct {
	ticket uint64
	facts  Facts
	again  bool // the same mail again
	events []ticket.What
	took   took
}

func (in *inbound) result() *result {
	r := &result{facts: in.facts, events: in.happened}
	if in.t != nil {
		r.ticket, r.took = in.t.Number, in.w.took(in.t, in.at)
	}
	return r
}

// event applies one event at the mail's arrival.
func (in *inbound) event(e ticket.Event) error {
	if e.At.IsZero() {
		e.At = in.at
	}
	in.happened = append(in.happened, e.What)
	return store.AddEvent(in.tx, in.t, e)
}

func (in *inbound) events(list []ticket.Event) error {
	for _, e := range list {
		if err := in.event(e); err != nil {
			return err
		}
	}
	return nil
}

func (in *inbound) warn(w compose.Warning, detail string) {
	in.caution = append(in.caution, compose.Caution{Warning: w, Detail: detail})
}

// sender is the actor of a customer's mail.
func (in *inbound) sender() ticket.Actor {
	return ticket.Actor{Kind: ticket.ByContact, ID: in.author.Address.String()}
}

// maxKeptTo is how many envelope recipients are written down with a mail: they
// are all ours, and a hundred of them with long extensions would be a large
// record.
const maxKeptTo = 20

// keep stores the mail as a message of the ticket.
func (in *inbound) keep(kind ticket.Kind) error {
	id, err := in.put(in.tx)
	if err != nil {
		return err
	}
	in.m = &ticket.Message{
		Kind: kind, At: in.at, Mail: uint64(id), From: addr.Mailbox{Name: shortName(in.author.Name), Address: in.author.Address}, To: in.env.To[:min(len(in.env.To), maxKeptTo)], Subject: in.facts.Subject,
		MessageID: in.facts.MessageID, Backed: in.facts.Auth.Backed, Prefix: in.prefix(),
	}
	return store.AddMessage(in.tx, in.t, in.m)
}

// forward sends the agents' copies, and tells the other teams.
func (in *inbound) forward() error {
	in.doubts()
	if err := in.invitation(); err != nil {
		return err
	}
	readers, review, err := in.readers()
	if err != nil {
		return err
	}
	c := copyOf{t: in.t, m: in.m, mail: in.mail, kind: compose.CopyCustomer, cautions: in.caution, at: in.at, cc: mailboxes(in.t), why: in.facts.why(),
		readers: readers, review: review}
	if len(c.readers) == 0 {
		err = in.noReader()
	} else {
		err = in.p.sendCopies(in.tx, in.w, c)
	}
	if err != nil {
		return err
	}
	return in.showOutside()
}

// doubts are what an agent has to know of any mail from outside.
func (in *inbound) doubts() {
	if in.facts.Auth.Backed == "" {
		in.warn(compose.WarnNotBacked, "")
	}
	if len(in.mail.Defects) > 0 {
		in.warn(compose.WarnUnreadable, "")
	}
	if in.looksLikeAgent() {
		in.warn(compose.WarnLooksLikeAgent, in.author.Name)
	}
}

// noReader gives the postmaster a mail that no agent is there for.
func (in *inbound) noReader() error {
	return in.p.notifyPostmaster(in.tx, in.w, "A customer's mail has no reader",
		"No agent of "+in.team.Address.String()+" is in the configuration; the mail is attached.", in.raw, in.at)
}

// readers are the agents who get a customer's mail: who looks after the ticket
// and its observers, and for information the agents of the other teams. An agent
// who is away is relieved first. A team without agents, or of which nobody is there,
// leaves it to the supervisors, who are named in review too.
func (in *inbound) readers() (all, review []string, err error) {
	all = in.p.attending(in.w, in.t)
	if in.m.Kind != ticket.KindAuto || len(all) == 0 {
		if err := in.relieved(); err != nil {
			return nil, nil, err
		}
		if all, review, err = in.w.onDuty(in.tx, in.t, in.at); err != nil {
			return nil, nil, err
		}
	}
	all = slices.Concat(all, in.t.Observers)
	for _, team := range in.told {
		crew, err := reachable(in.tx, in.w.crew(team), in.at)
		if err != nil {
			return nil, nil, err
		}
		all = append(all, crew...)
	}
	return in.w.present(all), review, nil
}

// looksLikeAgent: a display name that is an agent's, from someone else.
func (in *inbound) looksLikeAgent() bool {
	if in.author.Name == "" || in.facts.Class.Class == ClassAgent {
		return false
	}
	return slices.ContainsFunc(in.w.cfg.Agents, func(a config.Agent) bool { return strings.EqualFold(a.Name, in.author.Name) })
}

// tellTeams names the further teams to whom the mail was written.
func (in *inbound) tellTeams() error {
	for _, team := range in.otherTeams(in.team) {
		if slices.Contains(in.t.Teams, team.Address) || in.movedFrom(team) {
			continue
		}
		if shut, err := in.shut(team); err != nil || shut && in.t.Messages == 0 {
			if err != nil {
				return err
			}
			continue
		}
		in.told = append(in.told, team)
		e := ticket.Event{By: in.sender(), What: ticket.TeamAdded, Data: map[string]string{"team": team.Address.String()}}
		if err := in.event(e); err != nil {
			return err
		}
	}
	return nil
}

// finish writes the ticket, the mail's print and its facts.
func (in *inbound) finish() (*result, error) {
	facts, err := json.Marshal(in.facts)
	if err != nil {
		return nil, err
	}
	in.m.Facts = facts
	if err := store.PutMessage(in.tx, in.t.Number, *in.m); err != nil {
		return nil, err
	}
	if err := in.p.save(in.tx, in.w, in.t); err != nil {
		return nil, err
	}
	r := in.result()
	return r, in.remember()
}

// remember keeps the print, so that the same mail is known when it comes again.
func (in *inbound) remember() error {
	print := in.print()
	if print == "" {
		return nil
	}
	s := store.Seen{At: in.steady, Ticket: in.t.Number, Message: in.m.Seq, Backed: in.facts.Auth.Backed != ""}
	for _, t := range in.targets {
		if t.team != nil {
			s.Teams = append(s.Teams, t.team.Address)
		}
	}
	return store.SetSeen(in.tx, print, s, in.steady.Add(sameMail))
}

// repeated recognises the same mail within seven days: a sender that lost our
// 250, or a list that names a second team of ours. It makes no second ticket
// and no second acknowledgement; a new recipient only adds its team.
func (in *inbound) repeated() (*result, bool, error) {
	print := in.print()
	if print == "" {
		return nil, false, nil
	}
	seen, ok, err := store.GetSeen(in.tx, print)
	if err != nil || !ok || in.steady.Sub(seen.At) > sameMail || in.released != nil {
		return nil, false, err
	}
	r := &result{ticket: seen.Ticket, facts: in.facts, again: true}
	r.facts.Decision = "the same mail as before"
	if seen.Ticket == 0 {
		return r, true, nil // it was held
	}
	if !seen.Backed && in.facts.Auth.Backed != "" {
		if err := in.vouch(seen, print); err != nil {
			return nil, false, err
		}
		seen.Backed = true
	}
	return r, true, in.addTeams(seen, print)
}

// vouch is for a mail that came first from who knows whom, and now from its
// author: someone who had seen it before must not take its place. What the first
// could not have is made good: the address is backed, and the acknowledgement
// goes out if it may.
func (in *inbound) vouch(seen store.Seen, print string) error {
	number, m, err := store.FindMessage(in.tx, seen.Ticket, seen.Message)
	if err != nil {
		return err
	}
	t, err := store.GetTicket(in.tx, number)
	if err != nil {
		return err
	}
	in.t, in.m, in.team, in.vouching = t, &m, in.w.teamOf(t), true
	m.Backed = in.facts.Auth.Backed
	if in.contact, err = contactOf(in.tx, in.author.Address); err != nil {
		return err
	}
	if m.Kind == ticket.KindIn && m.Seq == 1 && !t.Acknowledged && !in.turnedAway() {
		if err := in.acknowledge(); err != nil {
			return err
		}
		if err := in.askFields(); err != nil {
			return err
		}
	}
	seen.Backed = true
	if err := store.SetSeen(in.tx, print, seen, seen.At.Add(sameMail)); err != nil {
		return err
	}
	if err := store.PutMessage(in.tx, t.Number, m); err != nil {
		return err
	}
	return in.p.save(in.tx, in.w, t)
}

// addTeams tells the teams that had not been named before.
func (in *inbound) addTeams(seen store.Seen, print string) error {
	var fresh []*config.Team
	for _, target := range in.targets {
		if t := target.team; t != nil && !slices.Contains(seen.Teams, t.Address) && !slices.Contains(fresh, t) {
			fresh = append(fresh, t)
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	number, m, err := store.FindMessage(in.tx, seen.Ticket, seen.Message)
	if err != nil {
		return err
	}
	if in.t, err = store.GetTicket(in.tx, number); err != nil {
		return err
	}
	if m.Agent != "" {
		return nil // a token address and a generic address in one mail are one act
	}
	in.m = &m
	for _, team := range fresh {
		seen.Teams = append(seen.Teams, team.Address)
		if shut, err := in.shut(team); err != nil || shut {
			if err != nil {
				return err
			}
			continue
		}
		if err := in.event(ticket.Event{By: in.sender(), What: ticket.TeamAdded, Message: m.Seq, Data: map[string]string{"team": team.Address.String()}}); err != nil {
			return err
		}
		crew, err := reachable(in.tx, in.w.crew(team), in.at)
		if err != nil {
			return err
		}
		c := copyOf{t: in.t, m: in.m, mail: in.mail, kind: compose.CopyCustomer, at: in.at, readers: crew}
		if err := in.p.sendCopies(in.tx, in.w, c); err != nil {
			return err
		}
	}
	if err := store.SetSeen(in.tx, print, seen, seen.At.Add(sameMail)); err != nil {
		return err
	}
	return in.p.save(in.tx, in.w, in.t)
}
