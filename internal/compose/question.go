package compose

import (
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"postdesk/internal/message"
)

// question is what stands above the text of a mail that asks for a decision: what
// is asked, and links that answer it; or of the first mail to an observer, that it is; "" for other mails. The links write to the address in From.
func (c *Composer) question(in ReplyIn) (marked, error) {
	kind, team := LetterApproval, in.Team
	switch {
	case in.Admits != nil:
		kind, team = LetterObserver, in.Admits
	case !in.Decision:
		return "", nil
	}
	set := c.set(team, in.Lang)
	view := letterView{Team: teamData(team), Ticket: in.Ticket.clean(), Agent: cleanLine(in.Agent),
		Actions: actions{Address: address(in.Head.From.Address), Subject: cleanLine(in.Head.Subject)}} // no id: the guard takes one in a text for a leak
	_, body, err := set.render(string(kind), view)
	return body, err
}

// questionNode is the question as HTML.
func questionNode(q marked) *html.Node {
	div := element(atom.Div)
	div.AppendChild(&html.Node{Type: html.RawNode, Data: q.html()})
	return div
}

// dropQuoted takes out of a page what is quoted below the new text: the quote's
// first node and all that follows it. mark stands right before it. What the agent wrote between the
// quoted lines stays, and they with it.
func (k *cleaner) dropQuoted(mark *html.Node, between string) {
	if !k.dropQuote || mark == nil || strings.TrimSpace(between) != "" {
		return
	}
	for n := mark; n != nil && n.DataAtom != atom.Body; n = n.Parent {
		for n.NextSibling != nil && n.Parent != nil {
			n.Parent.RemoveChild(n.NextSibling)
		}
	}
}

// orphaned says whether an inline part belongs to what was dropped with the
// quote: no page shows it any more.
func (k *cleaner) orphaned(p *message.Part) bool {
	id := p.ContentID()
	return k.dropQuote && k.htmlDone && id != "" && !strings.Contains(k.page, k.newCID(id))
}
