package message

import (
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

const (
	maxQuoteNodes = 200000 // nodes that QuoteStart looks at
	maxNodeVisits = 150    // nodes that are read to know the text of one
)

// QuoteStart returns the node of a parsed HTML mail where the quote of the mail
// that it answers begins, with the attribution above it, so that something can
// be inserted before it; nil if there is no quote. It knows the marks of Gmail,
// Outlook, Apple Mail, Thunderbird, Yahoo, Zimbra, Proton and others, and
// attribution lines as in SplitQuote.
func QuoteStart(root *html.Node) *html.Node {
	seen := 0
	for n := range root.Descendants() {
		if seen++; seen > maxQuoteNodes {
			return nil
		}
		if n.Type == html.ElementNode && beginsQuote(n) {
			return withIntro(n)
		}
	}
	return nil
}

// quoteClasses and quoteIDs are the marks of mail programs; Outlook puts "x_"
// before those of a mail that it quotes.
var (
	quoteClasses = map[string]bool{
		"gmail_quote": true, "gmail_quote_container": true, "gmail_attr": true, "gmail_extra": true, "yahoo_quoted": true,
		"moz-cite-prefix": true, "moz-forward-container": true, "protonmail_quote": true, "tutanota_quote": true, "OutlookMessageHeader": true,
		"ms-outlook-mobile-reference-message": true, "zmail_extra": true, "airmail_ext_on": true, "airmail_on": true, "front-blockquote": true,
		"mcntmcntreplymessage": true, "gmail_original": true, "bloop_markdown_quote": true, "WordSectionReply": true, "cite_prefix": true,
	}
	quoteIDs = map[string]bool{
		"divRplyFwdMsg": true, "appendonsend": true, "mail-editor-reference-message-container": true, "isForwardContent": true, "isReplyContent": true,
		"reply-intro": true, "replyBody": true, "zwchr": true, "stopSpelling": true, "replySplit": true, "OLK_SRC_BODY_SECTION": true, "ymail_android_signature_quote": true,
	}
)

// beginsQuote looks at one element.
func beginsQuote(n *html.Node) bool {
	for _, class := range strings.Fields(attr(n.Attr, "class")) {
		if quoteClasses[strings.TrimPrefix(class, "x_")] && !(class == "gmail_extra" && n.FirstChild == nil) {
			return true
		}
	}
	id := strings.TrimPrefix(attr(n.Attr, "id"), "x_")
	if quoteIDs[id] || strings.HasPrefix(id, "yahoo_quoted") || attr(n.Attr, "data-marker") == "__QUOTED_TEXT__" || attr(n.Attr, "name") == "quote" && n.DataAtom == atom.Div {
		return true
	}
	switch n.DataAtom {
	case atom.Blockquote:
		return strings.EqualFold(attr(n.Attr, "type"), "cite") || attr(n.Attr, "cite") != "" || introBefore(n) != nil
	case atom.Div, atom.P, atom.Span, atom.Td, atom.Font, atom.Pre:
		return textBeginsQuote(n)
	}
	return false
}

// textBeginsQuote is true for an element that is an attribution with a date or an
// address, a separator, or the quoted header that Outlook draws a line over.
func textBeginsQuote(n *html.Node) bool {
	text, whole := nodeText(n, 600)
	if len(text) < 6 {
		return false
	}
	q := readLines(text, len(text))
	first := 0
	for first < len(q.lines) && q.lines[first] == "" {
		first++
	}
	if first == len(q.lines) {
		return false
	}
	if q.isSeparator(first) || q.isHeaderBlock(first) {
		return true
	}
	lines, strong := q.attributionAt(first)
	if lines == 0 {
		return false
	}
	for _, l := range q.lines[first+lines:] {
		if l != "" {
			return false
		}
	}
	return whole && (strong || isQuoteBlock(nextElement(n)))
}

func isQuoteBlock(n *html.Node) bool { return n != nil && n.DataAtom == atom.Blockquote }

// withIntro moves from the quote up to what announces it: an attribution, a ruler
// above a quoted header, and elements that hold nothing but the quote.
func withIntro(n *html.Node) *html.Node {
	for range 10 {
		switch before := introBefore(n); {
		case before != nil:
			n = before
		case n.Parent != nil && n.Parent.DataAtom != atom.Body && n.Parent.Type == html.ElementNode && previousContent(n) == nil && !isRow(n.Parent):
			n = n.Parent
		default:
			return n
		}
	}
	return n
}

func isRow(n *html.Node) bool {
	switch n.DataAtom {
	case atom.Td, atom.Th, atom.Tr, atom.Tbody, atom.Table, atom.Html, atom.Head:
		return true
	}
	return false
}

// introBefore is the attribution or ruler right before n, nil if there is none.
func introBefore(n *html.Node) *html.Node {
	p := previousContent(n)
	if p == nil {
		return nil
	}
	if p.DataAtom == atom.Hr {
		return p
	}
	text, whole := nodeText(p, 400)
	if is, _ := attribution(plainSpaces(strings.Join(strings.Fields(text), " "))); is && whole {
		return p
	}
	return nil
}

// previousContent is the sibling before n that is no white space, comment or br.
func previousContent(n *html.Node) *html.Node {
	p := n.PrevSibling
	for range maxNodeVisits {
		if p == nil || !isBlankNode(p) {
			return p
		}
		p = p.PrevSibling
	}
	return p
}

func nextElement(n *html.Node) *html.Node {
	p := n.NextSibling
	for range maxNodeVisits {
		if p == nil || !isBlankNode(p) {
			return p
		}
		p = p.NextSibling
	}
	return p
}

func isBlankNode(n *html.Node) bool {
	switch n.Type {
	case html.TextNode:
		return strings.Trim(n.Data, " \t\r\n\u00a0") == ""
	case html.CommentNode:
		return true
	}
	return n.DataAtom == atom.Br
}

// nodeText is the beginning of the text below n, with line ends where elements
// make them. whole is false if there is more.
func nodeText(n *html.Node, max int) (text string, whole bool) {
	if n.Type == html.TextNode {
		return cutText(n.Data, max), len(n.Data) <= max
	}
	var b strings.Builder
	visits := 0
	for c := range n.Descendants() {
		if visits++; visits > maxNodeVisits || b.Len() > max {
			return b.String(), false
		}
		switch {
		case c.Type == html.TextNode:
			b.WriteString(cutText(strings.NewReplacer("\r", " ", "\n", " ").Replace(c.Data), max))
		case c.DataAtom == atom.Br || breaksAround(c.DataAtom) > 0:
			b.WriteByte('\n')
		}
	}
	return b.String(), b.Len() <= max
}
