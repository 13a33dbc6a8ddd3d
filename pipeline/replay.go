package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"postdesk/internal/addr"
	"postdesk/internal/config"
	"postdesk/internal/message"
	"postdesk/internal/reply"
	"postdesk/internal/ticket"
	"postdesk/rules"
	"postdesk/smtpd"
	"postdesk/store"
)

// Difference is one thing that another configuration would decide otherwise.
// Was is what the one in force decides, or decided when the mail came.
type Difference struct {
	What string `json:"what"`
	Was  string `json:"was"`
	New  string `json:"new"`
}

// Replayed is one request judged again.
type Replayed struct {
	Ticket      uint64       `json:"ticket"`
	At          time.Time    `json:"at"`
	MessageID   string       `json:"message_id"`
	From        string       `json:"from"`
	Subject     string       `json:"subject"`
	Differences []Difference `json:"differences"`
}

// Replay judges the customers' requests since a moment by another
// configuration, the latest first, and tells of each where the decision would
// differ from that of the configuration in force. Nothing is written, and no
// DNS is asked: what the stages learned on arrival is taken from the stored
// facts. Both configurations are judged on the desk as it is now (contacts,
// usual agents, turns), so that a difference comes from the configuration
// alone; what is told as "was" of agent and acknowledgement is what happened
// then. Caps and repetitions are not judged again.
func (p *Pipeline) Replay(ctx context.Context, cfg *config.Config, since time.Time, fn func(Replayed) error) error {
	dry := &Pipeline{store: frozen{p.store}, keys: p.keys, markKeys: p.markKeys, resolver: p.resolver, now: p.now, steady: p.steady}
	dry.defaults()
	w, err := dry.newWorld(ctx, cfg)
	if err != nil {
		return err
	}
	old := p.world.Load()
	return p.store.View(ctx, func(tx store.ReadTx) error {
		return store.TicketsSince(tx, since, func(t *ticket.Ticket) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			r, ok, err := dry.replay(tx, t, old, w)
			if err != nil || !ok {
				return err
			}
			return fn(r)
		})
	})
}

// frozen is an engine that writes nothing.
type frozen struct{ store.Engine }

func (frozen) Update(context.Context, func(store.Tx) error) error { return nil }

// replay judges a ticket's request by two configurations. ok is false for what
// was no customer's request, or can't be read any more.
func (p *Pipeline) replay(tx store.ReadTx, t *ticket.Ticket, old, new *world) (r Replayed, ok bool, err error) {
	m, err := store.GetMessage(tx, t.Number, 1)
	if errors.Is(err, store.ErrNotFound) || err == nil && (m.Kind != ticket.KindIn || m.Agent != "" || len(m.Facts) == 0) {
		return r, false, nil
	}
	if err != nil {
		return r, false, err
	}
	var f Facts
	if err := json.Unmarshal(m.Facts, &f); err != nil {
		return r, false, fmt.Errorf("facts of ticket %d: %w", t.Number, err)
	}
	raw, err := tx.Mail(store.MailID(m.Mail))
	if errors.Is(err, store.ErrErased) {
		return r, false, nil
	}
	if err != nil || f.Class.Class != ClassCustomer && f.Class.Class != ClassOwn {
		return r, false, err
	}
	was, err := p.judge(tx, old, f, raw)
	if err != nil {
		return r, false, fmt.Errorf("ticket %d: %w", t.Number, err)
	}
	now, err := p.judge(tx, new, f, raw)
	if err != nil {
		return r, false, fmt.Errorf("ticket %d: %w", t.Number, err)
	}
	r = Replayed{Ticket: t.Number, At: f.At, MessageID: f.MessageID, From: f.From, Subject: f.Subject, Differences: []Difference{}}
	for i, what := range judged {
		if was[i] == now[i] {
			continue
		}
		if happened := f.recorded(what, was[i]); happened != now[i] {
			r.Differences = append(r.Differences, Difference{What: what, Was: happened, New: now[i]})
		}
	}
	return r, true, nil
}

// recorded is what was decided about the request when it came, as far as the
// facts say it; else otherwise.
func (f *Facts) recorded(what, otherwise string) string {
	switch {
	case what == "assignee" && f.Route.Why != "":
		return f.Route.Agent
	case what == "route" && f.Route.Why != "":
		return string(f.Route.Why)
	case what == "acknowledgement" && f.Ack.Reason != "":
		return string(f.Ack.Reason)
	}
	return otherwise
}

