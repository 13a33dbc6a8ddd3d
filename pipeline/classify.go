package pipeline

import (
	"slices"
	"strings"

	"postdesk/internal/addr"
	"postdesk/internal/bounce"
	"postdesk/internal/config"
	"postdesk/rules"
)

// Class says what kind of mail it is, and so which road it takes.
type Class string

// The classes.
const (
	ClassCustomer   Class = "customer"
	ClassAgent      Class = "agent"      // believed
	ClassHeld       Class = "held"       // says that it is an agent's, and is not believed
	ClassAnswer     Class = "answer"     // answers the notice about a held mail
	ClassBounce     Class = "bounce"     // a delivery report
	ClassLoop       Class = "loop"       // our own automatic mail has come back
	ClassOwn        Class = "own"        // a generic address of ours as sender, from outside
	ClassPostmaster Class = "postmaster" // for postmaster or abuse only
)

// ClassFacts is what the stage decided.
type ClassFacts struct {
	Class     Class  `json:"class"`
	Agent     string `json:"agent,omitempty"`
	Why       string `json:"why"`
	Automatic bool   `json:"automatic,omitempty"`
	Release   uint64 `json:"release,omitempty"` // the held mail that is answered
	Inert     int    `json:"inert_tokens,omitempty"`
}

// classify decides who writes, and what kind of mail it is.
func (p *Pipeline) classify(d *delivery) rules.Identity {
	tokens := p.presented(d)
	id := rules.Identify(d.identityFacts(tokens))
	f := ClassFacts{Agent: id.Agent, Why: id.Why, Inert: id.Inert, Release: id.Release, Automatic: d.automatic()}
	switch {
	case p.ownLoop(d):
		f.Class, f.Why = ClassLoop, "it bears our own loop mark"
	case d.env.Peer.Login == "" && d.isBounce():
		f.Class, f.Why = ClassBounce, "a delivery report"
	case id.Kind == rules.IdentityOurs:
		f.Class = ClassOwn
	case id.Release != 0:
		f.Class, f.Why = ClassAnswer, "answers the notice about a held mail"
	case id.Kind == rules.IdentityHeld:
		f.Class = ClassHeld
	case id.Kind == rules.IdentityAgent:
		f.Class = ClassAgent
	case d.onlyPostmaster():
		f.Class, f.Why = ClassPostmaster, "for postmaster or abuse"
	default:
		f.Class = ClassCustomer
	}
	d.facts.Class = f
	return id
}

func (d *delivery) identityFacts(tokens []rules.Presented) *rules.IdentityFacts {
	f := &rules.IdentityFacts{
		Login: d.env.Peer.Login, Trusted: d.env.Peer.Trusted, Authors: d.facts.Authors,
		Backed: d.facts.Auth.Backed != "", Tokens: tokens,
	}
	if a := d.w.byAddress[d.author.Address.Key()]; a != nil {
		f.FromAgent = a.ID
	}
	if t := d.w.team(d.author.Address); t != nil {
		f.FromTeam, f.TeamAgent = true, inTeam(t, d.env.Peer.Login)
	}
	_, _, f.FromOwn = addr.SplitToken(d.author.Address, d.w.cfg.Tickets.TokenDomain)
	return f
}

// presented are the tokens that verify: of the envelope, then of In-Reply-To,
// then of References from the last.
func (p *Pipeline) presented(d *delivery) []rules.Presented {
	var list []rules.Presented
	for _, t := range d.targets {
		if t.token != nil {
			list = append(list, p.present(d.w, *t.token, rules.PlaceRecipient))
		}
	}
	for _, id := range d.answered() {
		if t, ok := p.minted(id); ok && (t.Kind == addr.KindMessage || t.Kind == addr.KindThread) {
			list = append(list, p.present(d.w, t, rules.PlaceReferences))
		}
	}
	return list
}

func (p *Pipeline) present(w *world, t addr.Token, place rules.Place) rules.Presented {
	pr := rules.Presented{Token: t, Place: place}
	if a := w.agentOf(t); a != nil {
		pr.Agent = a.ID
	}
	return pr
}

// maxAnswered is how many Message-IDs of a mail are looked up. Clients that
// shorten References keep the first, which is the thread's, and the last.
const maxAnswered = 20

// answered are the Message-IDs that the mail answers, the nearest first, each
// once.
func (d *delivery) answered() []string {
	ids := d.mail.Header.MessageIDs("In-Reply-To")
	refs := d.mail.Header.MessageIDs("References")
	slices.Reverse(refs)
	var list []string
	for _, id := range append(ids, refs...) {
		if id = clip(id); !slices.Contains(list, id) {
			list = append(list, id)
		}
		if len(list) > 10*maxAnswered {
			break
		}
	}
	if n := len(list); n > maxAnswered {
		list = append(list[:maxAnswered-1], list[n-1])
	}
	return list
}

// ownLoop: a loop mark of ours that verifies. An address in our domain would
// prove nothing.
func (p *Pipeline) ownLoop(d *delivery) bool {
	for _, v := range d.mail.Header.Values("X-Postdesk-Loop") {
		if t, ok := p.keys.Verify(strings.TrimSpace(v)); ok && t.Kind == addr.KindLoop {
			return true
		}
	}
	t, ok := p.minted(d.facts.MessageID)
	return ok && t.Kind == addr.KindMessage
}

// isBounce: a report, a server's prose from the null sender, or any mail to an address that only envelope
// senders of ours bear. A person who forwards a report attaches it to a mail with
// a sender: RFC 3464 §2 and RFC 8098 §3 want reports from the null sender, and as
// multipart/report.
func (d *delivery) isBounce() bool {
	if d.report() != nil && (d.env.From.IsZero() || !d.mail.Root.IsMultipart() || d.mail.Root.MediaType == "multipart/report") {
		return true
	}
	return d.bounceToken() != nil || d.env.From.IsZero() && bounce.Prose(d.mail)
}

// bounceToken is that of the envelope sender of ours to which the mail came, nil
// when it came to none.
func (d *delivery) bounceToken() *addr.Token {
	for _, t := range d.targets {
		if t.token != nil && t.token.Kind == addr.KindBounce {
			return t.token
		}
	}
	return nil
}

// automatic: the mail was written by a program, RFC 3834 §5 and the habits of
// those that do not say so.
func (d *delivery) automatic() bool {
	if d.bounceToken() != nil {
		return true // people answer From; only programs answer the envelope's sender
	}
	return rules.Automatic(&rules.AckFacts{Header: d.mail.Header.Values, EnvelopeFrom: d.env.From, Subject: d.facts.Subject,
		Report: d.report() != nil, OwnSubjects: d.w.compose.AckSubjects()})
}

func (d *delivery) onlyPostmaster() bool {
	for _, t := range d.targets {
		if !t.postmaster {
			return false
		}
	}
	return len(d.targets) > 0
}

// agent is who writes, for the classes that have one.
func (d *delivery) agent() *config.Agent { return d.w.agents[d.facts.Class.Agent] }
