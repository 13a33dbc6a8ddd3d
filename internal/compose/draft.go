package compose

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html"

	"postdesk/internal/message"
)

// Draft is what an agent typed above the quote, in each form that the mail has it:
// clients write text twice, plain and as HTML. Commands are read from a Draft, and Reply takes
// them out of the same two texts.
type Draft struct {
	// Plain and HTML are the lines as a reader sees them, "" where the mail lacks that form
	// or it says nothing. A command line in them begins with "#", without the marks and links that
	// clients put around it.
	Plain, HTML string
	// Broken says that the mail program may have broken long lines: there is plain text alone, and nothing tells
	// which line ends the writer typed.
	Broken bool
	// More is the text of further parts (text below an attachment).
	More string

	plain, html *message.Part // the parts that were read; what the mail says stands in them
	flat        *flat         // of html
	sign        string        // the signature that the client marked in the HTML
}

// Draft reads what an agent typed.
func (c *Composer) Draft(m *message.Message) *Draft {
	d := &Draft{}
	d.plain, d.More = firstSaying(m, "text/plain")
	var more string
	d.html, more = firstSaying(m, "text/html")
	if d.More == "" {
		d.More = more
	}
	if d.plain != nil {
		text := plainOf(d.plain)
		if fresh := text[:quoteOffset(text)]; !isBlank(fresh) {
			d.Plain = tidyLines(fresh)
		}
	}
	d.readHTML()
	d.Broken = d.plain != nil && d.html == nil && !strings.EqualFold(d.plain.Params["format"], "flowed")
	d.More = tidyLines(d.More)
	return d
}

// leadOf is a Draft that knows its parts only.
func leadOf(m *message.Message) *Draft {
	d := &Draft{}
	d.plain, _ = firstSaying(m, "text/plain")
	d.html, _ = firstSaying(m, "text/html")
	return d
}

// readHTML reads the HTML as Reply will. HTML that can't be read has no text here: Reply shows
// it as plain text, and says so.
func (d *Draft) readHTML() {
	if d.html == nil {
		return
	}
	root, err := message.NewHTMLBudget(maxHTML).Parse(d.html.Text(maxBody))
	if err != nil {
		if d.Plain == "" {
			d.Plain = tidyLines(freshOf(message.HTMLToText(d.html.Text(maxBody), maxBody)))
		}
		return
	}
	d.flat = flattenHTML(root, message.QuoteStart(root))
	if fresh := d.flat.text[:d.flat.quote]; !isBlank(fresh) {
		d.HTML = tidyLines(freshOf(fresh))
	}
	d.sign = d.flat.marked(isSignatureNode)
}

func freshOf(text string) string { return text[:quoteOffset(text)] }

// plainOf is a text/plain part as Reply reads it.
func plainOf(p *message.Part) string {
	text := p.Text(maxBody)
	if strings.EqualFold(p.Params["format"], "flowed") {
		text = unflow(text, strings.EqualFold(p.Params["delsp"], "yes"))
	}
	if unwrapped, ok := unwrapPGP(text); ok {
		text = unwrapped
	}
	return text
}

// firstSaying is the first text part of a media type that is not blank, else the first: Apple Mail
// writes an empty one above an attachment. more is the text of those behind it.
func firstSaying(m *message.Message, mediaType string) (first *message.Part, more string) {
	said := false
	m.Walk(func(p *message.Part) bool {
		switch {
		case p.IsMessage():
			return false
		case p.IsMultipart():
			return true
		case p.MediaType != mediaType || p.IsAttachment():
			return false
		}
		text := p.Text(maxBody)
		if mediaType == "text/html" {
			text = message.HTMLToText(text, maxBody)
		}
		switch blank := isBlank(text); {
		case first == nil || !said && !blank:
			first, said = p, !blank
		case !blank && len(more) < maxBody:
			more += "\n" + text
		}
		return false
	})
	return first, more
}

// Text is the form that commands are read from: the HTML where it says something, since clients
// make the plain text from it and break its lines.
func (d *Draft) Text() string {
	if d.HTML != "" {
		return d.HTML
	}
	return d.Plain
}

