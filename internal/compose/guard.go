package compose

import (
	"fmt"
	"html"
	"path"
	"strings"

	xhtml "golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"postdesk/internal/message"
)

// guard searches a finished mail for what must not be in it, as whoever receives it
// could: through transfer encodings, charsets, entities, URL escapes, wrapping
// and markup.
type guard struct {
	c        *Composer
	isToken  func(string) bool
	domains  map[string]map[string]string // domain → local part → the secret as given
	phrases  map[string]string            // letters of a phrase → the phrase
	commands map[string]string            // a command line without what clients change → the line
	logins   map[string]bool              // lower case; looked for where documents name their authors
	depth    int                          // of files that are mails
	findings []Finding
	seen     map[Finding]bool
}

const minSecret = 4 // letters; shorter ones would be found everywhere

func (c *Composer) newGuard(secrets []string, isToken func(string) bool) *guard {
	g := &guard{c: c, isToken: isToken, domains: map[string]map[string]string{}, phrases: map[string]string{}, seen: map[Finding]bool{}}
	for _, s := range secrets {
		local, domain, ok := strings.Cut(s, "@")
		if !ok || strings.ContainsAny(s, " \n\t") || strings.Contains(domain, "@") {
			if l := letters(s); len(l) >= minSecret {
				g.phrases[l] = s
			}
			continue
		}
		domain = strings.ToLower(domain)
		if g.domains[domain] == nil {
			g.domains[domain] = map[string]string{}
		}
		g.domains[domain][strings.ToLower(local)] = s
	}
	return g
}

// guard reads the written mail again.
func (c *Composer) guard(in ReplyIn, src message.Source) ([]Finding, error) {
	m, err := message.Parse(src)
	if err != nil {
		return nil, err
	}
	g := c.newGuard(in.Secrets, in.IsToken)
	g.commands, g.logins = map[string]string{}, map[string]bool{}
	for _, line := range in.Commands {
		g.commands[squeeze(line)] = line
	}
	for _, login := range in.Logins {
		g.logins[strings.ToLower(login)] = true
	}
	err = g.mail(m, true)
	return g.findings, err
}

// mail searches all parts of a mail. ours: tokens may stand in its header.
func (g *guard) mail(m *message.Message, ours bool) (err error) {
	m.Walk(func(p *message.Part) bool {
		g.header(p, ours && p == m.Root)
		switch {
		case len(p.Children) > 0 || p.IsMultipart():
		case isTextLike(p):
			err = g.textPart(p)
		default:
			err = g.binary(p)
		}
		if err == nil && len(p.Children) == 0 {
			err = g.open(p)
		}
		return err == nil
	})
	return err
}

func (g *guard) find(kind FindingKind, what, where string) {
	f := newFinding(kind, what, where)
	if !g.seen[f] && len(g.findings) < 50 {
		g.seen[f] = true
		g.findings = append(g.findings, f)
	}
}

// ownTokens are the fields in which tokens stand by design.
var ownTokens = map[string]bool{"from": true, "reply-to": true, "message-id": true, "in-reply-to": true, "references": true, "x-postdesk-loop": true}

// header searches all fields of a part, decoded and raw. RFC 2047, RFC 2231.
func (g *guard) header(p *message.Part, root bool) {
	for _, f := range p.Header.Fields {
		name := strings.ToLower(f.Name)
		where := "header " + f.Name
		g.search(string(f.Raw), where)
		if strings.Contains(string(f.Raw), "=?") {
			g.search(p.Header.Text(f.Name), where)
		}
		if !root || !ownTokens[name] {
			g.tokens(string(f.Raw), where)
		}
	}
	if name := p.FileName(); name != "" {
		g.text(name, "attachment "+name)
		g.text(strings.TrimSuffix(name, path.Ext(name)), "attachment "+name)
	}
	for _, v := range p.Params {
		if strings.ContainsAny(v, "@ ") {
			g.text(v, partName(p))
		}
	}
}

// isTextLike says whether a part's bytes are text in some charset.
func isTextLike(p *message.Part) bool {
	if strings.HasPrefix(p.MediaType, "text/") || strings.HasPrefix(p.MediaType, "message/") {
		return true
	}
	for _, s := range []string{"json", "xml", "rtf", "javascript", "ics", "x-sh"} {
		if strings.HasSuffix(p.MediaType, s) {
			return true
		}
	}
	return false
}

