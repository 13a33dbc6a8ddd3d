package compose

import (
	"fmt"
	"io"
	"strings"

	"postdesk/internal/addr"
	"postdesk/internal/message"
)

// maxLoose is the most of a part that is decoded in memory to be rewritten: calendar,
// contact and winmail.dat parts. A larger one is a finding.
const maxLoose = 16 << 20

// tree makes a new MIME tree of a person's mail: the same shape, new headers,
// cleaned text. What it can't clean it copies and says.
type tree struct {
	k           *cleaner
	m           *message.Message
	attachments []Attachment
	findings    []Finding
	count       int // attachments seen, for their numbers
	nested      int
	omitOver    int64 // leave out attachments whose encoded size is above; 0 keeps all
}

// rebuild is the new form of a part; nil leaves it out.
func (t *tree) rebuild(p *message.Part) message.Content {
	switch {
	case p.IsMultipart():
		return t.multipart(p)
	case p.IsMessage():
		return t.mail(p)
	case p.IsOpaqueCrypto():
		t.find(FindEncrypted, p.MediaType, partName(p))
		return message.CopyContent(p)
	case p.Opaque:
		t.find(FindUnreadable, p.MediaType, partName(p))
		return message.CopyContent(p)
	case p.MediaType == "application/pgp-signature", p.MediaType == "application/pkcs7-signature", p.MediaType == "application/x-pkcs7-signature":
		return nil
	case p.IsAttachment() || !strings.HasPrefix(p.MediaType, "text/"):
		return t.leaf(p)
	}
	return t.text(p)
}

// multipart keeps the shape. A signed one is its first part: the signature tells of its
// owner, and would not verify.
func (t *tree) multipart(p *message.Part) message.Content {
	subtype := strings.TrimPrefix(p.MediaType, "multipart/")
	children := p.Children
	switch subtype {
	case "signed":
		if len(children) > 0 {
			children = children[:1]
		}
	case "encrypted":
		t.find(FindEncrypted, p.MediaType, "mail")
	case "appledouble": // RFC 1740: the first part is the Macintosh's own
		if len(children) > 1 {
			children = children[1:]
		}
	case "alternative", "related", "mixed":
	default:
		subtype = "mixed"
	}
	var list []message.Content
	for _, c := range children {
		if content := t.rebuild(c); content != nil {
			list = append(list, content)
		}
	}
	switch {
	case len(list) == 0:
		return nil
	case len(list) == 1:
		return list[0]
	}
	return message.MultipartContent(subtype, relatedType(p, subtype), list...)
}

// relatedType is the parameter that RFC 2387 §3.1 wants.
func relatedType(p *message.Part, subtype string) map[string]string {
	if subtype != "related" || len(p.Children) == 0 {
		return nil
	}
	return map[string]string{"type": p.Children[0].MediaType}
}

// text cleans a part that is the text of the mail.
func (t *tree) text(p *message.Part) message.Content {
	switch p.MediaType {
	case "text/html":
		out, ok := t.k.html(p)
		if !ok {
			t.find(FindUnreadable, "text/html", "html")
			return t.htmlAsText(p)
		}
		return message.TextContent("text/html", out)
	case "text/calendar", "text/vcard", "text/x-vcard", "text/directory":
		return t.card(p)
	}
	out := t.k.plain(p)
	if strings.HasPrefix(out, pgpMessage) || strings.Contains(out, "\n"+pgpMessage) {
		t.find(FindEncrypted, "PGP", "text")
	}
	return message.TextContent("text/plain", out)
}

// htmlAsText stands for HTML that can't be cleaned: nothing uncleaned leaves, even when the finding is overruled.
func (t *tree) htmlAsText(p *message.Part) message.Content {
	if t.k.plainDone && p.Parent != nil && p.Parent.MediaType == "multipart/alternative" {
		return nil
	}
	t.k.plainDone = false // it takes the place of the HTML, signature and all
	return message.TextContent("text/plain", t.k.plainText(message.HTMLToText(p.Text(maxBody), maxBody)))
}

// leaf is an attachment or an inline image: body as it is, new header.
func (t *tree) leaf(p *message.Part) message.Content {
	switch {
	case isCard(p):
		t.attach(p)
		return t.card(p)
	case isTNEF(p):
		return t.winmail(p)
	}
	if isOtherForm(p) || t.k.orphaned(p) || t.k.ownKey(p) {
		return nil
	}
	if !p.Inline() {
		t.attach(p)
		if t.omitOver > 0 && p.End-p.Body > t.omitOver {
			return nil
		}
	}
	return message.CopyContent(t.renamed(p))
}

