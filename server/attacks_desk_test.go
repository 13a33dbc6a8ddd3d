package server_test

import (
	"fmt"
	"strings"
	"testing"

	"postdesk/internal/ticket"
)

// The number of another team's ticket, or the Message-ID of one of its mails,
// shows an agent nothing of it and gives no hold on it: it is as if it were not there.
func TestANumberOpensNoOtherTeamsTicket(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	anne, sophie := d.anne(), d.person("Sophie Autre", "sophie@other.example")
	id := sophie.writes(export, "Troisième", "SECRET-EXPORT\n")
	sophie.reads()
	d.bruno().drop()
	desk := d.deskOf(anne, "anne")
	for i, command := range []string{"#show", "#history", "#observe me", "#assign me", "#note\nUn mot.", "#attach 1", "#subject Autre", "#ask expert@other.example\nUn avis ?", "Bonjour Sophie, je réponds."} {
		for _, to := range []string{desk, generic, export} {
			for _, headers := range [][]string{nil, {"In-Reply-To: <" + id + ">"}, {"References: <" + id + ">"}} {
				d.must(d.submits(anneOwn, []string{to}, fmt.Sprintf("Re: [#10000] %d", i), command+"\n", headers...))
				for _, m := range anne.rest() {
					d.without(m, "SECRET-EXPORT", "Troisième", "sophie@", "Sophie Autre")
				}
			}
		}
	}
	if tk := d.ticket(10000); tk.Assignee == "anne" || len(tk.Observers)+len(tk.Writers) > 0 || d.messages(10000) != "in" || tk.Subject != "Troisième" {
		t.Errorf("the ticket: %+v, messages %s", tk, d.messages(10000))
	}
	sophie.hearsNothing()
	d.expert().hearsNothing()
}

// rest are the mails that came and were not read.
func (p *person) rest() (list []received) {
	p.d.Helper()
	p.d.drained()
	for all := p.mailbox(); p.read < len(all); p.read++ {
		list = append(list, parse(p.d.T, all[p.read]))
	}
	return list
}

// A mail that an agent made up and passes on as a customer's opens no other team's ticket.
func TestAForwardOpensNoOtherTeamsTicket(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	anne, sophie := d.anne(), d.person("Sophie Autre", "sophie@other.example")
	id := sophie.writes(export, "Troisième", "SECRET-EXPORT\n")
	sophie.reads()
	forge := func(id string, headers ...string) {
		t.Helper()
		mail := letter(sophie.String(), generic, id, "Re: [#10000]", "Bonjour.\n", headers...)
		body, ct := passedOn("#show\n#history\nUn mot à moi.", strings.ReplaceAll(mail, "\n", "\r\n"))
		d.must(d.submits(anneOwn, []string{generic}, "Fwd: une demande", body, ct, "MIME-Version: 1.0"))
	}
	forge("fresh1@other.example")
	forge("fresh2@other.example", "In-Reply-To: <"+id+">")
	forge(id)
	for _, m := range anne.rest() {
		d.without(m, "SECRET-EXPORT", "Troisième")
	}
	d.must(d.submits(anneOwn, []string{generic}, "Fwd: une demande", "#customer sophie@other.example\nBonjour\n", "X-Forwarded-Message-Id: <"+id+">"))
	for _, m := range anne.rest() {
		d.without(m, "SECRET-EXPORT", "Troisième")
	}
	if d.messages(10000) != "in" {
		t.Errorf("messages %s", d.messages(10000))
	}
}

// Who was sent away from a merged ticket has no way back through the old number.
func TestSentAwayAfterAMerge(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne, paul := d.jean(), d.anne(), d.person("Paul", "paul@other.example")
	_, copy1 := d.ask(jean, anne, "Première", "Bonjour\n")
	mail := jean.mail(generic, "Seconde", "Bonjour\n", "Cc: paul@other.example")
	d.must(jean.posts([]string{generic}, mail))
	second := messageIDOf(mail)
	jean.reads()
	anne.drop()
	anne.answers(copy1, "#merge 10001\n")
	anne.drop()
	anne.answers(copy1, "#cc -paul@other.example\n")
	anne.drop()
	paul.writes(generic, "Re: Seconde [#10001]", "Je reste.\n")
	paul.writes(generic, "Re: Seconde", "Je reste encore.\n", "In-Reply-To: <"+second+">")
	if kinds := d.messages(10000); strings.Count(kinds, "in ") != 2 || strings.HasSuffix(kinds, " in") {
		t.Errorf("messages of the ticket: %s", kinds)
	}
}

