package pipeline

import (
	"cmp"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"postdesk/internal/addr"
	"postdesk/internal/compose"
	"postdesk/internal/message"
	"postdesk/internal/ticket"
	"postdesk/rules"
	"postdesk/smtpd"
	"postdesk/store"
)

// Why a mail is held: the metric's label.
const (
	holdIdentity = "identity" // it says that it is an agent's, and is not believed
	holdGuard    = "guard"    // the outgoing guard found something
	holdCommand  = "command"  // a command that can't be understood or carried out
	holdWhich    = "which"    // which ticket is meant
	holdOwn      = "own-address"
	holdCustomer = "customer" // whose mail an agent passed on
	holdFault    = "fault"    // a stage failed on an agent's mail
	holdPace     = "pace"     // more mails in an hour than a person writes
)

// maxNotices is how many notices of held mail an agent gets in an hour: whoever
// forges an agent's address must not flood the agent.
const maxNotices = 20

// maxDayNotices bounds them for a day: the agent's own mailbox may send each back to us.
const maxDayNotices = 60

// HoldReasons lists them for the metrics.
func HoldReasons() []string {
	return []string{holdIdentity, holdGuard, holdCommand, holdWhich, holdOwn, holdCustomer, holdFault, holdPace}
}

// fromDoubtful is the road of a mail with an agent's address that is not
// believed: nothing goes out, and the agent is asked at the registered address.
func (out *outbound) fromDoubtful() (*result, error) {
	out.facts.Ack = rules.Ack{Reason: rules.ReasonAgentNotBelieved, Line: 4, Ticket: rules.DispositionHeld}
	if out.facts.Class.Automatic {
		return out.absent()
	}
	return out.hold(holdIdentity, nil, []string{out.facts.Class.Why})
}

// fromOwn is a mail from outside with a generic address of ours as author: a
// web form where a rule says so and the address is backed, else held.
func (in *inbound) fromOwn(id rules.Identity) (*result, error) {
	if in.facts.Auth.Backed != "" && in.w.rules.Apply(in.ruleFacts(in.team, nil, nil)).ReplyToRequester {
		return in.fromCustomer(id)
	}
	out := in.outbound() // of no agent
	out.facts.Ack = rules.Ack{Reason: rules.ReasonOwnAddress, Line: 4, Ticket: rules.DispositionHeld, Alarm: true}
	return out.hold(holdOwn, nil, []string{out.facts.Class.Why})
}

// hold keeps the mail until its agent says what to do.
func (out *outbound) hold(why string, findings []compose.Finding, reasons []string) (*result, error) {
	id, err := out.put(out.tx)
	if err != nil {
		return nil, err
	}
	for _, f := range findings {
		reasons = append(reasons, f.Sentence(out.lang()))
	}
	h := &store.HeldMail{At: out.at, Why: why, Reasons: shortReasons(reasons), Mail: id, Subject: out.facts.Subject, From: out.env.From, To: out.env.To}
	if out.agent != nil {
		h.Agent = out.agent.ID
	}
	h.Bad, h.Orders = out.wrong.bad, why == holdCommand && out.onlyOrders()
	if was := out.released; was != nil {
		h.Passed = append(slices.Clone(was.Passed), was.Why)
		h.Bad, h.Instead = append(slices.Clone(was.Bad), without(h.Bad, was.Bad)...), was.Instead
	}
	if out.t != nil {
		h.Ticket = out.t.Number
	}
	out.facts.Decision = "held: " + why
	h.Facts = encodeFacts(out.facts)
	if err := store.AddHeld(out.tx, h); err != nil {
		return nil, err
	}
	if err := out.rememberHeld(h.ID); err != nil {
		return nil, err
	}
	if err := out.tellHeld(h); err != nil {
		return nil, err
	}
	if err := out.noteHeld(h); err != nil {
		return nil, err
	}
	return out.result(), nil
}

