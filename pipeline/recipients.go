package pipeline

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"postdesk/internal/addr"
	"postdesk/internal/config"
	"postdesk/internal/password"
	"postdesk/internal/reply"
	"postdesk/smtpd"
)

// target is what one envelope recipient means.
type target struct {
	address    addr.Address
	team       *config.Team // nil for postmaster, and for a token of the token domain
	token      *addr.Token  // verified, else nil
	postmaster bool
}

// errPassword is every reason not to let someone in: the client must not learn
// which.
var errPassword = errors.New("unknown user or wrong password")

// Authenticate checks a login: an agent's id or address, and the password.
func (p *Pipeline) Authenticate(_ context.Context, _ smtpd.Peer, user, pass string) (string, error) {
	w := p.world.Load()
	agent := w.agents[user]
	if agent == nil {
		if a, err := addr.Parse(user); err == nil {
			user = a.Key()
			agent = w.byAddress[user]
		}
	}
	hash := w.decoys.For(user) // the same work for those who may log in and for all others
	if agent != nil && agent.PasswordHash != "" {
		hash = agent.PasswordHash
	}
	if !password.Verify(hash, pass) {
		return "", errPassword
	}
	return agent.ID, nil
}

// Mail decides on the envelope's sender: over submission nobody writes as a
// colleague, and low disk stops everything.
func (p *Pipeline) Mail(_ context.Context, env *smtpd.Envelope) error {
	if p.diskLow() {
		return reply.New(452, [3]int{4, 3, 1}, "Not enough disk space, please try again later")
	}
	w := p.world.Load()
	if env.Peer.Login == "" {
		return nil
	}
	if a := w.byAddress[env.From.Key()]; a != nil && a.ID != env.Peer.Login {
		return reply.New(550, [3]int{5, 7, 1}, "This login may not send as "+env.From.String())
	}
	return nil
}

// Recipient decides on one recipient: our own addresses, and for an agent who has
// logged in those of others too. What the mail is about, and so whether it may
// leave, is known after DATA: see meaning.
func (p *Pipeline) Recipient(_ context.Context, env *smtpd.Envelope, to addr.Address) error {
	w := p.world.Load()
	if _, ok := p.target(w, to); ok {
		return nil
	}
	switch {
	case env.Peer.Login != "" && w.mayBeOutside(to):
		return nil
	case w.domains[to.Domain]:
		return reply.New(550, [3]int{5, 1, 1}, fmt.Sprintf("There is no mailbox %s here, please check the address", to))
	}
	return reply.New(550, [3]int{5, 7, 1}, fmt.Sprintf("This server takes no mail for %s", to.Domain))
}

// mayBeOutside says whether an address that is none of ours may be somebody's: not
// a literal, not a name without a dot, not our own host, and at a domain
// of ours only where another server has mailboxes there.
func (w *world) mayBeOutside(a addr.Address) bool {
	switch {
	case !strings.Contains(a.Domain, ".") || strings.HasPrefix(a.Domain, "[") || strings.ContainsAny(a.Local, "@%!:"):
		return false
	case strings.EqualFold(a.Domain, w.cfg.Hostname) || strings.EqualFold(a.Domain, w.cfg.Tickets.TokenDomain):
		return false
	case w.domains[a.Domain]:
		return w.cfg.Frontends.Unix || len(w.cfg.Frontends.Networks) > 0 || w.cfg.Relay.Routes[a.Domain] != ""
	}
	return true
}

// target reads a recipient. A token that does not verify leaves the address of
// the team that it extends.
func (p *Pipeline) target(w *world, a addr.Address) (target, bool) {
	if t := w.team(a); t != nil {
		return target{address: a, team: t}, true
	}
	if team, tok, ok := addr.SplitToken(a, w.cfg.Tickets.TokenDomain); ok {
		if t, ok := p.tokenTarget(w, a, team, tok); ok {
			return t, true
		}
	}
	if base, ext := a.SplitExt(); ext != "" {
		if t := w.team(base); t != nil {
			return target{address: a, team: t}, true
		}
	}
	admin := w.isPostmaster(a)
	return target{address: a, postmaster: admin}, admin
}

func (p *Pipeline) tokenTarget(w *world, a, base addr.Address, tok string) (target, bool) {
	t := target{address: a, team: w.team(base)}
	if token, ok := p.keys.Verify(tok); ok && addressKinds[token.Kind] {
		t.token = &token
		return t, true
	}
	return t, t.team != nil
}

// addressKinds are the kinds of token that stand in an address.
var addressKinds = map[addr.Kind]bool{
	addr.KindDesk: true, addr.KindTicket: true, addr.KindNote: true, addr.KindHold: true, addr.KindBounce: true, addr.KindParticipant: true,
}

// isPostmaster: RFC 5321 §4.5.1 wants postmaster at every domain of ours and
// without any; RFC 2142 §4 wants abuse.
func (w *world) isPostmaster(a addr.Address) bool {
	local := addr.Address{Local: a.Local, Domain: "x"}.Key()
	if local != "postmaster@x" && local != "abuse@x" {
		return false
	}
	return a.Domain == "" || w.domains[a.Domain]
}
