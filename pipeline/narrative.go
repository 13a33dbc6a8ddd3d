package pipeline

import (
	"fmt"
	"strings"
	"time"

	"postdesk/internal/ticket"
	"postdesk/store"
)

// Sentences is the story of the mail in plain English, in the order in which
// it happened.
func (x *Explanation) Sentences() []string {
	var s story
	if f := x.Facts; f != nil {
		s.arrival(f)
		s.believed(f)
		s.decided(x, f)
	}
	if h := x.Held; h != nil {
		s.held(h)
	}
	for i := range x.Events {
		s.happened(&x.Events[i])
	}
	for i := range x.Outbox {
		s.wentOut(&x.Outbox[i])
	}
	return s.lines
}

// story gathers sentences.
type story struct{ lines []string }

func (s *story) say(format string, args ...any) {
	s.lines = append(s.lines, fmt.Sprintf(format, args...))
}

func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 MST") }

func (s *story) arrival(f *Facts) {
	who := f.From
	if who == "" {
		who = "somebody without an address in From"
	}
	way := "over " + f.Listener
	if f.Peer != "" {
		way += ", from the host " + f.Peer
	}
	if f.TLS != "" {
		way += ", encrypted (" + f.TLS + ")"
	}
	s.say("At %s a mail of %s came %s, for %s.", clock(f.At), who, way, strings.Join(f.EnvelopeTo, ", "))
	if f.EnvelopeFrom == "" || f.EnvelopeFrom == "<>" {
		s.say("Its envelope sender was null, as that of automatic mail is.")
	} else if f.EnvelopeFrom != f.From {
		s.say("Its envelope sender was %s.", f.EnvelopeFrom)
	}
	if len(f.Defects) > 0 {
		s.say("Not all of it could be read: %s.", strings.Join(f.Defects, "; "))
	}
	if f.Panic != "" {
		s.say("A stage failed on it (%s), so it took the shortest way: it was kept, and people were told.", f.Panic)
	}
}

func (s *story) believed(f *Facts) {
	switch {
	case f.Login != "":
		s.say("It came with the login of %s, which is proof of who wrote it.", f.Login)
	case f.Trusted:
		s.say("The host is in trusted_networks, and believed.")
	case f.Auth.Backed != "":
		s.say("The address in From is backed: %s.", f.Auth.Backed)
	default:
		s.say("Nothing backs the address in From: SPF says %s, and %s.", orNothing(string(f.Auth.Results.SPF.Result)), dkimWords(f))
	}
	if f.Filter.Asked {
		switch {
		case f.Filter.Malware:
			s.say("A filter found malware in it.")
		case f.Filter.Spam:
			s.say("A filter took it for spam.")
		default:
			s.say("The filters had nothing against it.")
		}
	}
	s.say("It was taken as %s: %s.", classWords[f.Class.Class], strings.TrimSuffix(f.Class.Why, "."))
	if f.Class.Inert > 0 {
		s.say("%d of the marks in it belong to an agent and came from somebody else: they counted for nothing.", f.Class.Inert)
	}
	if f.Class.Automatic {
		s.say("A program wrote it, so it changes no status.")
	}
}

func orNothing(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}

func dkimWords(f *Facts) string {
	if len(f.Auth.Results.DKIM) == 0 {
		return "it bears no DKIM signature"
	}
	return "no DKIM signature of that domain is valid"
}

// classWords are the classes in words.
var classWords = map[Class]string{
	ClassCustomer: "a customer's mail", ClassAgent: "an agent's mail", ClassHeld: "a mail that says it is an agent's, without proof",
	ClassAnswer: "the answer to a notice about a held mail", ClassBounce: "a delivery report", ClassLoop: "our own automatic mail, come back",
	ClassOwn: "a mail in the name of one of our own addresses", ClassPostmaster: "a mail for the postmaster",
}

