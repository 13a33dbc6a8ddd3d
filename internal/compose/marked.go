package compose

import (
	"html"
	"net/url"
	"strings"
	"text/template"
	"time"
	"unicode"

	"postdesk/internal/addr"
	"postdesk/internal/message"
)

// marked is a rendered template: plain text with a few control characters around
// what is not plain: they are taken out of all data, so no one else can write them.
// From it come both the text and the HTML of a mail, so that the two agree.
type marked string

const (
	markBold  = "\x11" // bold \x11 … \x14
	markLink  = "\x12" // link \x12 label \x13 long URL \x13 short URL \x14
	markSep   = "\x13"
	markEnd   = "\x14"
	markChars = markBold + markLink + markSep + markEnd
)

// funcs are what templates may call besides what text/template has.
func funcs(lang string) template.FuncMap {
	return template.FuncMap{
		"bold":     func(s string) string { return markBold + cleanLine(s) + markEnd },
		"link":     func(label, url string) string { return linkMark(label, url, url) },
		"action":   actionMark,
		"status":   func(s string) string { return say(lang, s) },
		"turn":     func(s string) string { return turnWords(lang, s) },
		"priority": func(s string) string { return say(lang, s) },
		"size":     func(n int64) string { return sizeWords(n, lang) },
		"date":     func(t time.Time) string { return dateWords(t, lang) },
		"quote":    func(s string) string { return prefixLines(s, "> ") },
		"indent":   func(s string) string { return prefixLines(s, "    ") },
		"join":     strings.Join,
		"line":     cleanLine,
		"person":   person,
	}
}

func linkMark(label, long, short string) string {
	return markLink + cleanLine(label) + markSep + cleanLine(long) + markSep + cleanLine(short) + markEnd
}

// actionMark links to a mail with a command. HTML gets the long form with subject
// and In-Reply-To (RFC 6068 §4), text a short one that survives in a line.
func actionMark(a actions, command, label string) string {
	long, short := actionURLs(a, strings.ReplaceAll(command, "\n", "\r\n"))
	return linkMark(label, long, short)
}

func actionURLs(a actions, command string) (long, short string) {
	to, body := "mailto:"+mailtoAddr(a.Address)+"?", "body="+mailtoValue(command)
	subject, answered := "", ""
	if a.Subject != "" {
		subject = "subject=" + mailtoValue("Re: "+a.Subject) + "&"
	}
	if a.InReplyTo != "" {
		answered = "In-Reply-To=" + mailtoValue("<"+a.InReplyTo+">") + "&"
	}
	return to + subject + answered + body + mailtoLineEnd, to + body
}

// mailtoLineEnd is a line end in a mailto URL, RFC 6068 §5.
const mailtoLineEnd = "%0D%0A"

// mailtoValue is a value in a mailto URL, RFC 6068 §2. A customer wrote the
// subject: an "&" in it must not begin another field of the mail.
func mailtoValue(s string) string { return valueEscapes.Replace(url.PathEscape(s)) }

var valueEscapes = strings.NewReplacer("&", "%26", "+", "%2B")

var mailtoEscapes = strings.NewReplacer("%", "%25", "&", "%26", "?", "%3F", "#", "%23", "\"", "%22", " ", "%20")

// mailtoAddr is an address in a mailto URL, RFC 6068 §2.
func mailtoAddr(a string) string { return mailtoEscapes.Replace(a) }

// actions is whom the links of a mail write to.
type actions struct{ Address, Subject, InReplyTo string }

func person(p PersonData) string {
	switch {
	case p.Name == "":
		return p.Address
	case p.Address == "":
		return p.Name
	}
	return p.Name + " <" + p.Address + ">"
}

func personOf(m addr.Mailbox) PersonData {
	if m.Address == (addr.Address{}) {
		return PersonData{Name: cleanLine(m.Name)}
	}
	return PersonData{Name: cleanLine(m.Name), Address: cleanLine(m.Address.String())}
}

func prefixLines(s, prefix string) string {
	s = strings.TrimRight(cleanText(s), "\n ")
	return prefix + strings.ReplaceAll(s, "\n", "\n"+prefix)
}

