// Package pipeline makes one mail into one decision. Its stages, each in a file
// of its name, add typed facts to the delivery: authenticate, filter, classify,
// thread, route, acknowledge; then the road of the mail's class (customer,
// agent, bounce, hold) writes mail, events and outbox in one transaction.
package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"postdesk/internal/addr"
	"postdesk/internal/config"
	"postdesk/internal/mailauth"
	"postdesk/internal/message"
	"postdesk/internal/reply"
	"postdesk/internal/ticket"
	"postdesk/rules"
	"postdesk/smtpd"
	"postdesk/store"
)

// Meters counts what the stages find and decide. Its methods are called from
// many goroutines, and for decisions after the commit.
type Meters interface {
	Authentication(check, result string)
	Acknowledgement(reason string)
	Event(kind string)
	FirstReply(team string, d time.Duration)
	Resolution(team string, d time.Duration)
}

// Options is what a Pipeline is made of. Store, Keys and Config are required.
type Options struct {
	Store    store.Engine
	Keys     *addr.KeyRing
	Config   *config.Config
	Resolver mailauth.Resolver // nil is the system's
	Now      func() time.Time
	Elapsed  func() time.Duration // a clock that nobody sets; nil is Now's monotonic reading
	Log      *slog.Logger
	Meters   Meters
	Wake     func()      // the outbox has new rows
	DiskLow  func() bool // below min_free_disk
}

// Pipeline answers smtpd and relay. It may be used by many goroutines.
type Pipeline struct {
	store    store.Engine
	keys     *addr.KeyRing
	markKeys [][]byte
	resolver mailauth.Resolver
	now      func() time.Time
	steady   steady
	log      *slog.Logger
	meters   Meters
	wake     func()
	diskLow  func() bool
	world    atomic.Pointer[world]
	flights  flights
}

// New makes a Pipeline with its first configuration.
func New(ctx context.Context, o Options) (*Pipeline, error) {
	p := &Pipeline{store: o.Store, keys: o.Keys, markKeys: o.Keys.Derive("block marks"), resolver: o.Resolver,
		now: o.Now, log: o.Log, meters: o.Meters, wake: o.Wake, diskLow: o.DiskLow}
	p.defaults()
	p.steady = newSteady(p.now, o.Elapsed)
	if err := store.IndexContactFields(ctx, o.Store); err != nil {
		return nil, fmt.Errorf("index the contacts: %w", err)
	}
	return p, p.SetConfig(ctx, o.Config)
}

func (p *Pipeline) defaults() {
	if p.now == nil {
		p.now = time.Now
	}
	if p.log == nil {
		p.log = slog.New(slog.DiscardHandler)
	}
	if p.meters == nil {
		p.meters = noMeters{}
	}
	if p.wake == nil {
		p.wake = func() {}
	}
	if p.diskLow == nil {
		p.diskLow = func() bool { return false }
	}
}

type noMeters struct{}

func (noMeters) Authentication(string, string)    {}
func (noMeters) Acknowledgement(string)           {}
func (noMeters) Event(string)                     {}
func (noMeters) FirstReply(string, time.Duration) {}
func (noMeters) Resolution(string, time.Duration) {}

// SetConfig compiles a configuration and makes it the one in force. On an
// error the old one stays.
func (p *Pipeline) SetConfig(ctx context.Context, cfg *config.Config) error {
	w, err := p.newWorld(ctx, cfg)
	if err != nil {
		return err
	}
	p.world.Store(w)
	return nil
}

func (p *Pipeline) newChecker() *mailauth.Checker {
	return mailauth.New(mailauth.Options{Resolver: newAnswers(p.resolver, p.now), Now: p.now})
}