// isOtherForm says whether a part is the mail's text once more, in a form that can't be cleaned: RTF and
// the like.
func isOtherForm(p *message.Part) bool {
	if p.Parent == nil || p.Parent.MediaType != "multipart/alternative" || p.Disposition == "attachment" {
		return false
	}
	switch p.MediaType {
	case "text/rtf", "application/rtf", "application/msword", "text/enriched", "text/richtext", "text/watch-html", "text/x-amp-html", "text/markdown":
		return true
	}
	return false
}

func (t *tree) attach(p *message.Part) {
	t.count++
	t.attachments = append(t.attachments, attachmentOf(p, t.count))
}

// renamed is p with its new Content-ID.
func (t *tree) renamed(p *message.Part) *message.Part {
	id := p.ContentID()
	if id == "" {
		return p
	}
	q := *p
	q.Header.Fields = make([]message.Field, 0, len(p.Header.Fields))
	for _, f := range p.Header.Fields {
		if !strings.EqualFold(f.Name, "Content-ID") {
			q.Header.Fields = append(q.Header.Fields, f)
		}
	}
	raw := "Content-ID: <" + t.k.newCID(id) + ">\r\n"
	q.Header.Fields = append(q.Header.Fields, message.Field{Name: "Content-ID", Raw: []byte(raw)})
	return &q
}

// attachFiles counts files that are not of the agent's mail.
func (t *tree) attachFiles(files []message.File) {
	for _, f := range files {
		t.count++
		t.attachments = append(t.attachments, Attachment{N: t.count, Name: f.Name, Type: f.MediaType, Size: f.Data.Size()})
	}
}

func (t *tree) find(kind FindingKind, what, where string) {
	t.findings = append(t.findings, newFinding(kind, what, where))
}

// mail is a mail within the mail: built anew like the outer one, since a mail that
// is forwarded as an attachment bears the trace of every server that it passed.
func (t *tree) mail(p *message.Part) message.Content {
	t.attach(p)
	t.nested++
	in := p.Children[0]
	inner := &tree{k: t.k.nested(), m: t.m, nested: t.nested}
	body := inner.rebuild(in)
	t.findings = append(t.findings, inner.findings...)
	if body == nil {
		body = message.TextContent("text/plain", "")
	}
	b := newBuilder(fmt.Sprintf("nested %d %s", t.nested, t.k.seed))
	h := in.Header
	for _, name := range []string{"From", "Reply-To", "To", "Cc"} {
		if list := h.Mailboxes(name); len(list) > 0 {
			b.Mailboxes(name, t.k.boxes(list))
		}
	}
	b.Text("Subject", t.k.rw.text(cleanLine(h.Text("Subject"))))
	if d, ok := h.Date(); ok {
		b.Date(d.UTC())
	}
	rope, err := b.Build(body)
	if err != nil {
		t.find(FindUnreadable, p.MediaType, partName(p))
		return message.CopyContent(p)
	}
	return message.MessageContent(rope, p.FileName())
}

// nested is a cleaner for a mail within: no commands, no signature.
func (k *cleaner) nested() *cleaner {
	return &cleaner{c: k.c, rw: k.rw, via: k.via, cids: k.cids, seed: k.seed, budget: k.budget, plainDone: true, htmlDone: true}
}

// boxes replaces addresses of a header.
func (k *cleaner) boxes(list []addr.Mailbox) []addr.Mailbox {
	out := make([]addr.Mailbox, 0, len(list))
	for _, m := range list {
		if k.rw.rewrite != nil {
			if to, ok := k.rw.rewrite(m.Address); ok {
				m.Address = to
			}
		}
		name := m.Name
		if k.via != "" {
			name = strings.ReplaceAll(name, k.via, "")
		}
		out = append(out, addr.Mailbox{Name: cleanLine(k.rw.text(name)), Address: m.Address})
	}
	return out
}

// partName is how findings call a part.
func partName(p *message.Part) string {
	if name := p.FileName(); name != "" {
		return "attachment " + name
	}
	switch p.MediaType {
	case "text/plain":
		return "text"
	case "text/html":
		return "html"
	}
	return p.MediaType
}

// readPart decodes a small part.
func readPart(p *message.Part) ([]byte, bool) {
	b, err := io.ReadAll(io.LimitReader(p.Decode(), maxLoose+1))
	return b, err == nil && len(b) <= maxLoose
}

// attachmentOf describes a part. The size is that of the encoded body, less what
// base64 adds.
func attachmentOf(p *message.Part, n int) Attachment {
	size := p.End - p.Body
	if p.Encoding == "base64" {
		size = (p.End - p.Body) * 57 / 78
	}
	name := p.FileName()
	if name == "" {
		name = p.MediaType
	}
	return Attachment{N: n, Name: name, Type: p.MediaType, Size: size}
}