// A customer who asks the approver something else, and is answered with the desk
// in copy, has no decision.
func TestAnAnswerToTheCustomerIsNoDecision(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne, boss := d.jean(), d.anne(), d.boss()
	_, _ = d.toApprove(jean, anne, boss)
	// jean writes to the boss in Bcc, and to the desk.
	id := jean.writes(generic, "Re: Un remboursement [#10000]", "Vous avez reçu ma photo ?\n")
	anne.drop()
	boss.writes(generic, "Re: Un remboursement [#10000]", "Oui.\n", "In-Reply-To: <"+id+">", "Cc: jean@client.example")
	if got := d.decisions(10000); got != "" {
		t.Errorf("decisions: %s", got)
	}
	d.says(anne.reads(), "Oui.")
}

// #solved! is looked at as an answer is: addresses are replaced, and the words of
// a note hold it.
func TestAResolutionIsGuarded(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	_, copy := d.ask(jean, anne, "Une question", "Bonjour\n")
	anne.answers(copy, "#note\nLe client est un tricheur notoire, attention.\n")
	anne.drop()
	anne.answers(copy, "#solved! Le client est un tricheur notoire, attention.\n")
	d.says(anne.reads(), "#solved!", "tricheur")
	jean.hearsNothing()
	anne.answers(copy, "#solved! Voir anne.durand@corp.example, "+copy.token()+", ou la page 12.\n")
	m := jean.reads()
	d.says(m, "ou la page 12.", generic)
	d.without(m, "corp.example", "tricheur", copy.token())
}

// The list of requests shows no word of a forger.
func TestAForgedRequestIsNotListed(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean := d.jean()
	d.person("Jean", "jean@client.example").from("x@nobody.example").writes(generic, "Payez sur evil.example", "x\n")
	jean.writes(generic, "Ma demande", "Bonjour\n")
	jean.writes(generic, "mes demandes", "")
	list := jean.finds("Ma demande") // the acknowledgement comes before or after it
	d.without(list, "evil.example")
}

// An agent who asks another team is its customer, and reads none of its notes.
func TestAnAgentAsACustomer(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	anne, bruno := d.anne(), d.bruno()
	d.must(d.submits(anneOwn, []string{export}, "Une question", "Combien de jours ?\n"))
	seen := bruno.finds("Combien de jours")
	bruno.answers(seen, "#note\nSECRET-NOTE : elle exagère.\n")
	bruno.answers(seen, "Dix jours.\n")
	bruno.answers(bruno.finds("kept your reply"), "#send\n") // it goes to a colleague's own address
	answer := anne.finds("Dix jours")
	id := answer.id()
	for _, text := range []string{"Merci.", "#show", "#history", "#note\nMoi."} {
		d.must(d.submits(anneOwn, []string{export}, "Re: Une question", text+"\n", "In-Reply-To: <"+id+">"))
		for _, m := range anne.rest() {
			d.without(m, "SECRET-NOTE")
		}
	}
	if kinds := d.messages(10000); strings.Count(kinds, "out") != 1 {
		t.Errorf("messages %s", kinds)
	}
}

// A forwarded mail names whoever its writer liked: answers go to its author.
func TestAForwardedReplyToIsNotFollowed(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne, mallory := d.jean(), d.anne(), d.person("", "mallory@other.example")
	body, ct := passedOn("À vous.", strings.Replace(jeansMail, "Subject:", "Reply-To: mallory@other.example\r\nSubject:", 1))
	d.must(d.submits(anneOwn, []string{generic}, "Fwd: Panne de ma pompe", body, ct, "MIME-Version: 1.0"))
	c := anne.reads()
	anne.answers(c, "Bonjour, fermez la vanne.")
	d.drained()
	mallory.hearsNothing()
	if len(jean.rest()) != 2 {
		t.Error("jean got not both mails")
	}
}

// The experts of another team are no one else's business.
func TestWhomAnotherTeamAsks(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	anne, bruno, sophie, expert := d.anne(), d.bruno(), d.person("Sophie Autre", "sophie@other.example"), d.expert()
	sophie.writes(export, "Troisième", "Bonjour\n")
	bruno.answers(bruno.reads(), "#ask expert@other.example\nQuestion.\n")
	expert.reads()
	d.must(d.submits(anneOwn, []string{export}, "x", "#ask ?\n"))
	for _, m := range anne.rest() {
		d.without(m, "expert@other.example")
	}
}