// Deliver takes a mail: it implements smtpd.Handler. A nil error means that the
// mail, its events and what goes out because of it are durable.
func (p *Pipeline) Deliver(ctx context.Context, env *smtpd.Envelope, raw message.Source) (string, []error, error) {
	w := p.world.Load()
	d, err := p.newDelivery(w, env, raw)
	if err != nil {
		return "", nil, err
	}
	defer p.flights.enter(p.about(d))()
	id, err := p.learn(ctx, d)
	if err != nil {
		return d.id, nil, d.refusal(err)
	}
	r, err := p.commit(ctx, d, id)
	if err != nil {
		return d.id, nil, d.refusal(err)
	}
	p.report(d, r)
	p.wake()
	return d.id, nil, nil
}

// learn runs the stages before the transaction. A panic in one of them costs
// what it would have learned, not the mail.
func (p *Pipeline) learn(ctx context.Context, d *delivery) (id rules.Identity, err error) {
	defer func() {
		if v := recover(); v != nil {
			d.facts.Panic = p.panicked(d, v)
			err = nil
		}
	}()
	if d.facts.Panic != "" {
		return id, nil
	}
	p.authenticate(ctx, d)
	id = p.classify(d)
	if id.Kind == rules.IdentityRefused {
		return id, reply.New(550, [3]int{5, 7, 1}, id.Why)
	}
	if err := d.refuseUnauthentic(); err != nil {
		return id, err
	}
	d.calendar() // here, where no other mail waits for it
	d.guessLanguage()
	if d.facts.Class.Agent != "" {
		d.draft()
	}
	return id, p.filter(ctx, d)
}

// commit runs the road of the mail's class in one transaction. A command that
// can't be carried out undoes it all, and the mail is held. When it panics,
// the mail takes the shortest road: a ticket with the raw mail.
func (p *Pipeline) commit(ctx context.Context, d *delivery, id rules.Identity) (r *result, err error) {
	if d.facts.Panic == "" {
		r, err = p.decide(ctx, d, id)
		if errors.As(err, &d.refused) {
			r, err = p.decide(ctx, d, id)
		}
		if d.facts.Panic = salvageable(err); d.facts.Panic == "" {
			return r, err
		}
		if errors.Is(err, store.ErrTooLarge) {
			p.log.Error("a mail wanted to write too much; it is kept", "id", d.id, "message_id", d.facts.MessageID, "error", err)
		}
	}
	err = p.store.Update(ctx, func(tx store.Tx) (err error) {
		r, err = p.salvage(tx, d)
		return err
	})
	return r, err
}

// decide runs the road of the mail's class; a panic is an error.
func (p *Pipeline) decide(ctx context.Context, d *delivery, id rules.Identity) (r *result, err error) {
	err = p.store.Update(ctx, func(tx store.Tx) (err error) {
		defer func() {
			if v := recover(); v != nil {
				err = &stagePanic{p.panicked(d, v)}
			}
		}()
		r, err = p.road(tx, d, id)
		return err
	})
	return r, err
}

// road recognises a mail that comes again, and else chooses by class.
func (p *Pipeline) road(tx store.Tx, d *delivery, id rules.Identity) (*result, error) {
	in := p.inbound(tx, d)
	if again, ok, err := in.repeated(); err != nil || ok {
		return again, err
	}
	if err := p.toPostmaster(tx, d); err != nil {
		return nil, err
	}
	switch d.facts.Class.Class {
	case ClassBounce:
		return in.fromRobot(id)
	case ClassLoop:
		return in.fromLoop()
	case ClassOwn:
		return in.fromOwn(id)
	case ClassAnswer:
		return in.outbound().fromAnswer()
	case ClassHeld:
		return in.outbound().fromDoubtful()
	case ClassAgent:
		return in.outbound().fromAgent(id)
	case ClassPostmaster:
		return in.onlyToPostmaster()
	}
	return in.fromCustomer(id)
}

// salvageable says why the mail must take the shortest road, "" if it need not:
// trying the same road again would never end well.
func salvageable(err error) string {
	var panicked *stagePanic
	switch {
	case errors.As(err, &panicked):
		return panicked.what
	case errors.Is(err, store.ErrTooLarge):
		return err.Error()
	}
	return ""
}