// text is the plain form: a link is its label and the short URL.
func (m marked) text() string {
	if !strings.ContainsAny(string(m), markChars) {
		return string(m)
	}
	var b strings.Builder
	b.Grow(len(m))
	for rest := string(m); rest != ""; {
		i := strings.IndexAny(rest, markChars)
		if i < 0 {
			b.WriteString(rest)
			break
		}
		b.WriteString(rest[:i])
		inner, after, _ := strings.Cut(rest[i+1:], markEnd)
		if rest[i] == markLink[0] {
			f := strings.Split(inner, markSep)
			writeAll(&b, f[0], " <", f[len(f)-1], ">")
		} else {
			b.WriteString(inner)
		}
		rest = after
	}
	return b.String()
}

// html is the HTML form: paragraphs, lists ("- "), quotes ("> ") and preformatted
// lines (four spaces).
func (m marked) html() string {
	var b strings.Builder
	b.Grow(len(m) + len(m)/2)
	kind := ""
	for line := range strings.SplitSeq(string(m), "\n") {
		next, inner := lineKind(line)
		if next != kind {
			b.WriteString(closers[kind])
			b.WriteString(openers[next])
		} else if next == "p" || next == "quote" {
			b.WriteString("<br>\n")
		} else if next == "pre" {
			b.WriteString("\n")
		}
		kind = next
		if next == "list" {
			b.WriteString("<li>")
		}
		inlineHTML(&b, inner)
		if next == "list" {
			b.WriteString("</li>\n")
		}
	}
	b.WriteString(closers[kind])
	return b.String()
}

var openers = map[string]string{"p": "<p>", "list": "<ul>\n", "quote": `<blockquote style="margin:0 0 0 8px;padding-left:10px;border-left:2px solid #c8d0da;color:#555">`, "pre": "<pre>"}
var closers = map[string]string{"p": "</p>\n", "list": "</ul>\n", "quote": "</blockquote>\n", "pre": "</pre>\n"}

func lineKind(line string) (kind, inner string) {
	switch {
	case strings.TrimSpace(line) == "":
		return "", ""
	case strings.HasPrefix(line, "- "):
		return "list", line[2:]
	case strings.HasPrefix(line, ">"):
		return "quote", strings.TrimPrefix(line[1:], " ")
	case strings.HasPrefix(line, "    "):
		return "pre", line[4:]
	}
	return "p", line
}

func inlineHTML(b *strings.Builder, s string) {
	for s != "" {
		i := strings.IndexAny(s, markChars)
		if i < 0 {
			b.WriteString(html.EscapeString(s))
			return
		}
		b.WriteString(html.EscapeString(s[:i]))
		inner, after, _ := strings.Cut(s[i+1:], markEnd)
		if s[i] == markLink[0] {
			f := strings.Split(inner, markSep)
			writeAll(b, `<a href="`, html.EscapeString(f[min(1, len(f)-1)]), `">`, html.EscapeString(f[0]), `</a>`)
		} else {
			writeAll(b, "<b>", html.EscapeString(inner), "</b>")
		}
		s = after
	}
}

func writeAll(b *strings.Builder, texts ...string) {
	for _, s := range texts {
		b.WriteString(s)
	}
}

// page is a whole HTML document.
func (m marked) page() string {
	return `<!DOCTYPE html><html><body style="font:15px/1.5 sans-serif;color:#222">` + "\n" + m.html() + "</body></html>\n"
}

// maxLine bounds one line: subjects and names are shorter, mailto links may be long.
const maxLine = 64 << 10

// cleanLine makes text from anywhere fit for one line.
func cleanLine(s string) string { return message.Clean(s, maxLine) }

// isPlainLine says that s is printable ASCII.
func isPlainLine(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// isBidi says whether r is a mark that changes direction; in a name or a subject it
// makes one text look like another.
func isBidi(r rune) bool {
	return r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069' || r == '\u200e' || r == '\u200f' || r == '\u061c'
}

// cleanText is cleanLine for text of several lines: LF is kept, CRLF becomes LF.
func cleanText(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\ufffd"), "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r == '\r' || r == '\u2028' || r == '\u2029':
			return '\n'
		case unicode.IsControl(r), isBidi(r):
			return -1
		}
		return r
	}, s)
}
