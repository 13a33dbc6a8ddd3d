package compose

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// keptAttributes are those of an agent's HTML that a customer gets. All others tell
// of the client or the machine (id, data-*, xmlns, lang of the keyboard …).
var keptAttributes = map[string]bool{
	"style": true, "class": true, "href": true, "src": true, "alt": true, "title": true, "width": true, "height": true,
	"align": true, "valign": true, "bgcolor": true, "color": true, "face": true, "size": true, "border": true,
	"cellpadding": true, "cellspacing": true, "colspan": true, "rowspan": true, "dir": true, "start": true, "type": true,
	"cite": true, "nowrap": true, "background": true, "hspace": true, "vspace": true, "clear": true, "span": true, "summary": true,
}

var linkAttributes = map[string]bool{"href": true, "src": true, "background": true, "cite": true}

// scrubber takes out of a document all that is not the agent's words and their
// look.
type scrubber struct {
	rewrite func(string) string // addresses in text
	cid     func(string) string // a Content-ID's new name, "" if there is no such part
	classes map[string]string   // class names of the style sheets, and what they become
	styles  []*html.Node        // text of style elements
}

var classPattern = regexp.MustCompile(`\.([A-Za-z_][\w-]*)`)
var cidPattern = regexp.MustCompile(`(?i)\bcid:[^"')\s>]+`)
var foreignURL = regexp.MustCompile(`(?i)file:|javascript:|vbscript:|expression\(|-moz-binding|behavior:`)
var clientRule = regexp.MustCompile(`(?i)(?:^|[;{])\s*(?:mso-|-apple-|-webkit-)[^;{}"]*`)

func (s *scrubber) scrub(root *html.Node) {
	s.classes = map[string]string{}
	s.walk(root)
	s.renameClasses(root)
	for _, n := range s.styles {
		n.Data = s.styleSheet(n.Data)
	}
}

func (s *scrubber) walk(n *html.Node) {
	for c := n.FirstChild; c != nil; {
		next := c.NextSibling
		if dropped(c) {
			n.RemoveChild(c)
		} else {
			s.element(c)
			s.walk(c)
			if c.DataAtom == atom.Img && !hasAttr(c, "src") {
				n.RemoveChild(c)
			}
		}
		c = next
	}
}

// dropped says whether a node goes with all that is in it.
func dropped(n *html.Node) bool {
	switch n.Type {
	case html.CommentNode:
		return true
	case html.ElementNode:
		switch n.DataAtom {
		case atom.Script, atom.Meta, atom.Link, atom.Base, atom.Title, atom.Object, atom.Embed, atom.Iframe, atom.Frame,
			atom.Frameset, atom.Applet, atom.Template, atom.Noscript, atom.Input, atom.Button, atom.Select, atom.Textarea, atom.Svg, atom.Math:
			return true
		}
		return n.Data == "xml"
	}
	return false
}

func (s *scrubber) element(n *html.Node) {
	if n.Type == html.DoctypeNode {
		n.Attr = nil
		return
	}
	if n.Type != html.ElementNode {
		return
	}
	if n.DataAtom == atom.Style {
		s.collectStyle(n)
	}
	kept := n.Attr[:0]
	for _, a := range n.Attr {
		if a.Namespace != "" || !keptAttributes[a.Key] {
			continue
		}
		if a.Val = s.value(a.Key, a.Val); a.Val != "" || a.Key == "alt" || a.Key == "nowrap" {
			kept = append(kept, a)
		}
	}
	n.Attr = kept
}

func hasAttr(n *html.Node, key string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == key })
}

func (s *scrubber) value(key, v string) string {
	switch {
	case key == "style":
		return s.style(v)
	case linkAttributes[key]:
		return s.link(v)
	case key == "alt" || key == "title" || key == "summary":
		return s.rewrite(v)
	}
	return v
}

// link keeps what a customer can follow: the web, mail, telephone, and parts of this mail.
func (s *scrubber) link(v string) string {
	v = strings.TrimSpace(v)
	scheme, rest, ok := strings.Cut(v, ":")
	if !ok {
		if strings.HasPrefix(v, "#") {
			return ""
		}
		return s.rewrite(v)
	}
	switch strings.ToLower(scheme) {
	case "cid":
		if id := s.cid(rest); id != "" {
			return "cid:" + id
		}
		return ""
	case "mailto":
		return s.mailto(v)
	case "http", "https", "tel", "ftp", "sip":
		return s.rewrite(v)
	case "data":
		if strings.HasPrefix(strings.ToLower(rest), "image/") {
			return v
		}
	}
	return ""
}

// mailto rewrites the address of a link, also one that is hidden behind escapes.
func (s *scrubber) mailto(v string) string {
	out := s.rewrite(v)
	if plain := unescapePercent(out); plain != out {
		if clean := s.rewrite(plain); clean != plain {
			address, _, _ := strings.Cut(clean, "?")
			return strings.ReplaceAll(address, " ", "%20")
		}
	}
	return out
}

// style is a style attribute or sheet without client's own rules and foreign links.
func (s *scrubber) style(v string) string {
	if strings.Contains(v, "-") {
		v = clientRule.ReplaceAllStringFunc(v, func(m string) string {
			if m[0] == '{' || m[0] == ';' {
				return m[:1]
			}
			return ""
		})
	}
	if strings.Contains(v, ":") && foreignURL.MatchString(v) {
		return ""
	}
	if strings.Contains(v, "cid:") || strings.Contains(v, "CID:") {
		v = cidPattern.ReplaceAllStringFunc(v, func(m string) string { return "cid:" + s.cid(m[4:]) })
	}
	return s.rewrite(strings.Trim(v, "; \t\r\n"))
}

func (s *scrubber) collectStyle(n *html.Node) {
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.Type != html.TextNode {
			continue
		}
		s.styles = append(s.styles, c)
		for _, m := range classPattern.FindAllStringSubmatch(c.Data, 1000) {
			if s.classes[m[1]] == "" {
				s.classes[m[1]] = "k" + strconv.Itoa(len(s.classes)+1)
			}
		}
	}
}

var cssComment = regexp.MustCompile(`(?s)/\*.*?\*/|<!--|-->`)

// styleSheet renames the classes that elements have, and drops comments.
func (s *scrubber) styleSheet(v string) string {
	v = cssComment.ReplaceAllString(v, "")
	v = classPattern.ReplaceAllStringFunc(v, func(m string) string { return "." + s.classes[m[1:]] })
	v = strings.ReplaceAll(v, "WordSection", "section")
	if strings.Contains(v, "</") {
		return ""
	}
	return s.style(v) + "\n"
}

// renameClasses leaves only classes that a style sheet of the mail speaks of, under new
// names: a client's own names ("MsoNormal", "AppleMail…") tell which one it was. gmail_quote is kept
// since receiving clients fold it.
func (s *scrubber) renameClasses(n *html.Node) {
	for i := range n.Attr {
		if n.Attr[i].Key != "class" {
			continue
		}
		if n.Attr[i].Val = s.classList(n.Attr[i].Val); n.Attr[i].Val == "" {
			n.Attr = slices.Delete(n.Attr, i, i+1)
		}
		break
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		s.renameClasses(c)
	}
}

func (s *scrubber) classList(v string) string {
	var out []string
	for _, name := range strings.Fields(v) {
		if k := s.classes[name]; k != "" {
			out = append(out, k)
		} else if name == "gmail_quote" {
			out = append(out, name)
		}
	}
	return strings.Join(out, " ")
}
