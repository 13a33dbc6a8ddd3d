package compose

import (
	"regexp"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"postdesk/internal/message"
)

// maxBody is the most of a text part that is read, in bytes of UTF-8.
const maxBody = 8 << 20

// cleaner takes out of one person's mail what its reader must not see. One cleaner
// serves one mail: it learns from the first text and the first HTML.
type cleaner struct {
	c         *Composer
	rw        rewriter
	via       string            // "(via Relation Client)"
	commands  []string          // at the top of the first text and the first HTML
	kept      string            // words at the end of one of them that stay
	sign      string            // signature to put in where the new text lacks the name
	name      string            // the name that it looks for
	insert    string            // text to put above
	question  marked            // and above that, in a mail that asks for a decision
	team      string            // its name
	dropQuote bool              // the quote goes, where it can be told apart
	page      string            // the HTML as it leaves
	cids      map[string]string // Content-IDs, old to new
	lead      *Draft            // the parts in which the person's new text stands; nil is the first of each kind
	plainDone bool
	htmlDone  bool
	fresh     string // the new text of the first part
	freshHTML string // and of the first HTML
	below     string // the agent's words between or below the quote of the HTML
	marked    string // the signature that the client marked in the HTML
	missing   []string
	tail      *block // put at the end of the first text and the first HTML
	seed      string // of boundaries
	budget    *message.HTMLBudget
}

// maxHTML is how much HTML of one mail is read as a tree, in bytes.
const maxHTML = 2 << 20

// clientLine are lines that mobile clients add; they tell which client it was.
var clientLine = regexp.MustCompile(`(?im)^[ \t\x{a0}]*(?:-- ?\n)?(?:` +
	`envoyé (?:de|depuis|à partir d.)[ \x{a0}]*(?:mon|ma|un|outlook|courrier|mail|l.application|yahoo|proton|samsung|gmail)[^\n]{0,80}` +
	`|sent (?:from|with|via) (?:my|a|the|outlook|mail for|yahoo|proton|samsung|gmail|spark|mailbird|galaxy|android)[^\n]{0,80}` +
	`|(?:get|obtenez|télécharge[rz]?|obtenir) outlook (?:for|pour)[^\n]{0,60}` +
	`|provenance[ \x{a0}]?: courrier pour windows[^\n]{0,20}` +
	`)[ \t\x{a0}]*$\n?`)

// edits are all that is to change in one text. first says that commands and the
// person's new text stand in it.
func (k *cleaner) edits(f *flat, first bool) []edit {
	var list []edit
	for _, e := range k.c.blockSpans(f.text) {
		list = append(list, wholeLines(f.text, e))
	}
	if first && len(k.commands) > 0 {
		found, missing := commandEdits(f.text[:f.quote], k.commands, k.kept)
		list = append(list, found...)
		k.missing = append(k.missing, missing...)
	}
	if fresh := f.text[:f.quote]; mentionsClient(fresh) {
		for _, m := range clientLine.FindAllStringIndex(fresh, -1) {
			list = append(list, edit{start: m[0], end: m[1]})
		}
	}
	if k.via != "" {
		list = append(list, viaEdits(f.text, k.via)...)
		list = append(list, labelEdits(f.text, k.team)...)
	}
	return sortEdits(append(list, k.rw.edits(f.text)...))
}

// mentionsClient spares the pattern on texts that can't match.
func mentionsClient(s string) bool {
	for _, w := range []string{"nvoyé", "ent from", "ent with", "ent via", "utlook", "ourrier"} {
		if strings.Contains(s, w) {
			return true
		}
	}
	return false
}

// viaEdits takes out of quoted names what we put in: "Jean Client (via Relation Client)".
func viaEdits(text, via string) []edit {
	var list []edit
	for pos := 0; ; {
		i := strings.Index(text[pos:], via)
		if i < 0 {
			return list
		}
		start, end := pos+i, pos+i+len(via)
		if strings.HasSuffix(text[:start], " ") {
			start--
		}
		list = append(list, edit{start: start, end: end})
		pos = end
	}
}

// plain cleans a text/plain part.
func (k *cleaner) plain(p *message.Part) string {
	text := plainOf(p)
	if k.lead != nil && k.lead.plain != nil && p != k.lead.plain {
		return k.furtherText(text)
	}
	return k.plainText(text)
}

// furtherText cleans text in which no command and no signature stands.
func (k *cleaner) furtherText(text string) string {
	done := k.plainDone
	k.plainDone = true
	out := k.plainText(text)
	k.plainDone = done
	return out
}

// plainText cleans text.
func (k *cleaner) plainText(text string) string {
	first := !k.plainDone
	k.plainDone = true
	f := &flat{text: text, quote: quoteOffset(text)}
	list := k.edits(f, first)
	if !first {
		return applyEdits(text, list, 0, len(text))
	}
	if k.tail != nil {
		return strings.TrimLeft(applyEdits(text, list, 0, len(text)), "\n") + k.tail.text
	}
	fresh := strings.TrimLeft(applyEdits(text, list, 0, f.quote), "\n")
	quoted := applyEdits(text, list, f.quote, len(text))
	k.fresh = fresh
	if k.dropQuote {
		quoted = ""
	}
	return k.asked() + k.signed(fresh, quoted)
}

// asked is the question above a text, "" for none.
func (k *cleaner) asked() string {
	if k.question == "" {
		return ""
	}
	return k.question.text() + "\n\n"
}