// Whom commands name is counted as recipients are: a stolen password mails the
// world by neither, nor does a mail that is held and corrected.
func TestCommandsNameFewPeople(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		command string
		each    int
	}{{"#ask %s\nUn avis ?", 10}, {"#approve %s\nUn accord ?", 10}, {"#observe %s", 10}, {"#cc %s", 49}} {
		t.Run(c.command, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, nil)
			anne := d.anne()
			named := 0
			write := func(to, subject string) error {
				var list []string
				for range c.each {
					list = append(list, fmt.Sprintf("p%d@other.example", named))
					named++
				}
				return d.submits(anneOwn, []string{to}, subject, fmt.Sprintf(c.command, strings.Join(list, " "))+"\n")
			}
			for range 400 {
				to, subject := generic, "Appel"
				if c.each > 1 {
					jean := d.jean()
					jean.writes(generic, "Une question", "Bonjour\n")
					to, subject = generic, fmt.Sprintf("Re: [#%d]", 9999+d.tickets())
				}
				if err := write(to, subject); err != nil {
					if !refused(err, 452, "4.5.3") || named <= 300 || named > 300+c.each {
						t.Errorf("the %d-th: %v", named, err)
					}
					return
				}
			}
			t.Errorf("%d people named", named)
			_ = anne
		})
	}
}

// An observer's Accept is no answer of the desk, and takes no ticket.
func TestAnObserverAcceptsNothing(t *testing.T) {
	t.Parallel()
	d := newDesk(t, func(config string) string {
		return strings.Replace(observed(config), "language = \"fr\"\n", "language = \"fr\"\nassign = \"none\"\n", 1)
	})
	jean, olga := d.jean(), d.person("Olga Visite", "olga.visite@corp.example")
	jean.invites(generic, "Revue du contrat", "REQUEST", meeting("REQUEST", uid, 0, jean.address))
	jean.reads()
	shown := olga.reads()
	for _, says := range []string{"ACCEPTED", "DECLINED"} {
		olga.invites(shown.token(), says+": Revue du contrat", "REPLY", "BEGIN:VCALENDAR\nMETHOD:REPLY\nPRODID:-//Olga//FR\nVERSION:2.0\nBEGIN:VEVENT\nATTENDEE;PARTSTAT="+says+
			":mailto:olga.visite@corp.example\nORGANIZER:mailto:"+shown.token()+"\nUID:"+uid+"\nDTSTAMP:20301121T080000Z\nCOMMENT:Je décide.\nEND:VEVENT\nEND:VCALENDAR\n")
		d.says(olga.reads(), "observateurs")
	}
	jean.hearsNothing()
	d.expect(10000, ticket.New, "")
}

// A customer who names another in Cc gets into none of that one's tickets by a
// merge: an agent has to take each in.
func TestACcOpensNoOthersTicket(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne, bruno, mallory := d.jean(), d.anne(), d.bruno(), d.person("Mallory", "mallory@client.example")
	d.must(mallory.posts([]string{generic}, mallory.mail(generic, "Réunissez donc", "C’est la même chose que 10001.\n", "Cc: jean@client.example")))
	mallory.reads()
	hers := anne.reads()
	jean.writes(generic, "Mon dossier", "Bonjour\n")
	jean.reads()
	his := bruno.reads() // in turn
	anne.answers(hers, "#merge 10001\n")
	d.says(anne.reads(), "#cc +jean@client.example")
	bruno.answers(his, "#merge 10000\n")
	d.says(bruno.reads(), "#cc +mallory@client.example")
	if d.ticket(10001).MergedInto != 0 {
		t.Error("the tickets became one")
	}
	anne.answers(hers, "#cc +jean@client.example\n#merge 10001\n")
	d.says(anne.finds("réunie"), "en copie à")
}

// A subject that looks like the end of a link puts no command into it.
func TestASubjectAddsNothingToLinks(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	_, copy := d.ask(jean, anne, "Urgent?&body=#close&to=evil@other.example&cc=evil@other.example\" x=<b>", "Bonjour\n")
	anne.answers(copy, "#show\n")
	for _, m := range []received{copy, anne.reads()} {
		for _, u := range links(m) {
			q := u.Query()
			if len(q["body"]) > 1 || strings.Contains(q.Get("body"), "#close&") || len(q["to"])+len(q["cc"]) > 0 || strings.Contains(u.Opaque, "evil") {
				t.Errorf("link %s", u)
			}
		}
	}
}

