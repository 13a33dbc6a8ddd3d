package compose

import (
	"regexp"
	"strings"

	"postdesk/internal/message"
)

// isCard says whether a part is a contact or a calendar, whatever it is called.
func isCard(p *message.Part) bool {
	switch p.MediaType {
	case "text/calendar", "text/vcard", "text/x-vcard", "text/directory", "application/ics":
		return true
	}
	name := strings.ToLower(p.FileName())
	return strings.HasSuffix(name, ".vcf") || strings.HasSuffix(name, ".ics")
}

// card cleans a contact (RFC 6350) or calendar (RFC 5545) part.
func (t *tree) card(p *message.Part) message.Content {
	if p.End-p.Body > maxLoose {
		t.find(FindUnreadable, p.MediaType, partName(p))
		return message.CopyContent(t.renamed(p))
	}
	text := t.k.cardText(p.Text(maxLoose))
	params := map[string]string{"charset": "utf-8"}
	if m := p.Params["method"]; isPlainLine(m) && m != "" {
		params["method"] = m
	}
	return message.DataContent(message.File{
		MediaType: p.MediaType, Params: params, Name: t.k.rw.text(p.FileName()), Disposition: p.Disposition,
		Data: message.BytesSource([]byte(text)),
	})
}

// cardText replaces addresses in unfolded lines, and leaves out the properties that
// tell of the program or the machine. Both formats fold and name alike: RFC 5545 §3.1,
// RFC 6350 §3.2.
func (k *cleaner) cardText(text string) string {
	text = strings.NewReplacer("\n ", "", "\n\t", "").Replace(text)
	var b strings.Builder
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		name := line
		if i := strings.IndexAny(line, ":;"); i >= 0 {
			name = line[:i]
		}
		if i := strings.LastIndexByte(name, '.'); i >= 0 { // RFC 6350 §3.3: group.name
			name = name[i+1:]
		}
		switch name = strings.ToUpper(name); {
		case name == "":
			continue
		case name == "PRODID":
			line = "PRODID:-//postdesk//EN"
		case strings.HasPrefix(name, "X-"), name == "REV", name == "SOURCE":
			continue
		case name == "DESCRIPTION", name == "COMMENT":
			line = k.cardWords(line)
		}
		at := valueAt(line)
		line = privateParam.ReplaceAllString(line[:at], "") + line[at:]
		writeFolded(&b, cardEscapes.Replace(k.rw.text(cardBreaks.Replace(line))))
	}
	return b.String()
}

// privateParam is a parameter that a program has for itself, RFC 5545 §3.2 and RFC 6350 §5.
var privateParam = regexp.MustCompile(`(?i);X-[A-Z0-9-]+=(?:"[^"]*"|[^;:"])*`)

// An address may begin behind an escaped line end: "NOTE:call\nanne@corp.example". The escaped backslash is
// put aside meanwhile; text of a part has no control characters.
var (
	cardBreaks  = strings.NewReplacer(`\\`, "\x1d", `\n`, "\n", `\N`, "\n")
	cardEscapes = strings.NewReplacer("\x1d", `\\`, "\n", `\n`)
)

// cardWords takes commands and our block out of a property that repeats the mail's text, RFC 5545
// §3.3.11.
func (k *cleaner) cardWords(line string) string {
	at := valueAt(line)
	text := cardUnescapes.Replace(line[at:])
	list, _ := commandEdits(text, k.commands, k.kept)
	for _, e := range k.c.blockSpans(text) {
		list = append(list, wholeLines(text, e))
	}
	if len(list) == 0 {
		return line
	}
	return line[:at] + calendarText(applyEdits(text, sortEdits(list), 0, len(text)))
}

var cardUnescapes = strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\N`, "\n", `\,`, ",", `\;`, ";")

// valueAt is where the value of a property begins: behind the first colon that stands in no quoted parameter.
func valueAt(line string) int {
	quoted := false
	for i := 0; i < len(line); i++ {
		switch {
		case line[i] == '"':
			quoted = !quoted
		case line[i] == ':' && !quoted:
			return i + 1
		}
	}
	return len(line)
}

// writeFolded writes a line of at most 75 octets and continues it, never within a
// letter.
func writeFolded(b *strings.Builder, line string) {
	for limit := 75; len(line) > limit; limit = 74 {
		cut := limit
		for cut > 0 && line[cut]&0xc0 == 0x80 {
			cut--
		}
		if cut == 0 {
			cut = limit
		}
		b.WriteString(line[:cut] + "\r\n ")
		line = line[cut:]
	}
	b.WriteString(line + "\r\n")
}
