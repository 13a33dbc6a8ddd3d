// Package bounce reads what mail servers write when a mail could not be
// delivered: reports as RFC 3464 wants them, and the prose of those who never
// heard of it. It is pure, and believes nothing: a report is the word of whoever
// sent it.
package bounce

import (
	"strings"

	"postdesk/internal/message"
)

// Outcome is what became of a mail.
type Outcome string

// The outcomes.
const (
	Unknown   Outcome = ""          // the report does not say
	Hard      Outcome = "hard"      // there is no such address, or it takes no mail: nothing more should be sent to it
	Soft      Outcome = "soft"      // it failed, and the address may be right: full, refused, filtered, too late
	Delayed   Outcome = "delayed"   // still being tried
	Delivered Outcome = "delivered" // or relayed, or expanded
	Complaint Outcome = "complaint" // a person called it spam, RFC 5965
)

// Failed says whether the mail was given up.
func (o Outcome) Failed() bool { return o == Hard || o == Soft }

// Verdict is what a report says about one recipient.
type Verdict struct {
	Recipient string // address as written, "" when the report does not say
	Outcome   Outcome
	Status    string // enhanced status code (RFC 3463), "" for none
	Server    string // that said so, "" when the report does not say
	Words     string // the line that decided, clean, at most 250 bytes
}

// maxWords bounds what is kept of a server's words, in bytes.
const maxWords = 250

// Read gives a verdict for each recipient that the report names, or one without
// recipient. none: the mail is no report.
func Read(m *message.Message) []Verdict {
	r := inner(m)
	switch {
	case r != nil && r.Kind == "feedback-report":
		return []Verdict{{Outcome: Complaint}}
	case r != nil && r.Kind == "disposition-notification":
		return nil
	case r != nil && len(r.Recipients) > 0:
		return recipients(r, humanText(m))
	}
	return prose(m)
}

// OfReply judges the permanent refusal of a server in a session.
func OfReply(status, words string) Outcome {
	return judge(evidence{status: status, diagnostic: words})
}

// inner is the mail's report, or that of the one mail that it holds: some
// gateways wrap what they pass on.
func inner(m *message.Message) *message.Report {
	r := m.Report()
	if r != nil {
		return r
	}
	m.Walk(func(p *message.Part) bool {
		if p.MediaType == "message/rfc822" && len(p.Children) == 1 && p.Children[0].MediaType == "multipart/report" && r == nil {
			r = (&message.Message{Root: p.Children[0], Source: m.Source, Header: p.Children[0].Header}).Report()
		}
		return r == nil
	})
	return r
}

// recipients follows RFC 3464; where its fields say little, the text for people
// often says more.
func recipients(r *message.Report, whole string) []Verdict {
	var list []Verdict
	for _, rcpt := range r.Recipients {
		text := whole
		if len(r.Recipients) > 1 {
			text = about(whole, rcpt.FinalRecipient)
		}
		v := Verdict{Recipient: rcpt.FinalRecipient, Status: rcpt.Status, Server: message.Clean(rcpt.RemoteMTA, maxWords), Words: message.Clean(rcpt.DiagnosticCode, maxWords)}
		if v.Recipient == "" {
			v.Recipient = rcpt.OriginalRecipient
		}
		switch strings.ToLower(rcpt.Action) {
		case "delivered", "relayed", "expanded":
			v.Outcome = Delivered
		case "delayed":
			v.Outcome = Delayed
		default:
			v.Outcome = judge(evidence{status: rcpt.Status, diagnostic: rcpt.DiagnosticCode, text: text})
			if v.Outcome == Unknown && strings.EqualFold(rcpt.Action, "failed") {
				v.Outcome = Soft
			}
		}
		list = append(list, v)
	}
	return list
}
