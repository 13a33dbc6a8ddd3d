package compose

import (
	"html"
	"strings"

	"postdesk/internal/addr"
)

// block is what stands at the end of an agent's copy, marks included. top is the HTML of its
// cautions alone, for the top of the page; "" without any.
type block struct{ text, html, top string }

const (
	blockStyle = "margin:24px 0 0 0 !important;padding:8px 12px !important;border-left:3px solid #8a9bb0 !important;background:#f4f6f8 !important;color:#333 !important;" +
		"font:13px/1.5 sans-serif !important;display:block !important;visibility:visible !important;text-align:left !important;position:relative !important;z-index:2147483647 !important"
	markStyle = "color:#9aa5b1 !important;font:10px monospace !important"
)

// block renders the block of a copy.
func (c *Composer) block(in CopyIn, left []Attachment) (*block, error) {
	set := c.set(in.Team, in.Lang)
	data := blockData(in, left, set.lang)
	_, body, err := set.render("block", data)
	if err != nil {
		return nil, err
	}
	body = marked(squeezeBlankLines(string(body)))
	begin, end := c.marks(in.Ticket.Number)
	return &block{
		text: "\n\n" + begin + "\n" + body.text() + "\n" + end + "\n",
		html: blockHTML(begin, end, body.html()),
		top:  topHTML(begin, end, data.Cautions),
	}, nil
}

func blockHTML(begin, end, body string) string {
	return `<div dir="ltr" style="` + blockStyle + `"><div style="` + markStyle + `">` + begin + "</div>\n" + body +
		`<div style="` + markStyle + `">` + end + "</div></div>\n"
}

// topHTML stands between marks too: what an agent's answer quotes of it goes.
func topHTML(begin, end string, cautions []string) string {
	if len(cautions) == 0 {
		return ""
	}
	var b strings.Builder
	for _, s := range cautions {
		b.WriteString("<p><b>" + html.EscapeString(s) + "</b></p>\n")
	}
	return blockHTML(begin, end, b.String())
}

func squeezeBlankLines(s string) string {
	for strings.Contains(s, "\n\n\n") {
		s = strings.ReplaceAll(s, "\n\n\n", "\n\n")
	}
	return strings.Trim(s, "\n")
}

func blockData(in CopyIn, left []Attachment, lang string) blockView {
	v := blockView{
		Ticket: in.Ticket.clean(), Team: teamData(in.Team), Writer: personOf(in.Writer), Backed: in.Backed,
		Customer: personOf(in.Customer), Omitted: left, History: cleanLines(in.History), Links: true,
		Actions: actions{Address: address(in.Reply), Subject: cleanLine(in.Head.Subject), InReplyTo: bareID(in.Head.MessageID)},
	}
	if v.Customer == (PersonData{}) && in.Kind == CopyCustomer {
		v.Customer = v.Writer
	}
	v.CustomerWrites = v.Customer == v.Writer
	v.Yours, v.Follows = isReader(in.Ticket.Assignee, in.Head.To), in.Expect == ExpectNote || in.Expect == ExpectComment
	if in.Kind == CopyNote || in.Kind == CopyColleague {
		v.Writer.Address = ""
	}
	for _, m := range in.Cc {
		v.Cc = append(v.Cc, personOf(m))
	}
	for _, w := range in.Cautions {
		v.Cautions = append(v.Cautions, cautionSentence(w, lang))
		if w.Warning == WarnMentions {
			v.Mentions = append(v.Mentions, cleanLine(w.Detail))
		}
		if w.Warning == WarnVisitor && in.Backed {
			v.Visitors = append(v.Visitors, cleanLine(w.Detail))
		}
	}
	v.Expect = expectSentence(in, lang)
	return v
}