// Bounds of the reasons that a held mail's record keeps: how many, and the bytes of one, which may quote a line.
const (
	maxReasons = 20
	maxReason  = 1200
)

func shortReasons(reasons []string) []string {
	var list []string
	for _, r := range reasons[:min(len(reasons), maxReasons)] {
		list = append(list, abridge(r, maxReason))
	}
	return list
}

// noteHeld writes the event, where there is a ticket that may know of it. An
// identity that is not believed proves no ticket.
func (out *outbound) noteHeld(h *store.HeldMail) error {
	if out.t == nil || h.Why == holdIdentity {
		return nil
	}
	e := ticket.Event{By: ticket.System, What: ticket.HeldMail, Data: map[string]string{"id": strconv.FormatUint(h.ID, 10), "why": h.Why, "agent": h.Agent}}
	if err := out.event(e); err != nil {
		return err
	}
	return out.p.save(out.tx, out.w, out.t)
}

func (out *outbound) rememberHeld(id uint64) error {
	if out.print() == "" {
		return nil
	}
	return store.SetSeen(out.tx, out.print(), store.Seen{At: out.steady, Held: id}, out.steady.Add(sameMail))
}

// noticeOf is the notice for each reason.
var noticeOf = map[string]compose.NoticeKind{
	holdIdentity: compose.NoticeHeld, holdGuard: compose.NoticeGuard, holdCommand: compose.NoticeUnknown, holdWhich: compose.NoticeWhich,
	holdFault: compose.NoticeGuard, holdCustomer: compose.NoticeCustomer, holdPace: compose.NoticeGuard,
}

// tellHeld asks the agent, at the registered address only.
func (out *outbound) tellHeld(h *store.HeldMail) error {
	kind, ok := noticeOf[h.Why]
	if !ok || out.agent == nil {
		return nil
	}
	left, err := out.noticesLeft(h)
	if err != nil || left == 0 {
		return err
	}
	if left == 1 {
		h.Reasons = append(h.Reasons, words(out.lang(), "manyHeld"))
	}
	data := out.wrong.notice()
	data.Title, data.Until, data.Text, data.Lines = out.facts.Subject, out.at, out.heldText(), h.Reasons
	data.Who, data.Colleague = out.crossing.who, out.crossing.text
	data.Orders = h.Orders
	data.Recipient, data.Yes = out.guess.Address, h.Why == holdWhich && !out.guess.Address.IsZero()
	n := notice{team: out.team, kind: kind, agent: out.agent, at: out.at, from: out.holdAddress(h.ID),
		data: data}
	if h.Why != holdIdentity {
		n.t, n.answering = out.t, out.facts.MessageID
	}
	return out.p.notify(out.tx, out.w, n)
}

// maxHeldText is how much of a held mail its notice shows, in bytes.
const maxHeldText = 16 << 10

// heldText is what the agent wrote, for the notice.
func (out *outbound) heldText() string {
	d := out.w.compose.Draft(out.mail)
	return abridge(cmp.Or(d.Plain, d.HTML, d.More), maxHeldText)
}

// noticesLeft is how many notices of this kind the agent may still get in this
// hour, this one included. Mails with a backed address are counted apart, so that
// forgers do not silence what is about the agent's own.
func (out *outbound) noticesLeft(h *store.HeldMail) (int, error) {
	if h.Why != holdIdentity {
		return maxNotices, nil
	}
	scope := "held-forged"
	if out.facts.Auth.Backed != "" {
		scope = "held-backed"
	}
	hour, day, err := out.often(scope, out.agent.ID, 1)
	return max(0, min(maxNotices-hour, maxDayNotices-day)), err
}

// holdAddress is the one-time address of a notice about a held mail.
func (out *outbound) holdAddress(id uint64) addr.Address {
	tok := addr.Token{Kind: addr.KindHold, Item: id, Person: addr.Person{Agent: true, N: out.w.numbers[out.agent.ID]}}
	return addr.TokenAddress(out.team.Address, out.w.cfg.Tickets.TokenDomain, out.p.keys.Mint(tok))
}

