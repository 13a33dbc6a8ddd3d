package compose

import (
	"strings"

	"postdesk/internal/addr"
	"postdesk/internal/message"
)

// Page is the answer to a question: #list, #show, #history, #help. From it come
// a text that can be read in any client and an HTML with real tables. All
// strings are text from anywhere.
type Page struct {
	Title    string   // the subject of a mail that belongs to no ticket
	Lines    []string // sentences above
	Sections []Section
	Notes    []string // sentences below
}

// Section is a part of a page.
type Section struct {
	Heading string
	Lines   []string
	Table   *Table
	Entries []Entry
	Links   []Link
}

// Table is a table. In text its columns are aligned.
type Table struct {
	Columns []Column
	Rows    []Row
}

// Column is one of a table. Below puts it on a line of its own in text, under
// the row: a long one would break the alignment. Wide lets the last column of the text
// go on over several lines instead of being cut.
type Column struct {
	Name        string
	Below, Wide bool
}

// Row is one of a table. Its links stand under it; the text has only the first.
type Row struct {
	Cells []string
	Links []Link
}

// Entry is a message or an event: a head, and what it says.
type Entry struct {
	Head  string
	Text  string
	Files []string // attachments
	// Inside marks what the customer does not see.
	Inside bool
}

// Link is a mailto link that writes a command.
type Link struct {
	Label, Command     string
	To                 addr.Address
	Subject, InReplyTo string // of the mail that it writes; InReplyTo is a Message-ID
}

// actions is the link's form for the marked text.
func (l Link) actions() actions {
	return actions{Address: address(l.To), Subject: cleanLine(l.Subject), InReplyTo: bareID(l.InReplyTo)}
}

// urls are the long form for HTML and the short one for text.
func (l Link) urls() (long, short string) {
	long, short = actionURLs(l.actions(), cleanLine(l.Command))
	if l.Command == "" { // the text is the agent's
		short = strings.TrimSuffix(short, "?body=")
	}
	return long, short
}

// markPage stands in a rendered template where the page goes. No text from
// anywhere can hold it: cleaning takes it out.
const markPage = "\x15"

func (p *Page) mark() string {
	if p == nil {
		return ""
	}
	return markPage
}

// inText and inHTML set the page into the mail that a template made.
func (p *Page) inText(body marked) string {
	text := body.text()
	if p == nil {
		return text
	}
	return strings.Replace(text, markPage, p.text(), 1)
}

func (p *Page) inHTML(body marked) string {
	doc := body.page()
	if p == nil {
		return doc
	}
	return strings.Replace(doc, "<p>"+markPage+"</p>", p.html(), 1)
}

// content is a letter: text alone, or text and HTML with a page.
func (p *Page) content(body marked) message.Content {
	text := message.TextContent("text/plain", p.inText(body))
	if p == nil {
		return text
	}
	return message.MultipartContent("alternative", nil, text, message.TextContent("text/html", p.inHTML(body)))
}
