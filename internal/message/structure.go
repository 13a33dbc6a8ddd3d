package message

import (
	"slices"
	"strings"
)

// IsSealed says that a mail must be passed on untouched: it is signed or
// encrypted, by S/MIME (RFC 8551), PGP/MIME (RFC 3156) or inline PGP (RFC 9580
// §7). What a mailing list put around the sealed part does not count; what is
// within an attached mail does not either.
func (m *Message) IsSealed() bool {
	sealed := false
	m.Walk(func(p *Part) bool {
		sealed = sealed || p.MediaType == "multipart/signed" || p.MediaType == "multipart/encrypted" || p.IsOpaqueCrypto()
		return !sealed && !p.IsMessage()
	})
	return sealed || m.hasArmor("-----BEGIN PGP SIGNED MESSAGE-----", "-----BEGIN PGP MESSAGE-----")
}

// IsOpaqueCrypto says that nobody can look into a part without a key or without
// opening a signature: S/MIME, RFC 8551 §3.2, also where only the file name tells
// of it, §3.9; PGP/MIME, RFC 3156 §4.
func (p *Part) IsOpaqueCrypto() bool {
	switch p.MediaType {
	case "application/pkcs7-mime", "application/x-pkcs7-mime", "application/pgp-encrypted":
		return true
	case "application/octet-stream":
		name := strings.ToLower(p.FileName())
		return strings.HasSuffix(name, ".p7m") || strings.HasSuffix(name, ".p7z")
	}
	return false
}

// armorWithin is how much of the text is looked at for armor.
const armorWithin = 64 << 10

// hasArmor looks for PGP's armor at the beginning of a line: what is quoted is
// neither signed nor encrypted any more.
func (m *Message) hasArmor(kinds ...string) bool {
	p := m.TextPart()
	if p == nil {
		return false
	}
	text := p.Text(armorWithin)
	return slices.ContainsFunc(kinds, func(armor string) bool {
		return strings.HasPrefix(text, armor) || strings.Contains(text, "\n"+armor)
	})
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