// holdWhichTicket asks which ticket is meant: a mail client remembers our
// addresses and offers them months later.
func (out *outbound) holdWhichTicket(thread rules.ThreadOut) (*result, error) {
	if out.t == nil && thread.Ticket != 0 {
		if err := out.openTicket(thread.Ticket); err != nil {
			return nil, err
		}
	}
	return out.hold(holdWhich, nil, []string{thread.Why})
}

// fromAnswer is an agent's answer to the notice about a held mail. The token
// went to the agent's registered address and to nowhere else, and counts once.
func (out *outbound) fromAnswer() (*result, error) {
	h, err := store.GetHeld(out.tx, out.facts.Class.Release)
	if errors.Is(err, store.ErrNotFound) || err == nil && h.Agent != out.agent.ID {
		out.facts.Decision = "an answer about a mail that is not held"
		return out.answerOutside(compose.NoticeTranscript, compose.NoticeData{Lines: []string{words(out.lang(), "decided")}})
	}
	if err != nil {
		return nil, err
	}
	if h.Ticket != 0 {
		if err := out.openTicket(h.Ticket); err != nil {
			return nil, err
		}
	}
	if out.facts.Class.Automatic {
		return out.absent() // an out-of-office answer releases nothing
	}
	if err := out.comeBack(); err != nil {
		return nil, err
	}
	return out.decide(h)
}

// agrees: an answer that says nothing against it. "No, that was not me" must not
// send what it denies, nor may an absence note that does not say that it is one.
func agrees(fresh string) bool {
	text, _ := message.SplitSignature(fresh) // what looks like a signature and is not marked as one may be an absence note
	word, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	word = strings.ToLower(strings.TrimSpace(word))
	return word == "" || yesWords[strings.TrimRight(word, " .!,")] || yesWords[strings.TrimRight(firstWord(word), ".!,:;")]
}

func firstWord(line string) string {
	word, _, _ := strings.Cut(line, " ")
	return word
}

// yesWords begin an answer that agrees, in French and English.
var yesWords = map[string]bool{
	"oui": true, "ok": true, "okay": true, "d'accord": true, "d’accord": true, "confirmé": true, "confirme": true, "envoyer": true, "envoyez": true,
	"yes": true, "yep": true, "confirmed": true, "confirm": true, "send": true, "release": true, "c'est moi": true, "c’est moi": true, "it was me": true, "it's me": true,
}

// maxTold is how many of the answers to one notice get a line back: a mailbox
// that answers everything must not be answered for ever.
const maxTold = 3

// told keeps the answer and writes back what became of the held mail.
func (out *outbound) told(h *store.HeldMail, kind compose.NoticeKind, data compose.NoticeData) (*result, error) {
	if err := out.keepAnswer(h); err != nil {
		return nil, err
	}
	limit := maxTold
	if out.facts.Class.Class == ClassAnswer && kind == compose.NoticeUnknown {
		limit = maxCorrections // somebody types there
	}
	if len(h.Answers) >= limit {
		return out.result(), out.rememberHeld(h.ID)
	}
	n := notice{kind: kind, agent: out.agent, team: out.team, from: out.holdAddress(h.ID), answering: out.facts.MessageID, at: out.at, data: data}
	if h.Why != holdIdentity {
		n.t = out.t
	}
	if err := out.p.notify(out.tx, out.w, n); err != nil {
		return nil, err
	}
	if n.t != nil {
		if err := out.p.save(out.tx, out.w, n.t); err != nil {
			return nil, err
		}
	}
	return out.result(), out.rememberHeld(h.ID)
}