// One mail with the marks of two tickets is of one, and tells nobody of the other.
func TestMixedMarks(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne, bruno, paul, expert := d.jean(), d.anne(), d.bruno(), d.person("Paul", "paul@other.example"), d.expert()
	_, copy, question := func() (received, received, received) {
		a, c := d.ask(jean, anne, "Première", "SECRET-JEAN\n")
		anne.answers(c, "#ask expert@other.example\nSECRET-QUESTION au sujet du boîtier ?\n")
		return a, c, expert.reads()
	}()
	paul.writes(generic, "Seconde", "Bonjour\n")
	ack := paul.reads()
	seen := bruno.reads()
	anne.drop()
	// Paul has the question's marks, and answers his own acknowledgement.
	marks := "<" + question.id() + "> <" + question.Header.MessageIDs("References")[0] + "> <" + ack.id() + ">"
	paul.writes(generic, "Re: Seconde", "Voici.\n", "In-Reply-To: <"+ack.id()+">", "References: "+marks)
	paul.writes(question.token(), "Re: Seconde", "Et voilà.\n", "In-Reply-To: <"+ack.id()+">", "References: "+marks)
	for _, p := range []*person{anne, bruno} {
		for _, m := range p.rest() {
			bad := []string{"SECRET-QUESTION"}
			if p == bruno {
				bad = append(bad, "SECRET-JEAN")
			}
			d.without(m, bad...)
		}
	}
	bruno.answers(seen, "Bien reçu.\n")
	for _, p := range []*person{paul, jean, expert} {
		for _, m := range p.rest() {
			if p == paul {
				d.without(m, "SECRET", "corp.example")
			} else {
				t.Errorf("%s got\n%s", p, m.Raw)
			}
		}
	}
	_ = copy
}

// An approver's quoted yes, in forms that clients write, decides nothing.
func TestAQuotedYesDecidesNothing(t *testing.T) {
	t.Parallel()
	for i, text := range []string{
		"> Oui\n", "\n\nLe 3 nov. 2026 à 10:00, Anne a écrit :\n> Oui\n", "-----Message d'origine-----\nDe : Anne\nEnvoyé : lundi\nObjet : x\n\nOui\n",
		"________________________________\nDe : Anne Durand\nEnvoyé : lundi\nÀ : patron\nObjet : x\n\nOui, je pense\n", "-- \nOui\n", "Am 3.11.2026 schrieb Anne:\n> Oui\n", "Oui ou non ?\n", "\u200b\nOn Mon, Anne wrote:\n\noui\n",
	} {
		d := newDesk(t, nil)
		jean, anne, boss := d.jean(), d.anne(), d.boss()
		_, request := d.toApprove(jean, anne, boss)
		to := request.token()
		boss.writes(to, "Re: Un remboursement", text)
		d.drained()
		if got := d.decisions(10000); got != "" {
			t.Errorf("%d %q: %s", i, text, got)
		}
		boss.writes(to, "Re: x", "<html><body><div><br></div><blockquote type=\"cite\">Oui</blockquote></body></html>", "MIME-Version: 1.0", "Content-Type: text/html; charset=utf-8")
		if got := d.decisions(10000); got != "" {
			t.Errorf("html: %s", got)
		}
	}
}

