package compose

import (
	"regexp"
	"slices"
	"strings"

	"postdesk/internal/message"
)

// copyTree is a customer's mail with the block at the end of its text and HTML: all
// other parts are the bytes as received.
type copyTree struct {
	in         CopyIn
	block      *block
	text, html *message.Part
	done       bool // the block stands somewhere
	unfit      bool // the HTML is shown as text, and attached
	lang       string
	files      []message.Content // calendars that are only shown
}

func (t *copyTree) body() message.Content {
	root := t.in.Mail.Root
	content := t.part(root)
	if !t.done {
		content = t.withBlock(content)
	}
	if t.unfit {
		content = message.MultipartContent("mixed", nil, content, htmlFile(t.html))
	}
	if len(t.files) > 0 {
		content = message.MultipartContent("mixed", nil, append([]message.Content{content}, t.files...)...)
	}
	return content
}

// withBlock is a mail without text and HTML, with the block.
func (t *copyTree) withBlock(content message.Content) message.Content {
	text := message.TextContent("text/plain", strings.TrimLeft(t.block.text, "\n"))
	if content == nil {
		return text
	}
	return message.MultipartContent("mixed", nil, content, text)
}

// part is the new form of a part; nil leaves it out.
func (t *copyTree) part(p *message.Part) message.Content {
	if t.isWrapped(p) {
		return t.withText(p)
	}
	return t.plainPart(p)
}

func (t *copyTree) plainPart(p *message.Part) message.Content {
	switch {
	case p == t.text && p.End-p.Body <= maxBody:
		t.done = true
		return t.above(t.readText(p))
	case p == t.html:
		return t.htmlPart(p)
	case p.IsMultipart() && (contains(p, t.text) || contains(p, t.html) || t.leavesOut(p)):
		return t.multipart(p)
	case t.isOmitted(p):
		return nil
	case isCalendar(p):
		if content, own := t.invited(p); own {
			return content
		}
	}
	return message.RawContent(p)
}

// above is a text with the block below it, whose first line end is the text's last one.
func (t *copyTree) above(text string) message.Content {
	ended := min(len(strings.TrimRight(text, "\n"))+1, len(text))
	return message.TextContent("text/plain", text[:ended], strings.TrimPrefix(t.block.text, "\n"))
}

// htmlPart is the HTML with the block. HTML that would hide the block from a reader (an open comment,
// text area or style sheet, too many open elements, or too long to be read) is not shown: its place
// takes the mail's text, or that of the HTML, and the HTML goes as a file. Left out where it stands among
// images, clients could show an image alone: the last alternative.
func (t *copyTree) htmlPart(p *message.Part) message.Content {
	if p.End-p.Body <= maxBody {
		if out, ok := placeHTML(utf8Meta(p.Text(maxBody)), t.block.top, t.block.html); ok {
			return message.TextContent("text/html", out)
		}
	}
	t.unfit, t.done = true, true
	text := ""
	if t.text != nil {
		text = t.readText(t.text)
	}
	switch {
	case strings.TrimSpace(text) != "" && p.Parent != nil && p.Parent == t.text.Parent:
		return nil // the text beside it has the block
	case strings.TrimSpace(text) == "":
		text = message.HTMLToText(p.Text(maxBody), maxBody)
	}
	return t.above(text)
}

// htmlFile is a part as a file, its bytes as they were.
func htmlFile(p *message.Part) message.Content {
	if data, ok := readPart(p); ok {
		params := map[string]string{}
		if charset := p.Params["charset"]; isPlainLine(charset) && charset != "" {
			params["charset"] = charset
		}
		return message.DataContent(message.File{MediaType: "text/html", Params: params, Name: "message.html", Disposition: "attachment", Data: message.BytesSource(data)})
	}
	return message.RawContent(p)
}

func (t *copyTree) readText(p *message.Part) string {
	text := p.Text(maxBody)
	if strings.EqualFold(p.Params["format"], "flowed") {
		text = unflow(text, strings.EqualFold(p.Params["delsp"], "yes"))
	}
	return text
}

func (t *copyTree) multipart(p *message.Part) message.Content {
	var list []message.Content
	for _, c := range p.Children {
		if content := t.part(c); content != nil {
			list = append(list, content)
		}
	}
	if len(list) == 0 {
		return nil
	}
	params := map[string]string{}
	for _, name := range []string{"type", "start", "report-type"} {
		if v := p.Params[name]; v != "" && isPlainLine(v) && len(v) < 200 {
			params[name] = v
		}
	}
	return message.MultipartContent(strings.TrimPrefix(p.MediaType, "multipart/"), params, list...)
}

// isWrapped says whether p is the HTML of a mail without text, with its images: it gets a
// text beside it (RFC 2046 §5.1.4), so that the block is in a text part too.
func (t *copyTree) isWrapped(p *message.Part) bool {
	if t.text != nil || t.html == nil || t.done {
		return false
	}
	target := t.html
	for q := target.Parent; q != nil && q.MediaType == "multipart/related"; q = q.Parent {
		target = q
	}
	return p == target
}

func (t *copyTree) withText(p *message.Part) message.Content {
	t.done = true
	beside := t.plainPart(p)
	if t.unfit { // it is text already
		return beside
	}
	text := message.HTMLToText(t.html.Text(maxBody), maxBody)
	return message.MultipartContent("alternative", nil, t.above(text), beside)
}

// leavesOut says whether a multipart can't be copied as it is.
func (t *copyTree) leavesOut(p *message.Part) bool {
	out := false
	p.Walk(func(q *message.Part) bool {
		out = out || t.isOmitted(q) || isCalendar(q)
		return !out
	})
	return out
}

// isOmitted: the numbers that the block lists are those of Attachments.
func (t *copyTree) isOmitted(p *message.Part) bool {
	over := t.in.OmitOver
	return over > 0 && p.End-p.Body > over && slices.Contains(t.in.Mail.Attachments(), p)
}

func contains(p, what *message.Part) bool {
	for q := what; q != nil; q = q.Parent {
		if q == p {
			return true
		}
	}
	return false
}

// colleagueBody is a colleague's mail cleaned as a reply is: commands and older blocks go,
// since their links carry the writer's token addresses.
func (c *Composer) colleagueBody(in CopyIn, block *block) message.Content {
	k := &cleaner{c: c, commands: in.Commands, kept: in.Kept, tail: block, cids: newCIDs(in.Mail, in.Head.MessageID), seed: in.Head.MessageID, budget: message.NewHTMLBudget(maxHTML)}
	t := &tree{k: k, m: in.Mail, omitOver: in.OmitOver}
	content := t.rebuild(in.Mail.Root)
	switch {
	case content == nil:
		return message.TextContent("text/plain", strings.TrimLeft(block.text, "\n"))
	case !k.plainDone && !k.htmlDone:
		return message.MultipartContent("mixed", nil, message.TextContent("text/plain", strings.TrimLeft(block.text, "\n")), content)
	}
	return content
}

var metaCharset = regexp.MustCompile(`(?i)(<meta\b[^>]{0,200}?charset\s*=\s*["']?)[\w.:-]+`)

// utf8Meta makes the charset that HTML names agree with what is written: some clients
// believe it more than the header.
func utf8Meta(s string) string {
	head := min(len(s), 8<<10)
	return metaCharset.ReplaceAllString(s[:head], "${1}utf-8") + s[head:]
}
