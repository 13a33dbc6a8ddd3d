package message

import (
	"strings"
)

// IsSigned is true if the mail as a whole is signed: multipart/signed (RFC 1847),
// S/MIME (RFC 8551) that is not encrypted, or a PGP clear-signed text (RFC 9580
// §7). Marks that a mailing list puts around a signed part do not count.
func (m *Message) IsSigned() bool {
	p := m.Root
	switch {
	case p.MediaType == "multipart/signed":
		return true
	case isPKCS7(p):
		return !isEnveloped(p)
	}
	return m.inlinePGP("-----BEGIN PGP SIGNED MESSAGE-----")
}

// IsEncrypted is true for multipart/encrypted (RFC 1847), encrypted S/MIME (RFC
// 8551) and inline PGP.
func (m *Message) IsEncrypted() bool {
	p := m.Root
	if p.MediaType == "multipart/encrypted" || isPKCS7(p) && isEnveloped(p) {
		return true
	}
	for _, c := range p.Children { // Exchange makes multipart/mixed of multipart/encrypted
		if c.MediaType == "application/pgp-encrypted" {
			return true
		}
	}
	return m.inlinePGP("-----BEGIN PGP MESSAGE-----")
}

// IsOpaqueSigned is true if the text can't be read without opening the signature:
// S/MIME's signed-data, RFC 8551 §3.5.2.
func (m *Message) IsOpaqueSigned() bool { return isPKCS7(m.Root) && !isEnveloped(m.Root) }

func isPKCS7(p *Part) bool {
	switch p.MediaType {
	case "application/pkcs7-mime", "application/x-pkcs7-mime":
		return true
	case "application/octet-stream": // RFC 8551 §3.9
		return strings.HasSuffix(strings.ToLower(p.FileName()), ".p7m")
	}
	return false
}

// isEnveloped tells encrypted from signed. Without an smime-type it counts as
// encrypted: both have to be passed on untouched.
func isEnveloped(p *Part) bool {
	switch strings.ToLower(p.Params["smime-type"]) {
	case "signed-data", "certs-only", "compressed-data":
		return false
	}
	return true
}

// inlinePGP looks for armor at the beginning of a line, within the first lines
// of the text.
func (m *Message) inlinePGP(armor string) bool {
	for _, p := range bodyParts(nil, m.Root, "text/plain") {
		if p.MediaType != "text/plain" {
			continue
		}
		text := p.Text(4 << 10)
		if strings.HasPrefix(text, armor) || strings.Contains(text, "\n"+armor) {
			return true
		}
	}
	return false
}

// CalendarMethod is the method of the first text/calendar part, RFC 6047 §2.4, in
// upper case: REQUEST, REPLY, CANCEL …; empty if there is none. Where the media
// type does not say it, the calendar's own METHOD counts, RFC 5545 §3.7.2.
func (m *Message) CalendarMethod() string {
	p := m.CalendarPart()
	if p == nil {
		return ""
	}
	if method := p.Params["method"]; method != "" {
		return strings.ToUpper(Clean(method, 40))
	}
	for line := range strings.Lines(p.Text(8 << 10)) {
		name, value, _ := strings.Cut(line, ":")
		if strings.EqualFold(strings.TrimSpace(name), "METHOD") {
			return strings.ToUpper(Clean(value, 40))
		}
		if strings.EqualFold(strings.TrimSpace(line), "BEGIN:VEVENT") {
			break
		}
	}
	return ""
}

// CalendarPart is the first text/calendar part, not looking into attached mails;
// nil if there is none.
func (m *Message) CalendarPart() *Part {
	var found *Part
	m.Walk(func(p *Part) bool {
		if found == nil && p.MediaType == "text/calendar" {
			found = p
		}
		return found == nil && (p.IsMultipart() || p == m.Root)
	})
	return found
}