var cautionWords = map[string][]string{
	"fr": {
		WarnNotBacked:      "Attention\u00a0: rien ne prouve que ce message vienne bien de cette adresse.",
		WarnSuspect:        "Attention\u00a0: message suspect. Vérifiez avant d’ouvrir une pièce jointe ou de répondre.",
		WarnVisitor:        "Attention\u00a0: %s ne participe pas à cette demande et ne recevra rien.",
		WarnReplyTo:        "Attention\u00a0: les réponses iront désormais à %s.",
		WarnLooksLikeAgent: "Attention\u00a0: ce nom ressemble à celui d’un collègue, mais le message vient de l’extérieur.",
		WarnAutomatic:      "Réponse automatique\u00a0; rien n’a changé.",
		WarnUndelivered:    "Ce message n’a pas pu être remis à %s\u00a0; il vous revient.",
		WarnUnreadable:     "Une partie du message est illisible\u00a0; l’original est joint.",
		WarnKnownBy:        "Attention\u00a0: adresse inconnue, acceptée parce que le message cite %s. Cela ne prouve pas qui écrit.",
		WarnMentions:       "Ce message mentionne la demande n°%s, mais rien ne prouve qu’il en fasse partie.",

		WarnInvitationForged: "Attention\u00a0: ce message prétend modifier une invitation qui n’est pas celle de son auteur. Rien n’a changé dans votre agenda\u00a0; il est joint, pour lecture.",
		WarnInvitationOld:    "Cette invitation est plus ancienne que celle qui est dans votre agenda\u00a0; rien n’a changé.",
		WarnInvitationBroken: "L’invitation n’a pas pu être lue\u00a0; elle est jointe telle quelle. Répondez par un message.",
		WarnAbsent:           "%s n’est pas là actuellement\u00a0: cette demande vous revient.",

		WarnUnclear:     "Ni oui ni non\u00a0: rien n’est décidé, et la question vient d’être reposée.",
		WarnUndecided:   "Ni oui ni non, une fois de plus\u00a0: rien n’est décidé, et nous ne reposons plus la question. Voyez-le directement.",
		WarnNoDecision:  "Rien n’est décidé\u00a0: rien ne prouve que cette réponse vienne bien de la personne consultée.",
		WarnOtherAnswer: "Rien n’est décidé\u00a0: ce message ne répond pas à votre demande de décision.",
		WarnClosed:      "Cette demande est close\u00a0; elle le reste.",
	},
	"en": {
		WarnNotBacked:      "Careful: nothing proves that this message comes from this address.",
		WarnSuspect:        "Careful: suspect message. Check before you open an attachment or answer.",
		WarnVisitor:        "Careful: %s takes no part in this ticket and will not be sent anything.",
		WarnReplyTo:        "Careful: answers go to %s from now on.",
		WarnLooksLikeAgent: "Careful: this name resembles a colleague’s, but the message comes from outside.",
		WarnAutomatic:      "Automatic reply; nothing has changed.",
		WarnUndelivered:    "This message could not be delivered to %s, so it comes to you.",
		WarnUnreadable:     "Part of this message could not be read; the original is attached.",
		WarnKnownBy:        "Careful: unknown address, taken because the message quotes %s. That does not prove who writes.",
		WarnMentions:       "This message mentions ticket %s, but nothing proves that it belongs there.",

		WarnInvitationForged: "Careful: this message claims to change an invitation that is not its writer’s. Nothing has changed in your calendar; it is attached for you to read.",
		WarnInvitationOld:    "This invitation is older than the one in your calendar; nothing has changed.",
		WarnInvitationBroken: "The invitation could not be read; it is attached as it came. Answer it with a mail.",
		WarnAbsent:           "%s is away at the moment, so this ticket comes to you.",

		WarnUnclear:     "Neither yes nor no: nothing is decided, and we have just asked again.",
		WarnUndecided:   "Neither yes nor no once more: nothing is decided, and we do not ask again. Please talk to them directly.",
		WarnNoDecision:  "Nothing is decided: nothing proves that this answer comes from the person who was asked.",
		WarnOtherAnswer: "Nothing is decided: this message does not answer your request for a decision.",
		WarnClosed:      "This ticket is closed, and stays closed.",
	},
}

func cautionSentence(w Caution, lang string) string {
	list, ok := cautionWords[lang]
	if !ok {
		list = cautionWords["en"]
	}
	if int(w.Warning) < 0 || int(w.Warning) >= len(list) {
		return cleanLine(w.Detail)
	}
	return strings.NewReplacer("%s", cleanLine(w.Detail), "%[1]s", cleanLine(w.Detail)).Replace(list[w.Warning])
}

// isReader: the copy goes to the agent of that name.
func isReader(name string, to []addr.Mailbox) bool {
	return name != "" && len(to) == 1 && to[0].Name == name
}

type expectKey struct {
	kind   CopyKind
	expect Expectation
}

