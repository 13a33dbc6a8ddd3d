package message

import (
	"regexp"
	"strings"

	"postdesk/internal/addr"
)

// Forward is a mail that a mail program passed on within the text of another.
type Forward struct {
	// Above is what stands above it: the words of the person who forwards.
	Above string
	// From is who wrote the mail, with as much as the program showed: many show a
	// name and no address, or the address alone.
	From addr.Mailbox
	// Subject and Date are as the program showed them, "" if it did not.
	Subject, Date string
	// Text is the mail's own, without the marks that the program put before each
	// line.
	Text string
	// Named says that the program called it a forwarded mail. Without that the
	// same form may be the quote below an answer.
	Named bool
}

// Bounds of what FindForward reads, the last two in bytes.
const (
	maxForwardHeader = 40 // lines of the header that a program shows
	maxForwardIntro  = 4  // lines between "Forwarded message" and that header
	maxForwardAbove  = 64 << 10
	maxForwardRead   = 2 * maxForwardAbove // where the header of the last one that is found has to end
)

// FindForward looks for the first mail that was forwarded within a text, in the forms
// of Outlook, Gmail, Apple Mail, Thunderbird, webmailers and phones. The header that they
// show must name an author and two of date, recipient and subject; below a
// line that announces it one of them is enough. It begins in the first 64 KB of the text. A forward within
// a forward is found by asking again with Text.
func FindForward(text string) (Forward, bool) {
	q := readLines(text, maxForwardRead)
	for i := range q.lines {
		if q.offset[i] >= maxForwardAbove {
			break
		}
		named, announced := q.announces(i)
		at := i
		if announced {
			at = q.skipToHeader(i + 1)
		} else if headerLine(q.lines[i]) != fromHeader {
			continue
		}
		h, end := q.forwardHeader(at)
		if !h.enough(announced) {
			continue
		}
		h.Above = strings.TrimSpace(text[:q.offset[q.above(i)]])
		h.Named = named
		h.Text = q.forwardText(text, at, end)
		return h.Forward, true
	}
	return Forward{}, false
}

// announces says whether a line announces a mail that follows: in the words of a
// forward (named), or in those that are used above the quotes of answers too.
func (q *quoteFinder) announces(i int) (named, announced bool) {
	line := strings.TrimSpace(strings.TrimLeft(q.lines[i], "> "))
	if len(line) < 5 || len(line) > 200 {
		return false, false
	}
	if forwardedLine.MatchString(line) {
		return true, true
	}
	return false, isSeparatorLine(line)
}

// forwardedLine is how programs say that they forward: between dashes, or with a
// colon (Apple Mail). French webmailers write "Message transféré" and "Mail transféré".
var forwardedLine = regexp.MustCompile(`(?i)^[\s*_]*(-{2,}[\s*]*(` + strings.Join([]string{
	`forwarded (message|e-?mail|by .{1,80})`, `(message|mail|e-?mail|courriel) (transféré|réexpédié|transmis)( par .{1,80})?`,
	`weitergeleitete (nachricht|e-?mail)`, `mensaje reenviado`, `mensagem (encaminhada|reencaminhada)`, `messaggio inoltrato`, `doorgestuurd bericht`,
}, "|") + `)[\s*]*-{2,}` +
	`|(begin forwarded message|début du (message|mail|courriel|e-?mail) (réexpédié|transféré)|anfang der weitergeleiteten (nachricht|e-?mail)` +
	`|inicio del mensaje reenviado|inizio (del )?messaggio inoltrato|início da mensagem reencaminhada|begin doorgestuurd bericht)\s*:)[\s*]*$`)

// skipToHeader is the first line from i on that is neither blank nor a ruler.
func (q *quoteFinder) skipToHeader(i int) int {
	for last := i + maxForwardIntro; i < len(q.lines) && i < last; i++ {
		if line := strings.Trim(q.lines[i], "> "); line != "" && !isRuler(line) {
			break
		}
	}
	return i
}

// shownHeader is a forward while its header is read.
type shownHeader struct {
	Forward
	seen [otherHeader + 1]bool
}

// enough says whether what was read is the header of a mail.
func (h *shownHeader) enough(announced bool) bool {
	n := 0
	for _, seen := range []bool{h.seen[sentHeader] || h.seen[dateHeader], h.seen[toHeader], h.seen[subjectHeader]} {
		if seen {
			n++
		}
	}
	if !h.seen[fromHeader] {
		return false
	}
	if announced {
		return n >= 1
	}
	return n >= 2 && (h.seen[subjectHeader] || h.seen[sentHeader])
}