// keepAnswer stores the answer beside the held mail.
func (out *outbound) keepAnswer(h *store.HeldMail) error {
	id, err := out.put(out.tx)
	if err != nil {
		return err
	}
	return store.AddAnswer(out.tx, h.ID, id)
}

func (out *outbound) cancel(h *store.HeldMail) (*result, error) {
	if _, err := store.DecideHeld(out.tx, h.ID, store.Cancelled, out.at); err != nil {
		return nil, err
	}
	out.facts.Decision = "cancelled a held mail"
	if out.t != nil {
		e := ticket.Event{By: out.by(), What: ticket.DroppedMail, Data: map[string]string{"id": strconv.FormatUint(h.ID, 10)}}
		if err := out.event(e); err != nil {
			return nil, err
		}
		if err := out.p.save(out.tx, out.w, out.t); err != nil {
			return nil, err
		}
	}
	return out.told(h, compose.NoticeCancelled, compose.NoticeData{})
}

// release sends the held mail on its way, as its agent's.
func (out *outbound) release(h *store.HeldMail) (*result, error) {
	if err := out.keepAnswer(h); err != nil {
		return nil, err
	}
	if err := out.rememberHeld(h.ID); err != nil {
		return nil, err
	}
	return out.p.Release(out.tx, out.w, h, out.by(), out.at)
}

// Release lets a held mail go its way, by its agent's word or an admin's.
func (p *Pipeline) Release(tx store.Tx, w *world, h *store.HeldMail, by ticket.Actor, now time.Time) (*result, error) {
	if _, err := store.DecideHeld(tx, h.ID, store.Released, now); err != nil {
		return nil, err
	}
	mail, err := tx.Mail(h.Mail)
	if err == nil {
		err = store.CheckMail(mail)
	}
	if err != nil {
		return nil, err
	}
	env := &smtpd.Envelope{Peer: smtpd.Peer{Listener: smtpd.Submission, Login: h.Agent}, From: h.From, To: h.To, Received: h.At}
	d, err := p.newDelivery(w, env, mail)
	if err != nil {
		return nil, err
	}
	d.at, d.released, d.stored = now, h, h.Mail
	d.facts.Class = ClassFacts{Class: ClassAgent, Agent: h.Agent, Why: "released by " + by.String()}
	d.facts.Auth.Backed = "released by " + by.String()
	id := rules.Identity{Kind: rules.IdentityAgent, Agent: h.Agent, Tokens: d.tokensOf(p, h.Agent)}
	if h.Agent == "" {
		d.facts.Class.Class, id.Kind = ClassCustomer, rules.IdentityCustomer
		return p.inbound(tx, d).fromCustomer(id)
	}
	if w.agents[h.Agent] == nil {
		return nil, errors.New("the agent of this mail is gone from the configuration")
	}
	out := p.inbound(tx, d).outbound()
	if err := out.noteRelease(by); err != nil {
		return nil, err
	}
	return out.fromAgent(id)
}

// noteRelease writes who let the mail go, where the ticket knows of it.
func (out *outbound) noteRelease(by ticket.Actor) error {
	h := out.released
	if h.Ticket == 0 || h.Why == holdIdentity {
		return nil
	}
	t, err := store.LiveTicket(out.tx, h.Ticket)
	if err != nil {
		return err
	}
	e := ticket.Event{At: out.at, By: by, What: ticket.ReleasedMail, Data: map[string]string{"id": strconv.FormatUint(h.ID, 10), "why": h.Why}}
	if err := store.AddEvent(out.tx, t, e); err != nil {
		return err
	}
	out.happened = append(out.happened, e.What)
	return out.p.save(out.tx, out.w, t)
}

// tokensOf are the tokens of the mail that count for an agent.
func (d *delivery) tokensOf(p *Pipeline, agent string) []rules.Presented {
	var list []rules.Presented
	for _, t := range p.presented(d) {
		if !t.Token.Person.Agent || t.Agent == agent {
			list = append(list, t)
		}
	}
	return list
}