// judged names what a judgement consists of, in order.
var judged = [...]string{"refuse", "team", "rules", "assignee", "route", "category", "priority", "tags", "fields", "observers",
	"subject", "language", "acknowledgement", "template"}

type judgement [len(judged)]string

// judge runs the pure decisions of a new request on the stored facts.
func (p *Pipeline) judge(tx store.ReadTx, w *world, f Facts, raw store.Mail) (j judgement, err error) {
	d, err := p.newDelivery(w, f.envelope(), raw)
	if err != nil {
		return j, err
	}
	d.at = f.At
	d.facts.At, d.facts.Auth, d.facts.Filter, d.facts.Class = f.At, f.Auth, f.Filter, f.Class
	in := &inbound{delivery: d, p: p, tx: blank{ReadTx: tx}, facts: d.facts, team: d.team(), t: &ticket.Ticket{}}
	if in.contact, err = contactOf(tx, d.author.Address); err != nil {
		return j, err
	}
	in.outcome = w.rules.Apply(in.ruleFacts(in.team, in.contact, nil))
	if t := in.ruledTeam(); t != nil {
		in.team = t
	}
	if err := in.wouldWelcome(tx); err != nil {
		return j, err
	}
	facts, err := in.w.routeIn(tx, in.team, in.author.Address, in.contact, in.outcome.Assign, in.at)
	if err != nil {
		return j, err
	}
	ackFacts, err := in.ackFacts(in.env.From, &windows{})
	if err != nil {
		return j, err
	}
	return in.words(rules.Route(facts), rules.Acknowledge(ackFacts)), nil
}

// wouldWelcome is welcome for a replay: what would be said in the session is a
// difference and no error.
func (in *inbound) wouldWelcome(tx store.ReadTx) error {
	writes := in.tx
	in.tx = readOnly{blank{ReadTx: tx}}
	err := in.welcome()
	in.tx = writes
	var refused *reply.Error
	if errors.As(err, &refused) {
		in.outcome.Refuse, _, _ = strings.Cut(refused.Public, " / ") // in one language
		err = nil
	}
	return err
}

func (in *inbound) words(route rules.RouteOut, ack rules.Ack) judgement {
	o := in.outcome
	var fields []string
	for _, name := range slices.Sorted(maps.Keys(o.Fields)) {
		fields = append(fields, name+"="+o.Fields[name])
	}
	refuse := ""
	if in.mayRefuse() {
		refuse = o.Refuse
	}
	return judgement{refuse, in.team.Address.String(), strings.Join(o.Applied, ", "), route.Agent, string(route.Why), o.Category, o.Priority,
		strings.Join(o.Tags, ", "), strings.Join(fields, ", "), strings.Join(o.Observe, ", "), o.Subject, in.language(), string(ack.Reason), o.Template}
}

// envelope is the transaction that the facts are of.
func (f *Facts) envelope() *smtpd.Envelope {
	env := &smtpd.Envelope{Received: f.At, Peer: smtpd.Peer{
		Listener: smtpd.Kind(f.Listener), Helo: f.Helo, TLS: f.TLS, Login: f.Login, Frontend: f.Frontend, Trusted: f.Trusted}}
	env.Peer.Addr, _ = netip.ParseAddr(f.Peer) // none: a unix socket
	env.From, _ = addr.ParseSender(f.EnvelopeFrom)
	for _, to := range f.EnvelopeTo {
		if a, err := addr.Parse(to); err == nil {
			env.To = append(env.To, a)
		}
		env.SMTPUTF8 = env.SMTPUTF8 || !isASCII(to)
	}
	env.SMTPUTF8 = env.SMTPUTF8 || !isASCII(f.EnvelopeFrom)
	return env
}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r > '~' }) < 0
}

// readOnly is a transaction that knows what is there, and keeps nothing.
type readOnly struct{ blank }

func (r readOnly) Get(key []byte) ([]byte, error) { return r.ReadTx.Get(key) }

// blank is a transaction in which nothing was counted before, and which keeps
// nothing.
type blank struct {
	store.ReadTx
}

func (blank) Get([]byte) ([]byte, error) { return nil, store.ErrNotFound }
func (blank) Insert(_, _ []byte) error   { return nil }
func (blank) Set(_, _ []byte) error      { return nil }
func (blank) Delete([]byte) error        { return nil }
func (blank) PutMail(message.Source) (store.MailID, error) {
	return 0, errors.New("pipeline: a replay stores nothing")
}
func (blank) EraseMail(store.MailID) error { return nil }