// What a note says, its copy passed on whole, reaches nobody outside.
func TestANotePassedOnWhole(t *testing.T) {
	t.Parallel()
	d := newDesk(t, observed)
	jean, anne, bruno, expert := d.jean(), d.anne(), d.bruno(), d.expert()
	_, copy := d.ask(jean, anne, "Une question", "Bonjour\n")
	bruno.drop()
	anne.answers(copy, "#observe bruno\n")
	bruno.answers(bruno.reads(), "#note\nLe client est un tricheur notoire, attention.\n")
	note := anne.finds("tricheur")
	for i, to := range []string{expert.address, "someone@other.example", copy.token(), jean.address} {
		for _, from := range []string{anneOwn, anneTeam} {
			body, ct := passedOn(fmt.Sprintf("#public\nVoici %d.", i), strings.ReplaceAll(string(note.Raw), "\r\n", "\n"))
			_ = d.submits(from, []string{to}, "Fwd: "+note.subject(), body, ct, "MIME-Version: 1.0", "References: <"+note.Header.MessageIDs("References")[0]+"> <"+note.id()+">")
			body, ct = passedOn(fmt.Sprintf("Voici %d.", i), strings.ReplaceAll(string(note.Raw), "\r\n", "\n"))
			_ = d.submits(from, []string{to}, "Fwd: "+note.subject(), body, ct, "MIME-Version: 1.0")
			_ = d.submits(from, []string{to}, "Fwd: "+note.subject(), "Voici.\n\n-------- Message transféré --------\nDe : Bruno Petit\n\n"+note.text(), "References: <"+note.id()+">")
			_ = d.submits(from, []string{to}, "Fwd: "+note.subject(), "Voici.\n\n-------- Message transféré --------\nDe : Bruno Petit\n\n"+note.text())
		}
	}
	for _, p := range []*person{jean, expert, d.person("", "someone@other.example")} {
		for _, m := range p.rest() {
			d.without(m, "tricheur", "corp.example", "postdesk 10000")
		}
	}
}

// Who is an observer by role makes nobody else one.
func TestAnObserverBringsNobodyIn(t *testing.T) {
	t.Parallel()
	d := newDesk(t, observed)
	jean, anne, olga := d.jean(), d.anne(), d.person("Olga Visite", "olga.visite@corp.example")
	_, _ = d.ask(jean, anne, "Une question", "Bonjour\n")
	shown := olga.reads()
	olga.answers(shown, "#assign olga\n")
	olga.answers(shown, "#solved! Voilà.\n")
	olga.answers(shown, "#merge 10000\n")
	olga.answers(shown, "#away until friday\n")
	olga.answers(shown, "#approve patron@other.example\nOui ?\n")
	olga.answers(shown, "#public\nBonjour, je réponds.\n")
	olga.answers(shown, "#send\n")
	for _, m := range olga.rest() {
		if strings.Contains(m.text(), "#send") {
			olga.answers(m, "#send\n")
			olga.answers(m, "#public\n")
		}
	}
	d.drained()
	if tk := d.ticket(10000); tk.Assignee != "anne" || tk.Status != ticket.New {
		t.Errorf("%+v", tk)
	}
	if len(jean.rest()) > 0 || len(d.boss().rest()) > 0 {
		t.Error("an observer wrote outside")
	}
}

// What a customer reads because of a command shows no agent's address.
func TestCommandsShowNoAddress(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	_, copy := d.ask(jean, anne, "Une question", "Bonjour\n")
	for _, command := range []string{"#subject voir anne.durand@corp.example", "#contact name anne.durand@corp.example", "#solved! Voilà.", "#reopen", "#team export"} {
		anne.answers(copy, command+"\n")
	}
	for _, m := range jean.rest() {
		d.without(m, "anne.durand@corp.example")
	}
	if s := d.ticket(10000).Subject; s != "voir "+generic {
		t.Errorf("subject %q", s)
	}
}

// A colleague of another team who is asked for a decision gives it, and reads or
// changes nothing more.
func TestADecisionOpensNoTicket(t *testing.T) {
	t.Parallel()
	d := newDesk(t, func(config string) string {
		config = strings.Replace(config, `agents = ["bruno"]`, `agents = ["bruno", "zoe"]`, 1)
		return config + "\n[[agent]]\nid = \"zoe\"\nname = \"Zoé Blanc\"\naddress = \"zoe@corp.example\"\n"
	})
	jean, anne, zoe := d.jean(), d.anne(), d.person("Zoé Blanc", "zoe@corp.example")
	_, copy := d.ask(jean, anne, "Une question", "Bonjour\n")
	anne.answers(copy, "#note\nSECRET-NOTE du dossier.\n")
	anne.answers(copy, "#approve zoe@corp.example\nAccord ?\n")
	question := zoe.reads()
	for _, command := range []string{"#show", "#history", "#observe me", "#assign me", "#note\nMoi."} {
		zoe.answers(question, command+"\n")
		heard := zoe.reads()
		d.says(heard, "decision")
		d.without(heard, "SECRET-NOTE")
	}
	if tk := d.ticket(10000); tk.Assignee != "anne" || len(tk.Observers) > 0 || d.decisions(10000) != "" {
		t.Errorf("%+v", tk)
	}
	zoe.answers(question, "Oui\n")
	if got := d.decisions(10000); got != "agent zoe yes" {
		t.Errorf("decisions: %s", got)
	}
}
