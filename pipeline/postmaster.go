package pipeline

import (
	"fmt"
	"time"

	"postdesk/internal/compose"
	"postdesk/internal/ticket"
	"postdesk/rules"
	"postdesk/store"
)

// maxPostmaster is how many mails an hour are passed on to the admin.
const maxPostmaster = 60

// toPostmaster passes mail for postmaster and abuse (RFC 5321 §4.5.1, RFC 2142
// §4) on to the admin, with the mail attached as it is.
func (p *Pipeline) toPostmaster(tx store.Tx, d *delivery) error {
	for _, t := range d.targets {
		if !t.postmaster {
			continue
		}
		if d.author.Address.Key() == d.w.cfg.Postmaster.Key() || p.ownLoop(d) {
			return nil // the admin's own mail, or ours come back: not round and round
		}
		var w rules.Window
		if _, err := store.Window(tx, "postmaster", "", &w); err != nil || w.Count(d.steady, time.Hour) >= maxPostmaster {
			return err // the mail itself is kept
		}
		w.Add(d.steady)
		if err := store.SetWindow(tx, "postmaster", "", &w, d.steady.Add(time.Hour)); err != nil {
			return err
		}
		return p.notifyPostmaster(tx, d.w, "Mail for "+t.address.String(),
			fmt.Sprintf("From %s, %s.", d.facts.EnvelopeFrom, d.facts.Subject), d.raw, d.at)
	}
	return nil
}

// onlyToPostmaster keeps such a mail as a closed ticket.
func (in *inbound) onlyToPostmaster() (*result, error) {
	if err := in.shelve("postmaster", "passed on to the postmaster"); err != nil {
		return nil, err
	}
	return in.finish()
}

// salvageNotices brings a mail that a stage could not bear to the team, as an
// attachment.
func (p *Pipeline) salvageNotices(tx store.Tx, in *inbound) error {
	for _, id := range in.w.crew(in.team) {
		n := notice{carries: true, kind: compose.NoticePage, agent: in.w.agents[id], t: in.t, at: in.at, original: in.raw, data: compose.NoticeData{
			Title: in.facts.Subject, Text: words(in.w.homeTeam(in.w.agents[id]).Language, "unreadable")}}
		if err := p.notify(tx, in.w, n); err != nil {
			return err
		}
	}
	return in.event(ticket.Event{By: ticket.System, What: ticket.Silent, Data: map[string]string{"reason": string(rules.ReasonNotNew)}})
}