// signed is new text with what is put above it and the signature below, and the
// quote.
func (k *cleaner) signed(fresh, quoted string) string {
	if k.insert != "" {
		fresh = strings.TrimRight(k.insert, "\n") + "\n\n" + fresh
	}
	if k.sign == "" || containsName(ownLines(fresh), k.name) {
		return fresh + quoted
	}
	fresh = strings.TrimRight(fresh, "\n ") + "\n\n" + strings.Trim(k.sign, "\n") + "\n"
	if quoted != "" {
		fresh += "\n"
	}
	return fresh + quoted
}

// quoteOffset is where the quote begins.
func quoteOffset(text string) int {
	fresh, _ := message.SplitQuote(text)
	return len(fresh)
}

// ownLines are the lines that quote nobody: an answer may stand between or below the
// quoted ones.
func ownLines(text string) string {
	if !strings.Contains(text, "\n>") && !strings.HasPrefix(text, ">") {
		return text
	}
	var b strings.Builder
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, ">") {
			b.WriteString(line)
		}
	}
	return b.String()
}

// html cleans a text/html part. ok is false when the HTML can't be read: too deeply
// nested, or made to cost much. A reply quotes a customer's HTML.
func (k *cleaner) html(p *message.Part) (out string, ok bool) {
	root, err := k.budget.Parse(p.Text(maxBody))
	if err != nil {
		return "", false
	}
	first := !k.htmlDone && (k.lead == nil || k.lead.html == nil || k.lead.html == p)
	k.htmlDone = k.htmlDone || first
	quoteAt := message.QuoteStart(root)
	scrub := scrubber{rewrite: k.rw.text, cid: k.newCID}
	f := flattenHTML(root, quoteAt)
	list := k.edits(f, first)
	anchor := insertionPoint(quoteAt)
	if first {
		k.marked = f.marked(isSignatureNode)
		k.freshHTML = strings.TrimLeft(applyEdits(f.text, list, 0, f.quote), "\n")
	}
	rest := unquotedHTML(f, list, quoteAt)
	if first && !k.plainDone {
		k.below = rest
	}
	f.apply(list)
	scrub.scrub(root)
	if first {
		k.insertHTML(root, anchor, k.freshHTML+rest)
		k.dropQuoted(anchor, rest)
	}
	var b strings.Builder
	if err := html.Render(&b, root); err != nil {
		return "", false
	}
	k.page += b.String()
	if first && k.tail != nil {
		return placeHTML(b.String(), k.tail.top, k.tail.html)
	}
	return b.String(), true
}

// insertionPoint puts an empty text node before the quote, since the quote's own node may
// go when it is cleaned.
func insertionPoint(quoteAt *html.Node) *html.Node {
	if quoteAt == nil || quoteAt.Parent == nil {
		return nil
	}
	mark := &html.Node{Type: html.TextNode, Data: "\n"}
	quoteAt.Parent.InsertBefore(mark, quoteAt)
	return mark
}

// unquotedHTML is the text behind the start of the quote that stands in no blockquote.
func unquotedHTML(f *flat, list []edit, quoteAt *html.Node) string {
	if quoteAt == nil {
		return ""
	}
	var b strings.Builder
	seen := false
	for _, s := range f.segs {
		for len(list) > 0 && list[0].end <= s.start { // edits of earlier segments
			list = list[1:]
		}
		if s.start < f.quote {
			continue
		}
		if inBlockquote(s.node) {
			seen = true
		} else if seen {
			b.WriteString(applyEdits(f.text, list, s.start, s.end))
		}
	}
	return b.String()
}

func inBlockquote(n *html.Node) bool {
	for ; n != nil; n = n.Parent {
		if n.DataAtom == atom.Blockquote {
			return true
		}
	}
	return false
}

// insertHTML puts the inserted text at the top, and the signature before the quote.
func (k *cleaner) insertHTML(root, anchor *html.Node, own string) {
	body := findElement(root, atom.Body)
	if body == nil {
		return
	}
	if k.sign != "" && !containsName(k.insert+own, k.name) {
		sig := linesNode(k.sign)
		below := strings.TrimSpace(k.freshHTML) == "" && strings.TrimSpace(own) != ""
		if anchor != nil && anchor.Parent != nil && !below {
			anchor.Parent.InsertBefore(sig, anchor)
			anchor.Parent.InsertBefore(element(atom.Br), anchor)
		} else {
			body.AppendChild(sig)
		}
	}
	if k.insert != "" {
		body.InsertBefore(linesNode(k.insert+"\n\n"), body.FirstChild)
	}
	if k.question != "" {
		body.InsertBefore(questionNode(k.question), body.FirstChild)
	}
}

// linesNode is text as HTML, an empty line before it.
func linesNode(text string) *html.Node {
	div := element(atom.Div)
	for _, line := range strings.Split("\n"+strings.Trim(text, "\n"), "\n") {
		if div.FirstChild != nil {
			div.AppendChild(element(atom.Br))
		}
		div.AppendChild(&html.Node{Type: html.TextNode, Data: line})
	}
	return div
}

func element(a atom.Atom) *html.Node {
	return &html.Node{Type: html.ElementNode, DataAtom: a, Data: a.String()}
}

func findElement(n *html.Node, a atom.Atom) *html.Node {
	if n.DataAtom == a {
		return n
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if r := findElement(c, a); r != nil {
			return r
		}
	}
	return nil
}

func (k *cleaner) newCID(old string) string { return k.cids[strings.ToLower(unescapePercent(old))] }

// Mentions says whether a passage stands in a text, without regard to case, white space and punctuation.
func Mentions(text, passage string) bool { return containsName(text, passage) }

// containsName looks for a name without regard to case and white space.
func containsName(text, name string) bool {
	name = letters(name)
	return name == "" || strings.Contains(letters(text), name)
}
