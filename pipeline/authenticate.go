package pipeline

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"

	"postdesk/internal/mailauth"
	"postdesk/internal/reply"
	"postdesk/smtpd"
)

// AuthFacts is what the stage found out about who sent the mail.
type AuthFacts struct {
	Results mailauth.Results `json:"results,omitzero"`
	Backed  string           `json:"backed,omitempty"` // how the author's address is, "" is not
}

// authenticate finds out who sent the mail. Over submission the login is proof.
func (p *Pipeline) authenticate(ctx context.Context, d *delivery) {
	if d.env.Peer.Login != "" {
		d.facts.Auth.Backed = "login " + d.env.Peer.Login
		return
	}
	authors, fields := d.authors()
	r := d.w.checker.Check(ctx, mailauth.In{
		RemoteIP: d.env.Peer.Addr, Helo: d.env.Peer.Helo, MailFrom: d.env.From,
		Authors: authors, FromFields: fields, Source: d.raw,
		Frontend: d.env.Peer.Frontend, TrustedAuthserv: d.w.cfg.TrustedAuthserv,
	})
	d.facts.Auth.Results = r
	_, d.facts.Auth.Backed = r.Backed(d.author.Address)
	p.meters.Authentication("spf", string(r.SPF.Result))
	p.meters.Authentication("dmarc", string(r.DMARC.Result))
	p.meters.Authentication("dkim", string(dkimResult(r.DKIM)))
}

// dkimResult is the best of all signatures.
func dkimResult(all []mailauth.DKIM) mailauth.Result {
	best := mailauth.None
	for _, s := range all {
		if s.Result == mailauth.Pass {
			return s.Result
		}
		best = s.Result
	}
	return best
}

// refuseUnauthentic is `dmarc = "enforce"`: a failure of a p=reject domain, on
// the direct MX, no more. From a frontend a refusal would make it bounce to
// the forged sender.
func (d *delivery) refuseUnauthentic() error {
	if !d.w.cfg.Auth.EnforceDMARC || !d.mayRefuse() || d.facts.Auth.Results.Requested() != mailauth.DispositionReject {
		return nil
	}
	return reply.New(550, [3]int{5, 7, 26}, fmt.Sprintf("This mail does not prove that it comes from %s, whose policy (DMARC) is to reject such mail", d.author.Address.Domain))
}

// mayRefuse says whether policy may refuse this mail after RCPT: only when a
// stranger's server is at the other end.
func (d *delivery) mayRefuse() bool {
	return d.env.Peer.Listener == smtpd.MX && !d.env.Peer.Frontend && !d.env.Peer.Trusted
}

// suspect says why the mail is, "" when it is not.
func (d *delivery) suspect() string {
	switch {
	case d.facts.Filter.Malware:
		return "malware"
	case d.facts.Filter.Spam:
		return "spam"
	case d.facts.Auth.Results.DMARC.Result == mailauth.Fail:
		return "DMARC failed for " + d.author.Address.Domain
	}
	return ""
}

// prefix is the header that we add above the bytes as received: RFC 5321 §4.4,
// RFC 8601. On submission it does not tell where the agent sits.
func (d *delivery) prefix() []byte {
	var b bytes.Buffer
	b.Grow(usualPrefix)
	add := func(words ...string) {
		for _, w := range words {
			b.WriteString(w)
		}
	}
	host := d.w.cfg.Hostname
	add("Return-Path: <", d.env.From.String(), ">\r\n")
	if d.env.Peer.Login == "" {
		add("Authentication-Results: ", mailauth.Format(host, d.facts.Auth.Results), "\r\n")
	}
	add("Received: ")
	if d.env.Peer.Login == "" {
		add("from ", headerWord(d.env.Peer.Helo), " (", d.facts.Peer, ")\r\n\t")
	}
	add("by ", host, " with ", d.protocol(), " id ", d.id, ";\r\n\t", d.at.Format(time.RFC1123Z), "\r\n")
	return b.Bytes()
}

// usualPrefix is how many bytes the header that we add seldom exceeds.
const usualPrefix = 768

// protocol is the "with" word of RFC 3848.
func (d *delivery) protocol() string {
	peer := d.env.Peer
	word := "ESMTP"
	if peer.Listener == smtpd.LMTP {
		word = "LMTP"
	} else if d.env.SMTPUTF8 {
		word = "UTF8SMTP" // RFC 6531 §4.3
	}
	if peer.TLS != "" {
		word += "S"
	}
	if peer.Login != "" {
		word += "A"
	}
	return word
}

// headerWord keeps what a peer said of itself from becoming a header of ours.
func headerWord(s string) string {
	s = strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' || r == '(' || r == ')' || r == ';' {
			return '_'
		}
		return r
	}, clip(s))
	if s == "" {
		return "unknown"
	}
	return s
}