// expectWords has %s for whom a public answer reaches.
var expectWords = map[string]map[expectKey]string{
	"fr": {
		{CopyCustomer, ExpectAnswer}:     "Répondez à ce message\u00a0: votre réponse partira vers %s, sans montrer votre adresse.",
		{CopyCustomer, ExpectTake}:       "Personne ne suit encore cette demande\u00a0: le premier qui répond la prend.",
		{CopyCustomer, ExpectNothing}:    "Pour information\u00a0; rien n’est attendu de vous. Une réponse partirait vers %s.",
		{CopyCustomer, ExpectAttend}:     "Acceptez ou refusez l’invitation dans votre messagerie\u00a0: l’organisateur verra votre nom et l’adresse du pôle, jamais la vôtre.",
		{CopyCustomer, ExpectAttendTake}: "Personne ne suit encore cette demande\u00a0: le premier qui accepte l’invitation, ou qui répond, la prend. L’organisateur ne verra jamais votre adresse.",
		{CopyCustomer, ExpectReview}:     "À regarder\u00a0: cette demande a besoin de quelqu’un. Une réponse partirait vers %s.",
		{CopyNote, ExpectAnswer}:         "Note interne, invisible pour le client. Votre réponse restera une note.",
		{CopyAside, ExpectAnswer}:        "Échange en marge, invisible pour le client. Votre réponse ira à %s, pas au client\u00a0; #public pour écrire au client.",
		{CopyAsked, ExpectAnswer}:        "Un collègue consulte %s\u00a0; le client n’en voit rien. Une réponse de votre part irait à la même personne.",
		{CopyObserver, ExpectAnswer}:     "Mot d’un observateur, invisible pour le client. Votre réponse restera une note\u00a0; #solliciter et son adresse pour lui écrire.",
		{CopyCustomer, ExpectNote}:       "Vous suivez cette demande. Votre réponse restera une note interne, sauf avec #public.",
		{CopyAside, ExpectComment}:       "Échange en marge, invisible pour le client. Votre réponse restera une note interne.",
		{CopyAsked, ExpectComment}:       "Un collègue consulte %s\u00a0; le client n’en voit rien. Votre réponse restera une note interne.",
		{CopyCustomer, ExpectComment}:    "Vous suivez cette demande. Votre réponse restera une note interne.",
		{CopyColleague, ExpectComment}:   "Réponse d’un collègue au client, pour information. Votre réponse restera une note interne.",
		{CopyColleague, ExpectNote}:      "Réponse d’un collègue au client, pour information. Votre réponse restera une note interne, sauf avec #public.",
		{CopyColleague, ExpectAnswer}:    "Réponse d’un collègue au client, pour information. Une réponse de votre part partirait aussi vers %s.",
	},
	"en": {
		{CopyCustomer, ExpectAnswer}:     "Reply to this message: your answer goes to %s, without showing your address.",
		{CopyCustomer, ExpectTake}:       "Nobody looks after this ticket yet: the first who answers takes it.",
		{CopyCustomer, ExpectNothing}:    "For your information; nothing is expected of you. An answer would go to %s.",
		{CopyCustomer, ExpectAttend}:     "Accept or decline the invitation in your mail client: the organiser sees your name and the team’s address, never yours.",
		{CopyCustomer, ExpectAttendTake}: "Nobody looks after this ticket yet: the first who accepts the invitation, or answers, takes it. The organiser never sees your address.",
		{CopyCustomer, ExpectReview}:     "Please look: this ticket needs somebody. An answer would go to %s.",
		{CopyNote, ExpectAnswer}:         "Internal note, which the customer does not see. Your answer stays a note.",
		{CopyAside, ExpectAnswer}:        "An aside, which the customer does not see. Your answer goes to %s, not to the customer; #public to write to the customer.",
		{CopyAsked, ExpectAnswer}:        "A colleague asks %s; the customer does not see it. An answer of yours would go to the same person.",
		{CopyObserver, ExpectAnswer}:     "A word of an observer, which the customer does not see. Your answer stays a note; #ask and the address to write to them.",
		{CopyCustomer, ExpectNote}:       "You follow this ticket. Your answer stays an internal note, unless it says #public.",
		{CopyAside, ExpectComment}:       "An aside, which the customer does not see. Your answer stays an internal note.",
		{CopyAsked, ExpectComment}:       "A colleague asks %s; the customer does not see it. Your answer stays an internal note.",
		{CopyCustomer, ExpectComment}:    "You follow this ticket. Your answer stays an internal note.",
		{CopyColleague, ExpectComment}:   "A colleague’s answer to the customer, for your information. Your answer stays an internal note.",
		{CopyColleague, ExpectNote}:      "A colleague’s answer to the customer, for your information. Your answer stays an internal note, unless it says #public.",
		{CopyColleague, ExpectAnswer}:    "A colleague’s answer to the customer, for your information. An answer of yours would go to %s as well.",
	},
}

func expectSentence(in CopyIn, lang string) string {
	w, ok := expectWords[lang]
	if !ok {
		w = expectWords["en"]
	}
	s, ok := w[expectKey{in.Kind, in.Expect}]
	if !ok {
		s = w[expectKey{in.Kind, ExpectAnswer}]
	}
	if in.Kind == CopyAside || in.Kind == CopyAsked {
		return topicWords(in.Topic, lang) + strings.ReplaceAll(s, "%s", listed(in.With))
	}
	who := "customer"
	if len(in.Cc) > 0 {
		who = "customerAndCc"
	}
	return strings.ReplaceAll(s, "%s", say(lang, who))
}