// forwardHeader reads the lines of a header from i on; end is the first line
// behind it.
func (q *quoteFinder) forwardHeader(i int) (h shownHeader, end int) {
	var last headerKind
	spaced := false // a paragraph for each line, as some HTML has it
	fields := map[headerKind]string{}
	for end = i; end < len(q.lines) && end < i+maxForwardHeader; end++ {
		line := strings.TrimSpace(strings.TrimLeft(q.lines[end], "> "))
		kind, value := shownField(line)
		switch {
		case kind != noHeader && (kind == otherHeader || !h.seen[kind]):
			h.seen[kind], fields[kind], last = true, value, kind
			continue
		case line == "" && last != noHeader && (spaced || !h.enough(true)) && q.headerGoesOn(end+1):
			spaced = true
			continue
		case kind == noHeader && line != "" && (wraps(last, fields[last]) || last != noHeader && q.headerGoesOn(end+1)):
			fields[last] += " " + line
			continue
		}
		break
	}
	h.From = shownAuthor(fields[fromHeader])
	h.Subject, h.Date = Clean(fields[subjectHeader], MaxText), Clean(fields[sentHeader]+fields[dateHeader], 200)
	return h, end
}

// headerGoesOn says whether line i is one more field.
func (q *quoteFinder) headerGoesOn(i int) bool {
	if i >= len(q.lines) {
		return false
	}
	kind, _ := shownField(strings.TrimSpace(strings.TrimLeft(q.lines[i], "> ")))
	return kind != noHeader
}

// moreLabels are fields that only forwarded mails show.
var moreLabels = map[string]headerKind{
	"pour": toHeader, "copie à": otherHeader, "cc": otherHeader, "répondre": otherHeader, "réponse à": otherHeader, "organisation": otherHeader,
	"reply to": otherHeader, "sender": otherHeader, "expéditeur": otherHeader, "organization": otherHeader, "date d'envoi": dateHeader, "date d’envoi": dateHeader,
}

// shownField reads a line such as "*De :* Jean <jean@client.example>". Bars are the
// cells of Thunderbird's table.
func shownField(line string) (headerKind, string) {
	i := strings.IndexByte(line, ':')
	if j := strings.Index(line, "："); j >= 0 && (i < 0 || j < i) {
		i = j
	}
	if i < 1 || i > 40 {
		return noHeader, ""
	}
	label := strings.ToLower(strings.Trim(line[:i], " \t*_"))
	kind := headerLabels[label]
	if kind == noHeader {
		kind = moreLabels[label]
	}
	return kind, strings.Trim(strings.TrimPrefix(strings.TrimPrefix(line[i:], ":"), "："), " \t*_|")
}

// wraps says whether the next line may still belong to a field: programs break long
// lists of addresses, and an author behind the name.
func wraps(kind headerKind, value string) bool {
	switch kind {
	case noHeader:
		return false
	case fromHeader:
		return value == "" || strings.Count(value, "<") > strings.Count(value, ">")
	case toHeader, otherHeader:
		return value == "" || strings.HasSuffix(value, ",") || strings.HasSuffix(value, ";") || strings.Count(value, "<") > strings.Count(value, ">")
	}
	return value == ""
}

// mailtoEcho is the link that Outlook writes behind or in place of an address.
var mailtoEcho = regexp.MustCompile(`(?i)([<\[])\s*mailto:([^<>\[\]\s]+)\s*[>\]]`)

// shownAuthor reads the author that a program showed.
func shownAuthor(value string) addr.Mailbox {
	plain := value
	if links := mailtoEcho.FindStringSubmatchIndex(value); links != nil {
		plain = mailtoEcho.ReplaceAllString(value, "")
		if !strings.Contains(plain, "@") { // "Jean [mailto:jean@client.example]"
			plain = strings.TrimSpace(plain) + " <" + value[links[4]:links[5]] + ">"
		}
	}
	plain = strings.ReplaceAll(plain, "*", "")
	list := parseMailboxes(plain)
	switch {
	case len(list) == 1:
		m := list[0]
		m.Name = strings.Trim(m.Name, " '\"")
		if _, err := addr.Parse(m.Name); err == nil {
			m.Name = "" // the address stands for the name
		}
		return m
	case len(list) == 0:
		return addr.Mailbox{Name: Clean(strings.Trim(plain, " '\"<>"), 200)}
	}
	return addr.Mailbox{} // several: nobody
}

// forwardText is what stands below the header, without the marks of the program
// where the header bears them too.
func (q *quoteFinder) forwardText(text string, at, end int) string {
	rest := text[q.end:]
	if end < len(q.lines) {
		rest = text[q.offset[end]:]
	}
	if !isMarked(q.lines[at]) {
		return trimText(rest)
	}
	var b strings.Builder
	for line := range strings.Lines(rest) {
		if t := strings.TrimLeft(line, " "); strings.HasPrefix(t, ">") {
			line = strings.TrimPrefix(t[1:], " ")
		}
		b.WriteString(line)
	}
	return trimText(b.String())
}

// trimText is a text without blank lines around it, nor the mark that Apple Mail puts
// before one.
func trimText(s string) string { return strings.Trim(s, " \t\r\n\ufeff") }
