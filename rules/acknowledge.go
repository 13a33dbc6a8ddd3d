package rules

import (
	"time"

	"postdesk/internal/addr"
)

// MaxReceived is how many Received fields make a mail a loop, RFC 5321 §6.3.
const MaxReceived = 50

// maxStale is how old a request may be and still be new: what is older was
// injected again.
const maxStale = 3 * 24 * time.Hour

// Reason says why there is an acknowledgement or none. It is the event of the
// ticket, the label of the metric and the answer of explain.
type Reason string

// The reasons, in the order of the table.
const (
	ReasonSent             Reason = "sent"
	ReasonNotNew           Reason = "not-new-ticket"
	ReasonDuplicate        Reason = "duplicate"
	ReasonAgentSubmission  Reason = "agent-submission"
	ReasonImported         Reason = "imported"
	ReasonStale            Reason = "stale"
	ReasonNullSender       Reason = "null-sender"
	ReasonReport           Reason = "report"
	ReasonOwnToken         Reason = "own-token"
	ReasonOwnAddress       Reason = "own-address"
	ReasonAgentNotBelieved Reason = "agent-not-believed"
	ReasonAutoSubmitted    Reason = "auto-submitted"
	ReasonPrecedence       Reason = "precedence"
	ReasonList             Reason = "list"
	ReasonSuppress         Reason = "x-auto-response-suppress"
	ReasonAutoresponder    Reason = "autoresponder-header"
	ReasonLoopHeader       Reason = "loop-header"
	ReasonSystemSender     Reason = "system-sender"
	ReasonITIP             Reason = "itip"
	ReasonSpam             Reason = "spam"
	ReasonMalware          Reason = "malware"
	ReasonUnauthenticated  Reason = "unauthenticated"
	ReasonNotBacked        Reason = "not-backed" // the DNS could not say
	ReasonNotAligned       Reason = "not-aligned"
	ReasonMalformed        Reason = "malformed"
	ReasonNotAddressed     Reason = "not-addressed"
	ReasonHopCount         Reason = "hop-count"
	ReasonAutoSubject      Reason = "auto-subject"
	ReasonSameContent      Reason = "same-content"
	ReasonAcknowledged     Reason = "already-acknowledged"
	ReasonCapAddress       Reason = "cap-address"
	ReasonCapDomain        Reason = "cap-domain"
	ReasonBreaker          Reason = "breaker"
	ReasonOff              Reason = "switched-off" // by the team or a rule
)

// Disposition is what becomes of a mail beside its acknowledgement.
type Disposition string

// The dispositions.
const (
	DispositionNormal Disposition = "normal" // a ticket, or a message of one
	DispositionEvent  Disposition = "event"  // an event, nothing more
	DispositionHeld   Disposition = "held"   // waits for someone to say what it is
	DispositionRefuse Disposition = "refuse" // 554 5.4.6, routing loop
)

// AckFacts are what the table looks at. Header and Own must be set.
type AckFacts struct {
	Now      time.Time
	Counted  time.Time // now, by the clock that the caps are counted by; Now when zero
	Date     time.Time // of the header, zero if there is none
	Arrival  time.Time // of the topmost foreign Received field, zero if there is none
	Header   func(name string) []string
	Subject  string // decoded
	Received int    // number of Received fields

	// The conversation.
	New             bool // a new request: not threaded, not merged
	Duplicate       bool // same Message-ID, From and body as one of the latest 7 days
	AgentSubmission bool // a believed agent is writing
	AgentClaimed    bool // an agent's address in From, and not believed
	Imported        bool // import or restore mode
	SameContent     bool // same sender, subject and body within 24 hours

	// Who.
	EnvelopeFrom addr.Address   // zero is <>
	NoReturnPath bool           // there was no envelope at all: nobody to answer to
	From         []addr.Address // authors; a group has none
	ReplyTo      []addr.Address
	Target       addr.Address            // where the acknowledgement would go: the Return-Path, RFC 3834 §4
	Form         bool                    // a rule made Reply-To the requester, and From is backed
	Own          func(addr.Address) bool // a generic, alias, token or bounce address of ours
	OwnToken     bool                    // a Message-ID, loop header or Delivered-To with a valid token of ours
	SMTPUTF8     bool                    // the mail came with SMTPUTF8, RFC 6531
	ToCcHasOurs  bool                    // To or Cc names an address of ours, or a configured alias
	Frontend     bool                    // from an MTA in front of us: nothing is refused
	OwnSubjects  []string                // how our acknowledgements begin, "Votre demande n°"

	// What was found out.
	Report          bool   // a part is a report, RFC 3464, 8098, 5965
	CalendarMethod  string // METHOD of a text/calendar part
	Spam, Malware   bool
	DMARCFail       bool
	Backed          bool // DKIM or SPF passed, aligned with From
	TempError       bool // the DNS could not be asked: not backed, for that reason
	KnownTwoWay     bool // a contact who wrote and was answered before
	EnvelopeAligned bool // the envelope sender's domain is aligned with From's, or SPF passed for it while DKIM backs From

	Caps Caps
	Off  bool // the team or a rule wants none
}

// Ack is the decision.
type Ack struct {
	Send    bool
	Reason  Reason
	Line    int         // of the table; 0 for none
	Ticket  Disposition // what becomes of the mail
	Suspect bool        // line 13 holds: the mail, and the ticket that it opens, is marked suspect
	Alarm   bool        // someone should look: a metric and an event
	Wait    bool        // the breaker: write the acknowledgement held, an admin releases it
	Weak    bool        // signs of bulk mail that alone do not suppress; counted
}

// line is one condition of the table. Several may bear the same number.
type line struct {
	n           int
	reason      Reason
	matches     func(*AckFacts) bool
	disposition Disposition // "" is normal
	alarm       bool
}

