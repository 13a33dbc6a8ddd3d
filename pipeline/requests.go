package pipeline

import (
	"slices"
	"strconv"
	"strings"

	"postdesk/internal/addr"
	"postdesk/internal/compose"
	"postdesk/internal/ticket"
	"postdesk/rules"
	"postdesk/store"
)

// Bounds of the list that a customer gets: its rows, and the requests that are
// looked at for it.
const (
	maxRequests    = 30
	maxRequestScan = 300
)

// requestWords are the subjects that ask for it, folded. Nothing may stand
// before or behind them: "Re: mes demandes" is a conversation.
var requestWords = map[string]bool{"mes demandes": true, "my requests": true}

// asksForRequests: a customer wants to know where their requests stand. The
// address must be backed, since the answer tells what it is about.
func (in *inbound) asksForRequests(thread rules.ThreadOut) bool {
	return requestWords[ticket.Fold(in.facts.Subject)] && !thread.Join && in.facts.Auth.Backed != "" && !in.facts.Class.Automatic &&
		in.facts.Class.Class == ClassCustomer && in.toTeam() && in.suspect() == ""
}

// requests answers a customer who asks for them. The acknowledgement's table and
// caps decide as for any automatic answer: what may not be answered is an
// ordinary request, and what comes too often is kept, closed. No number is spent
// on the answer.
func (in *inbound) requests() (*result, bool, error) {
	target := in.env.From
	w, err := in.windows(target)
	if err != nil {
		return nil, false, err
	}
	facts, err := in.ackFacts(target, w)
	if err != nil {
		return nil, false, err
	}
	facts.SameContent, facts.Off = false, false // asked again tomorrow it is the same mail, and meant
	ack := rules.Acknowledge(facts)
	switch {
	case ack.Reason == rules.ReasonCapAddress || ack.Reason == rules.ReasonCapDomain:
		in.facts.Ack = ack
		if err := in.shelve("requests", "asks for the list of requests too often"); err != nil {
			return nil, false, err
		}
		r, err := in.finish()
		return r, true, err
	case !ack.Send && !ack.Wait || !target.Equal(in.author.Address):
		return nil, false, nil
	}
	if err := in.sendRequests(target, ack.Wait); err != nil {
		return nil, false, err
	}
	if err := in.count(target, w, ack.Wait); err != nil {
		return nil, false, err
	}
	in.facts.Decision = "the list of the sender's requests"
	return in.result(), true, in.rememberAnswered()
}

// rememberAnswered lets the same mail be known when it comes again.
func (in *inbound) rememberAnswered() error {
	if in.print() == "" {
		return nil
	}
	return store.SetSeen(in.tx, in.print(), store.Seen{At: in.steady, Backed: true}, in.steady.Add(sameMail))
}

// sendRequests writes the answer: a mail of its own, with a null sender.
func (in *inbound) sendRequests(target addr.Address, wait bool) error {
	list, older, err := in.theirRequests()
	if err != nil {
		return err
	}
	n, err := store.NextDeskMail(in.tx)
	if err != nil {
		return err
	}
	tok := in.p.keys.Mint(addr.Token{Kind: addr.KindMessage, Item: n})
	id := bare(addr.MessageID(tok, strconv.FormatUint(n, 36), in.team.Address.Domain))
	head := compose.Head{To: []addr.Mailbox{{Address: target}}, Date: in.at, MessageID: id, Loop: in.p.keys.Mint(addr.Token{Kind: addr.KindLoop}), AutoSubmitted: "auto-replied"}
	if in.facts.MessageID != "" {
		head.InReplyTo, head.References = in.facts.MessageID, []string{in.facts.MessageID}
	}
	lang := in.language()
	src, err := in.w.compose.Letter(compose.LetterIn{Head: head, Team: in.team, Lang: lang, Kind: compose.LetterRequests,
		Data: compose.LetterData{Page: in.requestsPage(list, older, lang)}})
	if err != nil {
		return err
	}
	row := store.Outgoing{To: target, Domain: in.team.Address.Domain, MessageID: id, Purpose: store.PurposeAck, NotifyNone: true, Due: in.at, Created: in.at}
	if wait {
		row.State, row.Reason = store.Held, string(rules.ReasonBreaker)
	}
	return in.p.enqueue(in.tx, src, row)
}

// theirRequests are the tickets in which this very address asked: another
// address of the same contact may be another person's. Teams of another domain
// are another house. What nobody vouched for is not among them: a forger chose
// its subject.
func (in *inbound) theirRequests() (list []*ticket.Ticket, older bool, err error) {
	if in.contact == nil {
		return nil, false, nil
	}
	looked := 0
	err = store.LatestRequests(in.tx, in.contact.ID, maxRequestScan, func(t *ticket.Ticket) error {
		looked++
		r := t.Requester()
		switch {
		case r == nil || r.Address.Key() != in.author.Address.Key() || t.Suspect || t.Erased || t.MergedInto != 0 ||
			t.Team.Domain != in.team.Address.Domain:
		case len(list) == maxRequests:
			older = true
		default:
			list = append(list, t)
		}
		return nil
	})
	return list, older || looked == maxRequestScan, err
}

// requestsPage tells only what the customer knows: number, subject, day, and
// the state in a customer's words. What is not finished comes first.
func (in *inbound) requestsPage(list []*ticket.Ticket, older bool, lang string) *compose.Page {
	pg := &compose.Page{Title: pageWord(lang, "requestsTitle"), Lines: []string{pageWord(lang, "requestsIntro")}}
	if len(list) == 0 {
		pg.Lines = []string{pageWord(lang, "requestsNone")}
		return pg
	}
	slices.SortStableFunc(list, func(a, b *ticket.Ticket) int { return rank(a) - rank(b) })
	table := &compose.Table{Columns: []compose.Column{{Name: pageWord(lang, "colNumber")}, {Name: pageWord(lang, "colRequested")}, {Name: pageWord(lang, "colState")},
		{Name: pageWord(lang, "colSubject"), Below: true}}}
	for _, t := range list {
		subject := strings.TrimSpace(t.Subject)
		if subject == "" {
			subject = pageWord(lang, "noSubject")
		}
		zone := zoneOf(in.w.teamOf(t))
		table.Rows = append(table.Rows, compose.Row{Cells: []string{strconv.FormatUint(t.Number, 10), compose.Day(t.Created.In(zone), lang), pageWord(lang, "at-"+string(t.Status)), subject}})
	}
	pg.Sections = []compose.Section{{Table: table}}
	if older {
		pg.Notes = append(pg.Notes, pageWord(lang, "requestsOlder"))
	}
	pg.Notes = append(pg.Notes, pageWord(lang, "requestsHint"))
	return pg
}

// rank sets what waits for the customer first, then what we work on.
func rank(t *ticket.Ticket) int {
	switch t.Turn() {
	case ticket.TurnCustomer:
		return 0
	case ticket.TurnNobody:
		return 2
	}
	return 1
}
