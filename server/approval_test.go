package server_test

import (
	"net/url"
	"regexp"
	"strings"
	"testing"

	"postdesk/internal/message"
	"postdesk/internal/ticket"
)

// boss is an approver outside whose address SPF backs.
func (d *desk) boss() *person { return d.person("Mme Patron", "patron@other.example") }

// toApprove: jean asks, and anne asks the boss, who gets the request.
func (d *desk) toApprove(jean, anne, boss *person) (copy, request received) {
	d.Helper()
	_, copy = d.ask(jean, anne, "Un remboursement", "CANARI-CLIENT : je veux cent euros.\n")
	anne.answers(copy, "#approve Mme Patron <patron@other.example>\n#hold\nBonjour Madame,\n\nPuis-je rembourser ce client ?\n")
	return copy, boss.reads()
}

// decisions are those of a ticket, as events.
func (d *desk) decisions(n uint64) string {
	d.Helper()
	var list []string
	for _, e := range d.happened(n, ticket.Decided) {
		list = append(list, e.By.String()+" "+e.Data["decision"])
	}
	return strings.Join(list, ", ")
}

// links are the mailto links of a mail's HTML and text.
func links(m received) (list []*url.URL) {
	var all string
	m.Walk(func(p *message.Part) bool { all += p.Text(1 << 20); return true })
	for _, found := range regexp.MustCompile(`mailto:[^\s>"]+`).FindAllString(all, -1) {
		if u, err := url.Parse(strings.ReplaceAll(found, "&amp;", "&")); err == nil {
			list = append(list, u)
		}
	}
	return list
}

// A decision is asked for and given by mail, in a word; it is an event, and the
// agent hears it.
func TestADecisionByMail(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne, boss := d.jean(), d.anne(), d.boss()
	_, request := d.toApprove(jean, anne, boss)
	d.says(request, "Anne Durand vous demande une décision", "n°10000", "Puis-je rembourser", "CANARI-CLIENT", "«\u00a0oui\u00a0»")
	d.without(request, "corp.example", "postdesk 10000", "#approve", "jean@client.example")
	if text := request.text(); strings.Index(text, "une décision") > strings.Index(text, "Puis-je") || strings.Count(text, "Anne Durand") != 2 {
		t.Errorf("the question does not stand above, or her signature is not below:\n%s", text)
	}
	d.expect(10000, ticket.Hold, "anne")

	boss.answers(request, "Oui, allez-y.\n")
	notice := anne.reads()
	d.says(notice, "Mme Patron a donné son accord", "allez-y")
	if notice.From != "" {
		t.Error("not a notice")
	}
	d.expect(10000, ticket.Open, "anne")
	if got := d.decisions(10000); got != "contact patron@other.example yes" {
		t.Errorf("decisions: %s", got)
	}
	// It is decided once: what she says later is heard, and decides nothing.
	boss.answers(request, "Non, finalement.\n")
	d.says(anne.reads(), "finalement")
	if got := d.decisions(10000); got != "contact patron@other.example yes" {
		t.Errorf("decisions: %s", got)
	}
	anne.hearsNothing()
	boss.hearsNothing()
	jean.hearsNothing()
}

// The notice of a decision names what was asked, in its first lines: the agent may have asked
// several people several things.
func TestADecisionNamesTheQuestion(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne, boss := d.jean(), d.anne(), d.boss()
	_, copy := d.ask(jean, anne, "Un remboursement", "CANARI-CLIENT : je veux cent euros.\n")
	anne.answers(copy, "#approve patron@other.example Geste commercial\nPuis-je offrir DIX euros ?\n")
	first := boss.reads()
	anne.answers(copy, "#approve patron@other.example Retour gratuit\nUn\nDeux\nTrois\nQuatre\nCinq\nSix\n")
	second := boss.reads()
	boss.answers(second, "Non.\n")
	notice := anne.reads()
	d.says(notice, "a refusé", "«\u00a0Retour gratuit\u00a0»", "La question était", "> Cinq")
	d.without(notice, "DIX", "Six", "CANARI")
	boss.answers(first, "Oui\n")
	notice = anne.reads()
	d.says(notice, "donné son accord", "«\u00a0Geste commercial\u00a0»", "> Puis-je offrir DIX euros")
	d.without(notice, "Cinq")
	if !strings.Contains(notice.HTMLPart().Text(1<<20), "DIX euros") {
		t.Error("not in the HTML")
	}
	jean.hearsNothing()
}

// The links of the request answer it, in a mail that answers nothing else.
func TestADecisionByLink(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne, boss := d.jean(), d.anne(), d.boss()
	_, request := d.toApprove(jean, anne, boss)
	var no *url.URL
	for _, u := range links(request) {
		if strings.HasPrefix(u.Query().Get("body"), "non") {
			no = u
		}
	}
	if no == nil {
		t.Fatalf("no link for no in\n%s", request.text())
	}
	boss.writes(no.Opaque, "Re: Un remboursement", no.Query().Get("body"))
	d.says(anne.reads(), "Mme Patron a refusé")
	if got := d.decisions(10000); got != "contact patron@other.example no" {
		t.Errorf("decisions: %s", got)
	}
}

