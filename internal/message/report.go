package message

import (
	"io"
	"strings"
)

const (
	maxReport     = 256 << 10 // bytes of a report that are read
	maxRecipients = 200
	maxReportText = 1 << 10 // bytes of a value
)

// Report is what a machine says about a mail of ours: a delivery status (RFC
// 3464), a receipt (RFC 8098) or a complaint (RFC 5965). All values are clean and
// at most 1 KiB; they are claims of whoever sent the report.
type Report struct {
	Kind         string            // "delivery-status", "disposition-notification", "feedback-report", or another report-type
	ReportingMTA string            // without "dns;"
	Recipients   []RecipientStatus // at most 200; of a receipt, one
	Fields       Header            // the fields of the report as a whole
	Original     Header            // the returned mail's header, as far as it came back
	OriginalID   string            // Message-ID of the returned mail, without brackets
	HumanText    *Part             // what the report says to people; may be nil
}

// RecipientStatus is one recipient of a delivery report, RFC 3464 §2.3, without
// the "type;" before addresses, servers and codes. Of a receipt Action is the
// disposition ("displayed"), RFC 8098 §3.2.6.
type RecipientStatus struct {
	FinalRecipient, OriginalRecipient         string
	Action, Status, DiagnosticCode, RemoteMTA string
}

// Report reads the report that the mail is, RFC 6522; nil if it is none. A mail
// counts as one if it is a multipart/report, or is or holds (not in an attached
// mail) a part of a report's media type.
func (m *Message) Report() *Report {
	r := &Report{}
	if m.Root.MediaType == "multipart/report" {
		r.Kind = strings.ToLower(Clean(m.Root.Params["report-type"], 100))
	}
	m.Walk(func(p *Part) bool {
		r.look(p)
		return p.IsMultipart() || p == m.Root && r.Kind == ""
	})
	if r.Kind == "" && m.Root.MediaType != "multipart/report" {
		return nil
	}
	r.HumanText = m.TextPart()
	r.OriginalID = r.originalID()
	return r
}

// look takes what one part of a report tells.
func (r *Report) look(p *Part) {
	switch p.MediaType {
	case "message/delivery-status", "message/global-delivery-status":
		r.kind("delivery-status")
		r.deliveryStatus(p)
	case "message/disposition-notification", "message/global-disposition-notification":
		r.kind("disposition-notification")
		r.disposition(p)
	case "message/feedback-report":
		r.kind("feedback-report")
		if blocks := p.blocks(1); len(blocks) > 0 {
			r.Fields = blocks[0]
		}
	case "message/rfc822", "message/global":
		if len(r.Original.Fields) == 0 && len(p.Children) == 1 && p.Parent != nil && p.Parent.MediaType == "multipart/report" {
			r.Original = p.Children[0].Header
		}
	case "text/rfc822-headers", "text/rfc822-header", "message/rfc822-headers", "message/global-headers":
		if blocks := p.blocks(1); len(blocks) > 0 && len(r.Original.Fields) == 0 {
			r.Original = blocks[0]
		}
	}
}

func (r *Report) kind(k string) {
	if r.Kind == "" {
		r.Kind = k
	}
}

// deliveryStatus reads the fields of the message, then those of each recipient,
// RFC 3464 §2.1. Some servers leave out the blank line between them.
func (r *Report) deliveryStatus(p *Part) {
	for _, h := range p.blocks(maxRecipients + 1) {
		if len(r.Fields.Fields) == 0 {
			r.Fields = h
			r.ReportingMTA = h.typed("Reporting-MTA")
		}
		if !h.Has("Final-Recipient") && !h.Has("Original-Recipient") && !h.Has("Action") {
			continue
		}
		if len(r.Recipients) < maxRecipients {
			r.Recipients = append(r.Recipients, RecipientStatus{
				FinalRecipient:    h.typedAddress("Final-Recipient"),
				OriginalRecipient: h.typedAddress("Original-Recipient"),
				Action:            strings.ToLower(firstWord(h.Text("Action"))),
				Status:            firstWord(h.Text("Status")),
				DiagnosticCode:    h.typed("Diagnostic-Code"),
				RemoteMTA:         h.typed("Remote-MTA"),
			})
		}
	}
}

// disposition reads a receipt, RFC 8098 §3.1.
func (r *Report) disposition(p *Part) {
	blocks := p.blocks(1)
	if len(blocks) == 0 {
		return
	}
	h := blocks[0]
	r.Fields, r.ReportingMTA = h, h.typed("Reporting-UA")
	_, action, _ := strings.Cut(h.Text("Disposition"), ";")
	action, _, _ = strings.Cut(action, "/")
	r.Recipients = []RecipientStatus{{
		FinalRecipient:    h.typedAddress("Final-Recipient"),
		OriginalRecipient: h.typedAddress("Original-Recipient"),
		Action:            strings.ToLower(strings.TrimSpace(action)),
	}}
}

// originalID finds the Message-ID of the mail that the report is about.
func (r *Report) originalID() string {
	for _, ids := range [][]string{r.Original.MessageIDs("Message-ID"), r.Fields.MessageIDs("Original-Message-ID")} {
		if len(ids) > 0 {
			return ids[0]
		}
	}
	return ""
}

// blocks reads a part's body as headers with blank lines between them, at most
// max of them.
func (p *Part) blocks(max int) []Header {
	body, _ := io.ReadAll(io.LimitReader(p.Decode(), maxReport))
	var list []Header
	for len(list) < max && len(body) > 0 {
		block, rest := cutBlock(body)
		if fields := splitFields(block); len(fields) > 0 {
			list = append(list, Header{Fields: fields})
		}
		body = rest
	}
	return list
}

// cutBlock splits at the first blank line.
func cutBlock(body []byte) (block, rest []byte) {
	at := 0
	for at < len(body) {
		end := at
		for end < len(body) && body[end] != '\n' {
			end++
		}
		if len(strings.Trim(string(body[at:end]), " \t\r")) == 0 {
			return body[:at], body[min(end+1, len(body)):]
		}
		at = min(end+1, len(body))
	}
	return body, nil
}

// splitFields cuts the lines of one header into fields.
func splitFields(block []byte) []Field {
	var fields []Field
	for line := range strings.Lines(string(block)) {
		if n := len(fields); (line[0] == ' ' || line[0] == '\t') && n > 0 {
			fields[n-1].Raw = append(fields[n-1].Raw, line...)
			continue
		}
		if name := fieldNameLen([]byte(line)); name > 0 && len(fields) < MaxFields {
			fields = append(fields, Field{Name: line[:name], Raw: []byte(line)})
		}
	}
	return fields
}

// typed is a value without the type before it: "smtp; 550 …", "dns; mx.test".
func (h Header) typed(name string) string {
	s := h.Text(name)
	if kind, value, ok := strings.Cut(s, ";"); ok && !strings.ContainsAny(strings.TrimSpace(kind), " @") {
		s = value
	}
	return strings.TrimSpace(cutText(s, maxReportText))
}

func (h Header) typedAddress(name string) string {
	return strings.Trim(h.typed(name), "<> ")
}

func firstWord(s string) string {
	s = strings.TrimSpace(s)
	if i := strings.IndexAny(s, " \t(;"); i >= 0 {
		s = s[:i]
	}
	return s
}