func (s *story) decided(x *Explanation, f *Facts) {
	if f.Thread.Why != "" {
		s.say("Which ticket: %s.", f.Thread.Why)
	}
	if f.Gesture != "" {
		s.say("What its recipients mean: %s.", f.Gesture)
	}
	if len(f.Rules) > 0 {
		s.say("These rules applied, in this order: %s.", strings.Join(f.Rules, ", "))
	}
	switch k := f.Known; {
	case k.Contact != 0:
		s.say("The team serves known contacts only: the mail quotes a value that contact %d has in the field %s.", k.Contact, k.By)
	case k.By != "":
		s.say("The team serves known contacts only, and the address is one.")
	}
	if f.Route.Sentence != "" {
		s.say("Who gets it: %s.", f.Route.Sentence)
	}
	switch {
	case f.Ack.Send:
		s.say("It was acknowledged.")
	case f.Ack.Wait:
		s.say("Its acknowledgement waits for an admin: the breaker is open.")
	case f.Ack.Reason != "" && x.AckLine != "":
		s.say("It was not acknowledged (%s): %s.", f.Ack.Reason, x.AckLine)
	case f.Ack.Reason != "":
		s.say("It was not acknowledged: %s.", f.Ack.Reason)
	}
	if f.Calendar != "" {
		s.say("Its calendar message: %s.", f.Calendar)
	}
	if f.Decision != "" {
		s.say("So it became %s.", f.Decision)
	}
}

func (s *story) held(h *store.HeldMail) {
	s.say("It was held (%s), and %s was told.", h.Why, h.Agent)
	for _, why := range h.Reasons {
		s.say("The reason: %s.", strings.TrimSuffix(why, "."))
	}
	switch h.State {
	case store.Waiting:
		s.say("It still waits: postdesk queue show tells more, and #send in answer to the notice releases it.")
	case store.Released:
		s.say("It was released at %s.", clock(h.Decided))
	case store.Cancelled:
		s.say("It was dropped at %s.", clock(h.Decided))
	}
}

// happened tells only what the stages' own facts do not.
func (s *story) happened(e *ticket.Event) {
	switch e.What {
	case ticket.Assigned:
		if who := e.Data["agent"]; who != "" {
			s.say("%s: %s looks after the ticket from then on (%s).", clock(e.At), who, orNothing(e.Data["why"]))
		} else {
			s.say("%s: nobody looks after the ticket from then on (%s).", clock(e.At), orNothing(e.Data["why"]))
		}
	case ticket.DeliveryFailed, ticket.Undeliverable:
		s.say("%s: it could not be delivered to %s: %s.", clock(e.At), orNothing(e.Data["to"]+e.Data["agent"]), strings.TrimSpace(e.Data["code"]+" "+e.Data["text"]))
	case ticket.MarkedSuspect:
		s.say("%s: the ticket was marked as suspect: %s.", clock(e.At), e.Data["why"])
	case ticket.SplitOff:
		s.say("%s: it was made a ticket of its own, number %s.", clock(e.At), e.Data["number"])
	}
}

func (s *story) wentOut(r *store.Outgoing) {
	what := purposeWords[r.Purpose]
	if what == "" {
		what = string(r.Purpose)
	}
	switch r.State {
	case store.Delivered:
		s.say("%s went to %s, delivered at %s; %s said %d %s.", what, r.To, clock(r.Done), orNothing(r.Host), r.Code, r.Text)
	case store.Failed:
		s.say("%s to %s failed at %s; %s said %d %s.", what, r.To, clock(r.Done), orNothing(r.Host), r.Code, r.Text)
	case store.Held:
		s.say("%s to %s is held: %s.", what, r.To, orNothing(r.Reason))
	case store.Dropped:
		s.say("%s to %s was dropped: %s.", what, r.To, orNothing(r.Reason))
	case store.Sending:
		s.say("%s to %s is being sent now.", what, r.To)
	default:
		s.say("%s to %s waits for its turn at %s, after %d attempts.", what, r.To, clock(r.Due), r.Attempts)
		if r.Text != "" {
			s.say("The last time %s said %d %s.", orNothing(r.Host), r.Code, r.Text)
		}
	}
}

// purposeWords are what went out, at the beginning of a sentence.
var purposeWords = map[store.Purpose]string{
	store.PurposeAck: "The acknowledgement", store.PurposeCopy: "The agent's copy", store.PurposeReply: "The answer", store.PurposeNote: "A colleague's copy",
	store.PurposeNotice: "A notice", store.PurposeSentence: "The sentence of refusal", store.PurposeLetter: "A letter of the desk", store.PurposeAside: "A mail to a third person",
}