// An answer that is neither yes nor no is asked again, twice and no more; the agent sees
// what was said.
func TestAnUnclearAnswerIsAskedAgain(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne, boss := d.jean(), d.anne(), d.boss()
	_, request := d.toApprove(jean, anne, boss)
	for i := range 4 {
		boss.answers(request, "Oui, mais pas plus de cinquante.\n")
		heard := anne.reads()
		if i < 2 {
			d.says(heard, "pas plus de cinquante", "Ni oui ni non", "reposée")
			again := boss.reads()
			d.says(again, "oui ou non", "cinquante")
			d.without(again, "corp.example")
			if again.From != "" || again.Header.Get("Auto-Submitted") != "auto-replied" || again.token() != request.token() {
				t.Errorf("asked again from <%s>, %s, %s", again.From, again.Header.Get("Auto-Submitted"), again.token())
			}
			request = again
		} else {
			d.says(heard, "une fois de plus")
		}
	}
	boss.hearsNothing()
	boss.answers(request, "Non.\n")
	d.says(anne.reads(), "Mme Patron a refusé")
	if got := d.decisions(10000); got != "contact patron@other.example no" {
		t.Errorf("decisions: %s", got)
	}
	jean.hearsNothing()
}

// Only who was asked decides: not a stranger with the mail, not a forger, not
// the expert, not a robot.
func TestWhoDecidesNothing(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne, boss := d.jean(), d.anne(), d.boss()
	copy, request := d.toApprove(jean, anne, boss)
	anne.answers(copy, "#ask expert@other.example\nUne question.\n")
	expert := d.expert()
	question := expert.reads()
	say := func(p *person, m received, text string, headers ...string) received {
		t.Helper()
		to, mail := replyTo(m, p.String(), text, headers...)
		if err := p.posts([]string{to}, p.dated(mail)); err != nil {
			t.Fatal(err)
		}
		return anne.reads()
	}
	d.says(say(d.person("Mallory", "mallory@client.example"), request, "Oui\n"), "ne participe pas")
	d.says(say(boss.from("x@nobody.example"), request, "Oui\n"), "Rien n’est décidé")
	d.says(say(boss, request, "Oui, je suis absente\n", "Auto-Submitted: auto-replied"), "Réponse automatique")
	say(expert, question, "Oui\n")
	d.says(say(expert, request, "Oui\n"), "ne participe pas")
	if got := d.decisions(10000); got != "" {
		t.Errorf("decisions: %s", got)
	}
	boss.hearsNothing() // nor is a forger answered
	jean.hearsNothing()
}

// A colleague decides at the registered address, with a token and an address
// that is backed; others of the desk decide nothing.
func TestAColleagueDecides(t *testing.T) {
	t.Parallel()
	d := newDesk(t, observed)
	jean, anne, bruno := d.jean(), d.anne(), d.bruno()
	claire := d.person("Claire Martin", "claire.martin@corp.example")
	_, copy := d.ask(jean, anne, "Un remboursement", "CANARI-CLIENT : je veux cent euros.\n")
	anne.answers(copy, "#approve bruno.petit@corp.example Rembourser ?\nPuis-je ?\n")
	request := bruno.reads()
	d.says(request, "Anne Durand vous demande une décision", "Puis-je")
	if request.subject() != "Rembourser ?" {
		t.Errorf("subject %q", request.subject())
	}
	bruno.from("x@nobody.example").answers(request, "Oui\n")
	d.says(bruno.reads(), "sans preuve qu’il vienne de vous")
	to, mail := replyTo(request, claire.String(), "Oui\n")
	if err := claire.posts([]string{to}, claire.dated(mail)); err != nil {
		t.Fatal(err)
	}
	claire.reads() // held: it is not her token
	if got := d.decisions(10000); got != "" {
		t.Fatalf("decisions: %s", got)
	}
	bruno.answers(request, "À voir avec la direction.\n")
	d.says(anne.reads(), "direction", "Ni oui ni non")
	d.says(bruno.reads(), "oui ou non")
	bruno.answers(request, "#note\nEntre nous : c’est la troisième fois.\n")
	d.says(anne.reads(), "troisième fois")
	var no *url.URL
	for _, u := range links(request) {
		if strings.HasPrefix(u.Query().Get("body"), "non") {
			no = u
		}
	}
	bruno.writes(no.Opaque, "Re: Rembourser ?", "Non.\n\nTrop cher, et ce n’est pas notre faute.\n")
	heard := anne.reads().text() + anne.reads().text() // in either order
	for _, want := range []string{"Bruno Petit a refusé", "Échange en marge"} {
		if !strings.Contains(heard, want) {
			t.Errorf("anne does not hear %q:\n%s", want, heard)
		}
	}
	if got := d.decisions(10000); got != "agent bruno no" {
		t.Errorf("decisions: %s", got)
	}
	d.expect(10000, ticket.New, "anne")
	bruno.hearsNothing()
	jean.hearsNothing()
}