// table says when an acknowledgement must not be sent. The first line that
// matches gives the reason.
var table = []line{
	{n: 1, reason: ReasonAgentSubmission, matches: func(f *AckFacts) bool { return f.AgentSubmission }},
	{n: 1, reason: ReasonDuplicate, matches: func(f *AckFacts) bool { return f.Duplicate }},
	{n: 1, reason: ReasonImported, matches: func(f *AckFacts) bool { return f.Imported }},
	{n: 1, reason: ReasonNotNew, matches: func(f *AckFacts) bool { return !f.New }},
	{n: 1, reason: ReasonStale, matches: stale},
	{n: 2, reason: ReasonNullSender, matches: nullSender, disposition: DispositionEvent},
	{n: 3, reason: ReasonReport, matches: report, disposition: DispositionEvent},
	{n: 3, reason: ReasonAutoresponder, matches: failedRecipients, disposition: DispositionEvent},
	{n: 4, reason: ReasonOwnToken, matches: func(f *AckFacts) bool { return f.OwnToken }, disposition: DispositionEvent},
	{n: 4, reason: ReasonOwnAddress, matches: ownSender, disposition: DispositionHeld, alarm: true},
	{n: 4, reason: ReasonOwnAddress, matches: ownTarget},
	{n: 4, reason: ReasonAgentNotBelieved, matches: func(f *AckFacts) bool { return f.AgentClaimed }, disposition: DispositionHeld},
	{n: 5, reason: ReasonAutoSubmitted, matches: autoSubmitted},
	{n: 6, reason: ReasonPrecedence, matches: precedence},
	{n: 7, reason: ReasonList, matches: mailingList},
	{n: 8, reason: ReasonSuppress, matches: responseSuppress},
	{n: 9, reason: ReasonAutoresponder, matches: autoresponder},
	{n: 10, reason: ReasonLoopHeader, matches: loopHeader},
	{n: 11, reason: ReasonSystemSender, matches: func(f *AckFacts) bool { return SystemSender(f.Target.Local) }},
	{n: 12, reason: ReasonITIP, matches: calendarAnswer},
	{n: 13, reason: ReasonMalware, matches: func(f *AckFacts) bool { return f.Malware }},
	{n: 13, reason: ReasonSpam, matches: func(f *AckFacts) bool { return f.Spam }},
	{n: 13, reason: ReasonUnauthenticated, matches: func(f *AckFacts) bool { return f.DMARCFail }},
	{n: 13, reason: ReasonNotBacked, matches: func(f *AckFacts) bool { return f.TempError && unbacked(f) }},
	{n: 13, reason: ReasonUnauthenticated, matches: unbacked},
	{n: 14, reason: ReasonNotAligned, matches: notAligned},
	{n: 15, reason: ReasonMalformed, matches: malformed},
	{n: 16, reason: ReasonNotAddressed, matches: func(f *AckFacts) bool { return !f.ToCcHasOurs }},
	{n: 17, reason: ReasonHopCount, matches: func(f *AckFacts) bool { return f.Received >= MaxReceived }, disposition: DispositionRefuse},
	{n: 18, reason: ReasonAutoSubject, matches: autoSubject},
	{n: 19, reason: ReasonSameContent, matches: func(f *AckFacts) bool { return f.SameContent }},
	{n: 20, reason: ReasonAcknowledged, matches: func(f *AckFacts) bool { return f.Caps.Ticket }},
	{n: 0, reason: ReasonOff, matches: func(f *AckFacts) bool { return f.Off }},
	{n: 20, reason: ReasonCapAddress, matches: func(f *AckFacts) bool { return f.Caps.addressFull(f.counted()) }, alarm: true},
	{n: 20, reason: ReasonCapDomain, matches: func(f *AckFacts) bool { return f.Caps.domainFull(f.counted()) }, alarm: true},
	{n: 20, reason: ReasonBreaker, matches: func(f *AckFacts) bool { return f.Caps.breakerOpen(f.counted()) }, alarm: true},
}

// Reasons lists every reason once, "sent" first: the fixed labels of a metric.
func Reasons() []Reason {
	list := []Reason{ReasonSent}
	seen := map[Reason]bool{}
	for _, l := range table {
		if !seen[l.reason] {
			seen[l.reason] = true
			list = append(list, l.reason)
		}
	}
	return list
}

// Acknowledge decides whether a mail is acknowledged. The first line of the
// table gives the reason; what becomes of the mail is looked for in all lines, so that a
// bounce that belongs to a ticket is still an event, and a forgery is suspect whatever else it is.
func Acknowledge(f *AckFacts) Ack {
	ack := Ack{Send: true, Reason: ReasonSent, Ticket: DispositionNormal, Weak: weakSignals(f)}
	for _, l := range table {
		if !l.matches(f) {
			continue
		}
		if ack.Send {
			ack.Send, ack.Reason, ack.Line = false, l.reason, l.n
			ack.Wait = l.reason == ReasonBreaker
			ack.Alarm = l.alarm
		}
		if f.AgentSubmission {
			break // an agent writes from our addresses by right
		}
		ack.note(&l, f)
	}
	return ack
}

// note takes from a further line what concerns the mail itself. The strictest
// disposition is the first in the table.
func (a *Ack) note(l *line, f *AckFacts) {
	a.Suspect = a.Suspect || l.n == 13
	if l.disposition == "" || a.Ticket != DispositionNormal {
		return
	}
	a.Ticket = l.disposition
	a.Alarm = a.Alarm || l.alarm
	if l.disposition == DispositionRefuse && f.Frontend {
		a.Ticket = DispositionEvent // a refusal would make the frontend bounce
	}
}
