package pipeline

import (
	"slices"
	"strings"
	"time"

	"postdesk/internal/addr"
	"postdesk/internal/compose"
	"postdesk/internal/mailauth"
	"postdesk/internal/ticket"
	"postdesk/rules"
	"postdesk/store"
)

// Scopes of the caps' windows.
const (
	capAddress = "ack-address"
	capDomain  = "ack-domain"
	capAll     = "ack-all"
	sameScope  = "same-content"
	tripped    = "ack-breaker"
)

// sameContentFor is line 19 of the table.
const sameContentFor = 24 * time.Hour

// capMemory is how long a window is kept after its last entry: longer than any
// period of the caps that makes sense.
const capMemory = 32 * 24 * time.Hour

// windows are the counters of one acknowledgement.
type windows struct {
	address, domain rules.Window
	all             rules.Pulse
	tripped         bool
}

// acknowledge decides by the table, and writes the one mail or the reason why
// there is none.
func (in *inbound) acknowledge() error {
	target := in.env.From
	w, err := in.windows(target)
	if err != nil {
		return err
	}
	facts, err := in.ackFacts(target, w)
	if err != nil {
		return err
	}
	ack := rules.Acknowledge(facts)
	in.facts.Ack = ack
	if err := in.rememberContent(); err != nil {
		return err
	}
	if ack.Suspect && !in.t.Suspect {
		e := ticket.Event{By: ticket.System, What: ticket.MarkedSuspect, Data: map[string]string{"why": string(ack.Reason)}}
		if err := in.event(e); err != nil {
			return err
		}
	}
	if !ack.Send && !ack.Wait {
		return in.event(ticket.Event{By: ticket.System, What: ticket.Silent, Data: map[string]string{"reason": string(ack.Reason)}})
	}
	if in.outcome.Refuse != "" {
		err = in.sendRefusal(target)
	} else {
		err = in.sendAck(target, ack.Wait)
	}
	if err != nil {
		return err
	}
	return in.count(target, w, ack.Wait)
}

// sendRefusal mails the sentence that could not be said in the session, since a
// refusal would have made the MTA in front of us bounce. It takes the place of
// the acknowledgement, and goes only where one might.
func (in *inbound) sendRefusal(target addr.Address) error {
	m := in.p.minter(in.w, in.t)
	mark := m.next(addr.Person{})
	head := in.answerHead(mark, m.loop(), target)
	head.Subject = in.w.customerSubject(in.t)
	src, err := in.w.compose.Letter(compose.LetterIn{Head: head, Team: in.team, Lang: in.t.Language, Kind: compose.LetterRefusal,
		Ticket: in.w.ticketData(in.t), Data: compose.LetterData{Text: in.outcome.Refuse}})
	if err != nil {
		return err
	}
	return in.p.enqueue(in.tx, src, store.Outgoing{To: target, Domain: in.team.Address.Domain, MessageID: mark.messageID, Item: mark.item, Purpose: store.PurposeSentence,
		Ticket: in.t.Number, Message: in.m.Seq, NotifyNone: true, Due: in.at, Created: in.at})
}

// answerHead is the head of an automatic answer to this mail, RFC 3834 §3.
func (in *inbound) answerHead(mark marks, loop string, target addr.Address) compose.Head {
	head := compose.Head{
		To: []addr.Mailbox{{Address: target}}, Date: in.at, MessageID: mark.messageID, Loop: loop, AutoSubmitted: "auto-replied",
		References: []string{mark.thread}, InReplyTo: in.facts.MessageID,
	}
	if in.facts.MessageID != "" {
		head.References = append(head.References, in.facts.MessageID)
	}
	return head
}

// ackFacts fills the table's facts from the mail.
func (in *inbound) ackFacts(target addr.Address, w *windows) (*rules.AckFacts, error) {
	same, err := in.sameContent()
	if err != nil {
		return nil, err
	}
	r := in.facts.Auth.Results
	f := &rules.AckFacts{
		Now: in.at, Counted: in.steady, Header: in.mail.Header.Values, Subject: in.facts.Subject, Received: in.mail.Header.Count("Received"),
		New: true, SameContent: same, AgentSubmission: in.facts.Class.Class == ClassAgent, AgentClaimed: in.facts.Class.Class == ClassHeld,
		EnvelopeFrom: in.env.From, ReplyTo: plain(in.mailboxes("Reply-To")), Target: target,
		Own: in.generic, OwnToken: in.ownMark(), SMTPUTF8: in.env.SMTPUTF8, ToCcHasOurs: in.addressed(), Frontend: in.env.Peer.Frontend,
		OwnSubjects: in.w.compose.AckSubjects(),
		Report:      in.report() != nil, CalendarMethod: in.mail.CalendarMethod(), Spam: in.facts.Filter.Spam, Malware: in.facts.Filter.Malware,
		DMARCFail: r.DMARC.Result == mailauth.Fail, Backed: in.facts.Auth.Backed != "", TempError: r.TempError(),
		KnownTwoWay: in.twoWay(target), EnvelopeAligned: in.envelopeAligned(),
		Caps: rules.Caps{Limits: in.w.cfg.Acknowledge, Ticket: in.t != nil && in.t.Acknowledged, Address: &w.address, Domain: &w.domain, All: &w.all, Tripped: w.tripped},
		Off:  !in.team.Acknowledge || in.outcome.Acknowledge != nil && !*in.outcome.Acknowledge,
	}
	f.Date, _ = in.mail.Header.Date()
	f.Arrival, _ = in.mail.Header.Arrived()
	f.Form = in.outcome.ReplyToRequester && f.Backed
	if list, _ := in.authors(); in.facts.Authors > 0 {
		f.From = plain(list)
	}
	return f, nil
}