// Strike takes command lines off the top of each form. missing are those that one of two forms lacks: what
// would be obeyed is not what a reader of the other form would see.
func (d *Draft) Strike(commands []string) (rest *Draft, missing []string) {
	left := *d
	for _, form := range []*string{&left.Plain, &left.HTML} {
		if *form == "" {
			continue
		}
		edits, without := commandEdits(*form, commands, "")
		*form = strings.TrimLeft(applyEdits(*form, edits, 0, len(*form)), "\n")
		missing = append(missing, without...)
	}
	return &left, missing
}

// Says is the draft's text without signature, as plain as it can be had; "" when only a signature
// is left. name is the writer's.
func (d *Draft) Says(name string) string {
	for _, form := range []string{d.Plain, d.HTML, d.More} {
		if said := said(ownLines(form), d.sign, name); said != "" {
			return said
		}
	}
	return ""
}

// Pictured says whether an image stands in the text: a screenshot says something too.
func (d *Draft) Pictured() bool {
	if d.flat == nil {
		return false
	}
	for _, s := range d.flat.pictures {
		if s <= d.flat.quote {
			return true
		}
	}
	return false
}

// tidyLines makes command lines begin with "#": clients put list marks, emphasis, invisible characters and another
// shape of "#" before a command, and links behind addresses.
func tidyLines(text string) string {
	if !strings.ContainsAny(text, "#\uff03\ufe5f") {
		return text
	}
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(tidyLine(line))
	}
	return b.String()
}

func tidyLine(line string) string {
	seen := strings.TrimLeft(line[skipBlank(line, 0):], " ")
	if seen == "" {
		return line
	}
	mark := listMark(seen)
	command := seen[mark:]
	if !isHash(command) {
		return line
	}
	_, n := utf8.DecodeRuneInString(command)
	word := strings.TrimLeftFunc(command[n:], isInvisible)
	if strings.ContainsAny(seen[:mark], "*_") {
		word = unemphasised(word, seen[:mark])
	}
	return "#" + withoutEchoes(word)
}

// unemphasised takes away the "*" or "_" that closes the one before the command.
func unemphasised(word, mark string) string {
	for _, c := range []string{"*", "_"} {
		if strings.Contains(mark, c) {
			word = strings.Replace(word, c, "", 1)
		}
	}
	return word
}

// withoutEchoes is a line without the links that clients write behind addresses.
func withoutEchoes(line string) string {
	if !strings.ContainsAny(line, "<[") {
		return line
	}
	var b strings.Builder
	for i := 0; i < len(line); i++ {
		if n := linkEcho(line[i:]); n > 0 && i+n <= len(line) {
			i += n - 1
			continue
		}
		b.WriteByte(line[i])
	}
	return b.String()
}

// isSignatureNode knows the marks that mail programs put on their signatures.
func isSignatureNode(n *html.Node) bool {
	for _, a := range n.Attr {
		switch a.Key {
		case "id":
			if signatureIDs[strings.ToLower(a.Val)] {
				return true
			}
		case "class":
			for _, c := range strings.Fields(strings.ToLower(a.Val)) {
				if signatureIDs[c] {
					return true
				}
			}
		case "name":
			if a.Val == "_MailAutoSig" {
				return true
			}
		case "style":
			if strings.Contains(a.Val, "mso-bookmark:_MailAutoSig") {
				return true
			}
		}
	}
	return false
}

// signatureIDs are ids and classes, in lower case.
var signatureIDs = map[string]bool{
	"signature": true, "ms-outlook-mobile-signature": true, "ms-outlook-ios-signature": true, "mail-editor-signature": true, "gmail_signature": true, "gmail_signature_prefix": true,
	"moz-signature": true, "applemailsignature": true, "composer_signature": true, "protonmail_signature_block": true, "ymail_android_signature": true,
	"k9mail-signature": true, "k9mail_signature": true, "zimbra_signature": true, "tutanota_signature": true, "airmail_signature": true,
}
