package pipeline

import (
	"context"
	"net/netip"
	"strings"
	"time"

	"postdesk/internal/mailauth"
	"postdesk/internal/message"
	"postdesk/internal/milter"
	"postdesk/internal/reply"
)

// filterTimeout is for one filter and one mail.
const filterTimeout = 30 * time.Second

// filter asks the milters. A filter that can't be asked fails closed: the mail
// is tried again later, since nobody knows what it would have said.
func (p *Pipeline) filter(ctx context.Context, d *delivery) error {
	if d.w.filters.Len() == 0 || d.env.Peer.Login != "" {
		return nil
	}
	trusted := d.w.cfg.TrustedAuthserv
	if d.env.Peer.Frontend {
		trusted = nil
	}
	v, err := d.w.filters.Ask(ctx, milter.In{
		ServerName: d.w.cfg.Hostname, Peer: netip.AddrPortFrom(d.env.Peer.Addr, 0), Helo: d.env.Peer.Helo, From: d.env.From, To: d.env.To,
		QueueID: d.id, Fields: mailauth.Unforged(d.mail.Header.Fields, d.w.cfg.Hostname, trusted),
		Body: message.Section(d.raw, d.mail.Root.Body, d.raw.Size()-d.mail.Root.Body),
	})
	if err != nil {
		return reply.Wrap(err, 451, [3]int{4, 7, 1}, "The mail filter can't be asked now, please try again later")
	}
	d.facts.Filter = FilterFacts{Asked: true, Spam: v.Spam, Text: v.Text}
	switch v.Action {
	case milter.TempFail:
		return reply.New(v.Code, v.Enhanced, v.Text)
	case milter.Reject:
		if d.mayRefuse() {
			return reply.New(v.Code, v.Enhanced, v.Text)
		}
		d.facts.Filter.Spam = true // a refusal would make the frontend bounce
	case milter.Discard, milter.Quarantine:
		d.facts.Filter.Spam = true // nothing is lost: a suspect ticket
	}
	d.facts.Filter.Malware = strings.Contains(strings.ToLower(v.Text), "virus") || strings.Contains(strings.ToLower(v.Text), "malware")
	return nil
}