// faultWords is why an agent's mail could not go its way, for the agent.
func (out *outbound) faultWords() string {
	if strings.HasPrefix(out.facts.Panic, store.ErrTooLarge.Error()) {
		return words(out.lang(), "tooLarge")
	}
	return out.facts.Panic
}

// stagePanic carries a panic out of a transaction.
type stagePanic struct{ what string }

func (e *stagePanic) Error() string { return "panic: " + e.what }

// panicked logs where it happened, once.
func (p *Pipeline) panicked(d *delivery, v any) string {
	p.log.Error("a stage panicked; the mail is kept", "id", d.id, "message_id", d.facts.MessageID, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
	return clip(fmt.Sprint(v))
}

// refusal is the error for the session; a disk that is too full is said in its
// own words.
func (d *delivery) refusal(err error) error {
	switch {
	case errors.Is(err, store.ErrDiskLow):
		err = reply.Wrap(err, 452, [3]int{4, 3, 1}, "Not enough disk space, please try again later")
	case errors.Is(err, errUnderWay):
		err = reply.New(451, [3]int{4, 3, 0}, "The mail that this report is about is still being sent, please try again later")
	}
	return fmt.Errorf("mail %s, message-id %s: %w", d.id, d.facts.MessageID, err)
}

// report writes the one line about a mail, and counts.
func (p *Pipeline) report(d *delivery, r *result) {
	p.log.Info("mail", "id", d.id, "session", d.env.Peer.Session, "listener", d.facts.Listener, "peer", d.facts.Peer, "ticket", r.ticket,
		"message_id", d.facts.MessageID, "envelope_from", d.facts.EnvelopeFrom, "class", string(d.facts.Class.Class), "backed", d.facts.Auth.Backed,
		"decision", r.facts.Decision, "acknowledgement", string(r.facts.Ack.Reason), "size", d.facts.Size)
	if r.again {
		p.meters.Acknowledgement(string(rules.ReasonDuplicate))
		return
	}
	if r.facts.Ack.Reason != "" {
		p.meters.Acknowledgement(string(r.facts.Ack.Reason))
	}
	if r.facts.Ack.Wait {
		p.log.Warn("the breaker is open, acknowledgements are held: postdesk queue list --state held, then postdesk queue release --all", "id", d.id, "ticket", r.ticket)
	}
	for _, what := range r.events {
		p.meters.Event(string(what))
	}
	p.measure(r.took)
}

// salvage keeps a mail on which a stage panicked: a ticket with what could be
// read, and the raw mail for the agents. An agent's mail is held: nothing of it
// may go the wrong way.
func (p *Pipeline) salvage(tx store.Tx, d *delivery) (*result, error) {
	in := p.inbound(tx, d)
	if seen, ok, err := in.repeated(); err != nil || ok {
		return seen, err
	}
	if in.agent() != nil {
		out := in.outbound()
		return out.hold(holdFault, nil, []string{out.faultWords()})
	}
	var err error
	if in.t, err = store.NewTicket(tx, d.w.cfg.Tickets.FirstNumber); err != nil {
		return nil, err
	}
	in.t.Team, in.t.Language = in.team.Address, in.team.Language
	in.facts.Decision = "new ticket after a fault of a stage"
	who := &ticket.Participant{Relation: ticket.Requester, Name: d.author.Name, Address: d.author.Address}
	events := []ticket.Event{
		{By: in.sender(), What: ticket.Created, Data: map[string]string{"subject": d.facts.Subject}},
		{By: ticket.System, What: ticket.Unreadable, Data: map[string]string{"why": d.facts.Panic}},
	}
	if !d.author.Address.IsZero() {
		events = append(events, ticket.Event{By: in.sender(), What: ticket.Joined, Participant: who})
	}
	if err := in.events(events); err != nil {
		return nil, err
	}
	if err := in.keep(ticket.KindIn); err != nil {
		return nil, err
	}
	if err := p.salvageNotices(tx, in); err != nil {
		return nil, err
	}
	return in.finish()
}
