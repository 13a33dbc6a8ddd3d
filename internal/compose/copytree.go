package compose

import (
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/html"

	"postdesk/internal/message"
)

// copyTree is a customer's mail with the block at the end of its text and HTML: all
// other parts are the bytes as received.
type copyTree struct {
	in         CopyIn
	block      *block
	text, html *message.Part
	done       bool // the block stands somewhere
}

func (t *copyTree) body() message.Content {
	root := t.in.Mail.Root
	content := t.part(root)
	if t.done {
		return content
	}
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
		return message.TextContent("text/plain", strings.TrimRight(t.readText(p), "\n")+t.block.text)
	case p == t.html && p.End-p.Body <= maxBody:
		if out, ok := appendHTML(utf8Meta(p.Text(maxBody)), t.block.html); ok {
			return message.TextContent("text/html", out)
		}
		return message.RawContent(p)
	case p.IsMultipart() && (t.in.Invite || contains(p, t.text) || contains(p, t.html) || t.leavesOut(p)):
		return t.multipart(p)
	case t.isOmitted(p):
		return nil
	case t.in.Invite && isCard(p) && p.End-p.Body <= maxBody && len(t.in.Head.To) == 1:
		text := invitationFor(p.Text(maxBody), t.in.Team, t.in.Head.To[0], t.in.Reply)
		return calendarContent(cleanLine(p.Params["method"]), text)
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
	text := message.HTMLToText(t.html.Text(maxBody), maxBody)
	content := message.TextContent("text/plain", strings.TrimRight(text, "\n")+t.block.text)
	return message.MultipartContent("alternative", nil, content, t.plainPart(p))
}

func (t *copyTree) leavesOut(p *message.Part) bool {
	out := false
	p.Walk(func(q *message.Part) bool {
		out = out || t.isOmitted(q)
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
	k := &cleaner{c: c, commands: in.Commands, tail: block, cids: newCIDs(in.Mail, in.Head.MessageID), seed: in.Head.MessageID}
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

// appendHTML puts the block at the end of a document, behind closing tags for all that is
// still open there, so that no markup of the mail can hide it. ok is false
// when the document ends within something that can't be closed.
func appendHTML(src, block string) (out string, ok bool) {
	z := html.NewTokenizer(strings.NewReader(src))
	var open []string
	pos, end := 0, -1
	for {
		kind := z.Next()
		if kind == html.ErrorToken {
			break
		}
		raw := len(z.Raw())
		name, _ := z.TagName()
		tag := string(name)
		switch kind {
		case html.StartTagToken:
			if tag != "body" && tag != "html" && !isVoid(tag) {
				open = append(open, tag)
			}
		case html.EndTagToken:
			if tag == "body" || tag == "html" {
				if end < 0 {
					end = pos
				}
			} else if i := lastIndex(open, tag); i >= 0 {
				open = open[:i]
			}
		case html.CommentToken:
			if pos+raw == len(src) && !strings.HasSuffix(src, ">") {
				return "", false
			}
		}
		pos += raw
	}
	if pos != len(src) || len(open) > 1000 || slices.ContainsFunc(open, isRawText) {
		return "", false
	}
	if end < 0 || strings.TrimSpace(stripTail(src[end:])) != "" {
		end = len(src)
	}
	var b strings.Builder
	b.WriteString(src[:end])
	for i := len(open) - 1; i >= 0; i-- {
		b.WriteString("</" + open[i] + ">")
	}
	b.WriteString(block)
	b.WriteString(src[end:])
	return b.String(), true
}

var tailTags = regexp.MustCompile(`(?is)</(?:body|html)\s*>|<!--.*?-->`)

// stripTail is what stands behind the first </body> besides closing tags.
func stripTail(s string) string { return tailTags.ReplaceAllString(s, "") }

func lastIndex(list []string, s string) int {
	for i := len(list) - 1; i >= 0; i-- {
		if list[i] == s {
			return i
		}
	}
	return -1
}

func isVoid(tag string) bool {
	switch tag {
	case "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr", "p", "li", "dd", "dt":
		return true
	}
	return false
}

func isRawText(tag string) bool {
	switch tag {
	case "style", "script", "title", "textarea", "xmp", "iframe", "noembed", "noframes", "plaintext", "noscript", "svg", "math", "template", "select":
		return true
	}
	return false
}