// textPart searches a part as text; more than maxBody of it as bytes too.
func (g *guard) textPart(p *message.Part) error {
	where := partName(p)
	text := p.Text(maxBody)
	g.text(text, where)
	for _, key := range dearmor([]byte(text)) {
		g.chunk(key, where)
	}
	switch {
	case p.MediaType == "text/html" || strings.Contains(p.MediaType, "xml"):
		text = readableText(text)
		g.text(text, where)
	case isCard(p):
		text = strings.NewReplacer("\n ", "", "\n\t", "", `\n`, "\n", `\N`, "\n", "DESCRIPTION:", "\n").Replace(text)
		g.text(text, where)
	}
	g.survivors(text, where)
	if p.End-p.Body > maxBody || p.IsAttachment() {
		return g.binary(p)
	}
	return nil
}

// survivors finds the command lines that were obeyed and are still there.
func (g *guard) survivors(text, where string) {
	if len(g.commands) == 0 || !strings.ContainsAny(text, "#\uff03\ufe5f") {
		return
	}
	for line := range strings.Lines(text) {
		line = strings.TrimLeft(line, " >|\t")
		if line = squeeze(line[listMark(line):]); line != "" && g.commands[line] != "" {
			g.find(FindCommand, g.commands[line], where)
		}
	}
}

// readableText is the text of HTML or XML, with line ends where blocks begin and end: what a reader
// sees, where one word may lie in several elements. It reads tokens and builds no tree: of markup
// that was made to be costly there is no tree to be had.
func readableText(src string) string {
	z := xhtml.NewTokenizer(strings.NewReader(src))
	var b strings.Builder
	unseen := false
	for {
		switch kind := z.Next(); kind {
		case xhtml.ErrorToken:
			return b.String()
		case xhtml.TextToken:
			if !unseen {
				b.Write(z.Text())
			}
		case xhtml.StartTagToken, xhtml.EndTagToken, xhtml.SelfClosingTagToken:
			name, _ := z.TagName()
			tag := atom.Lookup(name)
			if tag == atom.Br || isBlock(tag) {
				b.WriteByte('\n')
			}
			unseen = kind == xhtml.StartTagToken && (tag == atom.Style || tag == atom.Script) // their text is the next token
		}
	}
}

// text searches for everything, as written and with escapes resolved.
func (g *guard) text(s, where string) {
	g.search(s, where)
	g.tokens(s, where)
	for _, m := range g.c.findMarks(s) {
		g.find(FindBlock, fmt.Sprintf("postdesk %d", m.number), where)
	}
	if spelt := spelledOut.Replace(s); spelt != s {
		g.search(spelt, where)
	}
	if plain := unescapeAll(s); plain != s {
		g.search(plain, where)
		g.tokens(plain, where)
	}
}

// spelledOut is how people hide an address from machines.
var spelledOut = strings.NewReplacer("(at)", "@", "[at]", "@", "{at}", "@", "(a)", "@", "[a]", "@", "(arobase)", "@", "[arobase]", "@", " at ", "@", " arobase ", "@", "(@)", "@", "[@]", "@",
	"(dot)", ".", "[dot]", ".", "(point)", ".", "[point]", ".", " dot ", ".", " point ", ".")

// unescapeAll resolves entities and URL escapes, twice: links within links.
func unescapeAll(s string) string {
	for range 2 {
		if strings.Contains(s, "&") {
			s = html.UnescapeString(s)
		}
		if strings.Contains(s, "%") {
			s = unescapePercent(s)
		}
	}
	return s
}

// search looks for addresses and phrases.
func (g *guard) search(s, where string) {
	if len(g.domains) > 0 && strings.Contains(s, "@") {
		q := squash(s)
		for domain, locals := range g.domains {
			for _, what := range q.addresses(domain, locals) {
				g.find(FindSecret, what, where)
			}
		}
	}
	if len(g.phrases) == 0 {
		return
	}
	l := letters(s)
	for phrase, what := range g.phrases {
		if strings.Contains(l, phrase) {
			g.find(FindSecret, what, where)
		}
	}
}

// minToken is the length of the shortest word that can carry a token: 80 bits in base32.
const minToken = 16

// tokens asks about each word that could be a token.
func (g *guard) tokens(s, where string) {
	if g.isToken == nil {
		return
	}
	for i := 0; i < len(s); {
		j := i
		for j < len(s) && isWordByte(s[j]) {
			j++
		}
		if j-i >= minToken && j-i <= 512 && g.isToken(s[i:j]) {
			g.find(FindToken, s[i:j], where)
		}
		i = j + 1
	}
}

func isWordByte(c byte) bool { return isAlnum(c) || strings.IndexByte("+-_.=@", c) >= 0 }