// envelopeAligned: SPF passed for the envelope's sender, and its domain is the
// author's or DKIM backs the author. Without SPF only the author's own address
// is answered: of two addresses of one domain a forger could choose the other.
func (in *inbound) envelopeAligned() bool {
	r := in.facts.Auth.Results
	return r.SPF.Result == mailauth.Pass && (r.SPF.Aligned || in.facts.Auth.Backed != "")
}

// twoWay: an agent has written to this very address's contact.
func (in *inbound) twoWay(target addr.Address) bool {
	return in.contact != nil && in.contact.TwoWay && slices.ContainsFunc(in.contact.Addresses, target.Equal)
}

// generic says whether an address is a team's, an alias, or a token address of
// ours. One that only shares a domain with us is not.
func (in *inbound) generic(a addr.Address) bool {
	t, ok := in.p.target(in.w, a)
	return ok && (t.team != nil || t.token != nil)
}

// ownMark: a mark of ours where only our own mail bears one.
func (in *inbound) ownMark() bool {
	if in.p.ownLoop(in.delivery) {
		return true
	}
	for _, v := range in.mail.Header.Values("Delivered-To") {
		if a, err := addr.Parse(strings.TrimSpace(v)); err == nil {
			if t, ok := in.p.target(in.w, a); ok && t.token != nil {
				return true
			}
		}
	}
	return false
}

// addressed: To or Cc names one of our addresses.
func (in *inbound) addressed() bool {
	for _, field := range []string{"To", "Cc"} {
		for _, m := range in.mailboxes(field) {
			if in.generic(m.Address) {
				return true
			}
		}
	}
	return false
}

func plain(list []addr.Mailbox) []addr.Address {
	var out []addr.Address
	for _, m := range list {
		out = append(out, m.Address)
	}
	return out
}

// sameContent: the same sender, subject and body within 24 hours, whatever the
// Message-ID: a loop whose headers someone strips.
func (in *inbound) sameContent() (bool, error) {
	var last time.Time
	seen, err := store.Window(in.tx, sameScope, in.content(), &last)
	return seen && !in.vouching && in.steady.Sub(last).Abs() < sameContentFor, err
}

// rememberContent is for the mails that come after this one.
func (in *inbound) rememberContent() error {
	return store.SetWindow(in.tx, sameScope, in.content(), in.steady, in.steady.Add(sameContentFor))
}

// content is what makes a mail the same to a reader.
func (in *inbound) content() string {
	return in.author.Address.Key() + "\x00" + normalSubject(in.facts.Subject) + "\x00" + in.facts.BodySHA256
}

// normalSubject drops what answers put before a subject, and case and spaces.
func normalSubject(s string) string {
	s = strings.ToLower(strings.Join(strings.Fields(s), " "))
	for {
		before, after, ok := strings.Cut(s, ":")
		if !ok || len(before) > 4 || strings.Contains(before, " ") {
			return s
		}
		s = strings.TrimSpace(after)
	}
}

func (in *inbound) windows(target addr.Address) (*windows, error) {
	w := new(windows)
	for _, x := range []struct {
		scope, name string
		into        any
	}{
		{capAddress, target.Key(), &w.address}, {capDomain, rules.CapDomain(target.Domain), &w.domain}, {capAll, "", &w.all}, {tripped, "", &w.tripped},
	} {
		if _, err := store.Window(in.tx, x.scope, x.name, x.into); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// count adds this acknowledgement to the windows. The breaker stays open until
// an admin releases what waits.
func (in *inbound) count(target addr.Address, w *windows, waits bool) error {
	limits := in.w.cfg.Acknowledge
	if waits && !w.tripped {
		if err := in.trip(w.all.Full(in.steady, limits.Breaker), &w.all); err != nil {
			return err
		}
	}
	for _, x := range []struct {
		scope, name string
		limited     bool
		window      *rules.Window
	}{
		{capAddress, target.Key(), limits.PerAddress.N+limits.PerAddressDay.N > 0, &w.address},
		{capDomain, rules.CapDomain(target.Domain), limits.PerDomain.N > 0, &w.domain},
	} {
		if !x.limited {
			continue
		}
		x.window.Add(in.steady)
		if err := store.SetWindow(in.tx, x.scope, x.name, x.window, in.steady.Add(capMemory)); err != nil {
			return err
		}
	}
	return in.p.countAll(in.tx, in.w, &w.all)
}

// sendAck writes the acknowledgement: to the Return-Path, with a null sender,
// in the commit that makes the ticket.
func (in *inbound) sendAck(target addr.Address, wait bool) error {
	m := in.p.minter(in.w, in.t)
	var who addr.Person
	if r := in.t.Requester(); r != nil {
		who.N = r.ID
	}
	mark := m.next(who)
	src, err := in.w.compose.Acknowledgement(compose.AckIn{Head: in.answerHead(mark, m.loop(), target), Team: in.team, Lang: in.t.Language, Ticket: in.t.Number,
		Template: in.outcome.Template, Delay: compose.DelayWords(in.team.FirstReply, in.t.Language)})
	if err != nil {
		return err
	}
	row := store.Outgoing{To: target, Domain: in.team.Address.Domain, MessageID: mark.messageID, Item: mark.item, Purpose: store.PurposeAck,
		Ticket: in.t.Number, Message: in.m.Seq, NotifyNone: true, Due: in.at, Created: in.at}
	if wait {
		row.State, row.Reason = store.Held, string(rules.ReasonBreaker)
	}
	if err := in.p.enqueue(in.tx, src, row); err != nil {
		return err
	}
	return in.event(ticket.Event{By: ticket.System, What: ticket.Acknowledged, Data: map[string]string{"to": target.String(), "state": string(row.State)}})
}
