package server_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"postdesk/internal/ticket"
)

// jeansMail is what a customer wrote to Anne's own address.
const jeansMail = "Received: from mx.client.example by mx.corp.example; Tue, 17 Nov 2026 10:12:01 +0100\r\n" +
	"From: \"Jean Client\" <jean@client.example>\r\nTo: Anne Durand <anne.durand@corp.example>\r\nSubject: Panne de ma pompe\r\n" +
	"Date: Tue, 17 Nov 2026 10:12:00 +0100\r\nMessage-ID: <j1@client.example>\r\nMIME-Version: 1.0\r\n" +
	"Content-Type: multipart/mixed; boundary=jj\r\n\r\n--jj\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nBonjour Anne,\r\nma pompe fuit.\r\n" +
	"--jj\r\nContent-Type: application/pdf; name=plan.pdf\r\nContent-Disposition: attachment; filename=plan.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nJVBERi0xLjQK\r\n--jj--\r\n"

// passedOn is the body of a mail that forwards others as attachments.
func passedOn(text string, mails ...string) (body, contentType string) {
	body = "--oo\nContent-Type: text/plain; charset=utf-8\n\n" + text + "\n"
	for _, m := range mails {
		body += "--oo\nContent-Type: message/rfc822\nContent-Disposition: attachment\n\n" + m + "\n"
	}
	return body + "--oo--\n", "Content-Type: multipart/mixed; boundary=oo"
}

// A customer's mail that an agent forwards as an attachment is the customer's
// ticket: byte for byte, owned by the agent, confirmed to the customer; and the
// customer's later mails find it.
func TestAForwardedMailIsTheCustomersTicket(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	body, ct := passedOn("Un fidèle, soyez gentils.", jeansMail)
	d.must(d.submits(anneOwn, []string{generic}, "Fwd: Panne de ma pompe", body, ct, "MIME-Version: 1.0"))

	said := jean.reads()
	d.says(said, "Anne Durand a ouvert pour vous la demande n°10000", "Panne de ma pompe")
	if said.subject() != "Panne de ma pompe" || said.From != "" || said.Header.Get("Auto-Submitted") != "auto-generated" {
		t.Errorf("confirmation:\n%s", said.Raw)
	}
	d.without(said, "anne.durand@", "corp.example", "fidèle", "relationclient+t")

	c := anne.reads()
	d.says(c, "ma pompe fuit.")
	if name := c.Header.Mailboxes("From")[0].Name; name != "Jean Client (via Relation Client)" {
		t.Errorf("From of the copy: %q", name)
	}
	if strings.Contains(c.text(), "fidèle") || len(c.Attachments()) != 1 {
		t.Errorf("the copy:\n%s", c.Raw)
	}
	d.expect(10000, ticket.New, "anne")
	if raw := d.rawMessage(10000, 1); raw != jeansMail {
		t.Errorf("the mail is not as it was:\n%s", raw)
	}
	if d.messages(10000) != "in note" || d.ticket(10000).Requester().Address.String() != jean.address {
		t.Errorf("messages %s", d.messages(10000))
	}
	anne.answers(c, "Bonjour, fermez la vanne.")
	answer := jean.reads()
	if got := answer.Header.MessageIDs("In-Reply-To"); len(got) != 1 || got[0] != "j1@client.example" {
		t.Errorf("In-Reply-To %v", got)
	}
	// Jean writes again in his own thread, which has no mail of ours in it.
	jean.writes(generic, "Re: Panne de ma pompe", "Encore une chose.\n", "In-Reply-To: <j1@client.example>")
	d.says(anne.reads(), "Encore une chose.")
	if d.tickets() != 1 {
		t.Errorf("%d tickets", d.tickets())
	}
}

// Two agents forward the same mail: the second hears which ticket has it, and what
// he said is a note there. So does who forwards what came to the desk itself.
func TestAMailForwardedTwiceIsOneTicket(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne, bruno := d.jean(), d.anne(), d.bruno()
	body, ct := passedOn("", jeansMail)
	d.must(d.submits(anneOwn, []string{generic}, "Fwd: Panne de ma pompe", body, ct, "MIME-Version: 1.0"))
	jean.reads()
	anne.reads()
	body, ct = passedOn("Je l’ai eu au téléphone hier.", jeansMail)
	bruno.writes(bruno.desk(), "Fwd: Panne de ma pompe", body, ct, "MIME-Version: 1.0")
	d.says(bruno.reads(), "Ce message est déjà dans la demande n°10000", "Panne de ma pompe", "suivie par Anne Durand")
	d.says(anne.reads(), "Je l’ai eu au téléphone hier.")
	jean.hearsNothing()
	// The mail itself comes late to the desk too.
	d.must(d.send(jean.address, []string{generic}, jeansMail))
	anne.hearsNothing()
	jean.hearsNothing()
	if d.tickets() != 1 || d.messages(10000) != "in internal note" {
		t.Errorf("%d tickets, messages %s", d.tickets(), d.messages(10000))
	}
}

// A customer's answer that came to the agent's own address joins the ticket.
func TestAForwardedAnswerJoinsItsTicket(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	_, c := d.ask(jean, anne, "Question", "Bonjour\n")
	anne.answers(c, "Que voyez-vous ?")
	reply := jean.reads()
	_, private := replyTo(reply, jean.String(), "Une lumière rouge.")
	body, ct := passedOn("", crlf(private))
	anne.writes(anne.desk(), "Fwd: Re: Question", body, ct, "MIME-Version: 1.0")
	d.says(anne.reads(), "Une lumière rouge.")
	jean.hearsNothing()
	d.expect(10000, ticket.Open, "anne")
	if d.tickets() != 1 || d.messages(10000) != "in out in internal" {
		t.Errorf("%d tickets, messages %s", d.tickets(), d.messages(10000))
	}
}

// Forwards within the text, as clients write them.
func TestInlineForwards(t *testing.T) {
	t.Parallel()
	for what, body := range map[string]string{
		"Outlook":     "À suivre.\n\nAnne\n________________________________\nDe : Jean Client <jean@client.example>\nEnvoyé : mardi 17 novembre 2026 10:12\nÀ : Anne Durand <anne.durand@corp.example>\nObjet : Panne de ma pompe\n\nBonjour Anne,\nma pompe fuit.\n",
		"Gmail":       "À suivre.\n\n---------- Forwarded message ---------\nDe : Jean Client <jean@client.example>\nDate: mar. 17 nov. 2026 à 10:12\nSubject: Panne de ma pompe\nTo: <anne.durand@corp.example>\n\n\nBonjour Anne,\nma pompe fuit.\n",
		"Apple Mail":  "À suivre.\n\nDébut du message réexpédié :\n\n> De: Jean Client <jean@client.example>\n> Objet: Panne de ma pompe\n> Date: 17 novembre 2026 à 10:12:00 UTC+1\n> À: anne.durand@corp.example\n> \n> Bonjour Anne,\n> ma pompe fuit.\n",
		"Thunderbird": "À suivre.\n\n-------- Message transféré --------\nSujet : \tPanne de ma pompe\nDate : \tTue, 17 Nov 2026 10:12:00 +0100\nDe : \tJean Client <jean@client.example>\nPour : \tanne.durand@corp.example\n\n\n\nBonjour Anne,\nma pompe fuit.\n",
		"a colleague": "À suivre.\n\n---------- Forwarded message ---------\nDe : Bruno Petit <bruno.petit@corp.example>\nDate: mar. 17 nov. 2026 à 11:00\nSubject: Fwd: Panne de ma pompe\nTo: <anne.durand@corp.example>\n\nPour toi.\n\n" +
			"---------- Forwarded message ---------\nDe : Jean Client <jean@client.example>\nDate: mar. 17 nov. 2026 à 10:12\nSubject: Panne de ma pompe\nTo: <bruno.petit@corp.example>\n\n\nBonjour Anne,\nma pompe fuit.\n",
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, nil)
			jean, anne := d.jean(), d.anne()
			d.must(d.submits(anneOwn, []string{generic}, "TR : Panne de ma pompe", body))
			said := jean.reads()
			d.says(said, "Anne Durand a ouvert pour vous la demande n°10000")
			d.without(said, "anne.durand@", "corp.example", "À suivre")
			c := anne.reads()
			d.says(c, "Bonjour Anne,\nma pompe fuit.")
			if text := c.text(); strings.Contains(text, "À suivre") || c.subject() != "Panne de ma pompe [#10000]" {
				t.Errorf("%s:\n%s", c.subject(), text)
			}
			d.expect(10000, ticket.New, "anne")
			if d.messages(10000) != "in note" {
				t.Errorf("messages %s", d.messages(10000))
			}
			anne.answers(c, "Bonjour, fermez la vanne.")
			d.without(jean.reads(), "anne.durand@", "À suivre", "bruno.petit@")
		})
	}
}

// Who is not sure to be the customer is asked for, and one line settles it.
func TestTheCustomerIsAskedFor(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	d.must(d.submits(anneOwn, []string{generic}, "TR: Panne", "Voir ci-dessous.\n\nDe : Jean Client\nEnvoyé : mardi 17 novembre 2026 10:12\nÀ : Anne Durand\nObjet : Panne\n\nma pompe fuit.\n"))
	notice := anne.reads()
	d.says(notice, "qui est le client", "nous n’avons pas trouvé l’adresse", "#client")
	if d.tickets() != 0 || len(d.held()) != 1 || d.held()[0].Why != "customer" {
		t.Fatalf("%d tickets, held %+v", d.tickets(), d.held())
	}
	anne.answers(notice, "#client jean@client.example \"Jean Client\"")
	d.says(jean.reads(), "Anne Durand a ouvert pour vous")
	c := anne.reads()
	d.says(c, "ma pompe fuit.")
	if tk := d.ticket(10000); tk.Requester().Name != "Jean Client" || tk.Assignee != "anne" || tk.Subject != "Panne" || d.tickets() != 1 {
		t.Errorf("%+v", tk)
	}
	anne.hearsNothing()
}

// The guess is offered as a link; a robot's address is never taken without
// asking.
func TestARobotIsNoCustomer(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	anne, robot := d.anne(), d.person("", "no-reply@client.example")
	d.must(d.submits(anneOwn, []string{generic}, "TR: Commande", "\n---------- Forwarded message ---------\nFrom: Boutique <no-reply@client.example>\nDate: x\nSubject: Commande\nTo: <anne.durand@corp.example>\n\nUn client attend.\n"))
	notice := anne.reads()
	d.says(notice, "#client no-reply@client.example", "n’est pas celle d’une personne")
	if !strings.Contains(string(notice.Raw), "mailto:") {
		t.Errorf("no link:\n%s", notice.Raw)
	}
	anne.answers(notice, "#client no-reply@client.example")
	anne.reads()
	robot.hearsNothing()
	if d.tickets() != 1 {
		t.Errorf("%d tickets", d.tickets())
	}
}

// A call: what the agent notes is the customer's request, and the confirmation
// repeats it, without what is ours.
func TestACallIsTheCustomersTicket(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	anne.writes(anne.desk(), "Pompe en panne", "#client jean@client.example \"Jean Client\"\n#priorité haute\nM. Client appelle : sa pompe fuit.\nMe joindre à anne.durand@corp.example.\n-- \nAnne, poste 12\n")
	said := jean.reads()
	d.says(said, "Anne Durand a ouvert pour vous la demande n°10000", "sa pompe fuit.", generic)
	d.without(said, "anne.durand@", "corp.example", "#client", "poste 12", "relationclient+t")
	c := anne.reads()
	d.says(c, "sa pompe fuit.")
	if strings.Contains(c.text(), "#priorité") {
		t.Errorf("the copy:\n%s", c.text())
	}
	d.expect(10000, ticket.New, "anne")
	if tk := d.ticket(10000); tk.Priority != ticket.High || tk.Requester().Name != "Jean Client" || tk.Subject != "Pompe en panne" {
		t.Errorf("%+v", tk)
	}
	jean.answers(said, "C’est cela.")
	d.says(anne.reads(), "C’est cela.")
	if d.messages(10000) != "in internal in" {
		t.Errorf("messages %s", d.messages(10000))
	}
}

// A call may be a subject and no more; of nothing at all there is no ticket.
func TestACallWithoutAText(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	desk := anne.desk()
	anne.writes(desk, "Rappeler Jean", "#client jean@client.example\n")
	d.says(jean.reads(), "Rappeler Jean")
	d.says(anne.reads(), "Rappeler Jean")
	anne.writes(desk, "", "#client jean@client.example\n")
	d.says(anne.reads(), "ne dit rien de la demande")
	jean.hearsNothing()
	if d.tickets() != 1 {
		t.Errorf("%d tickets", d.tickets())
	}
}

// What is ours and can't be taken out of a note of a call holds it.
func TestTheGuardReadsWhatWasNoted(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	desk := anne.desk()
	tok, _, _ := strings.Cut(desk, "@")
	_, tok, _ = strings.Cut(tok, "+t")
	anne.writes(desk, "Appel", "#client jean@client.example\nIl a le code "+tok+" sous les yeux.\n")
	notice := anne.reads()
	d.says(notice, "adresse interne")
	jean.hearsNothing()
	if d.tickets() != 0 || len(d.held()) != 1 {
		t.Fatalf("%d tickets, %d held", d.tickets(), len(d.held()))
	}
	anne.answers(notice, "#cancel")
	anne.reads()
	if d.tickets() != 0 {
		t.Errorf("%d tickets", d.tickets())
	}
}

// Who is named must be somebody else.
func TestNoColleagueIsTheCustomer(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	anne := d.anne()
	desk := anne.desk()
	for i, arg := range []string{"bruno.petit@corp.example", "relationclient@example.com", "jean", "a@client.example, b@client.example"} {
		anne.writes(desk, "Appel", "#client "+arg+"\nIl rappellera.\n")
		anne.reads()
		if d.tickets() != 0 || len(d.held()) != i+1 {
			t.Fatalf("%s: %d tickets, %d held", arg, d.tickets(), len(d.held()))
		}
	}
}

// #customer in a ticket that an agent opened for herself makes it the customer's.
func TestATicketChangesItsCustomer(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, paul, anne := d.jean(), d.person("Paul", "paul@client.example"), d.anne()
	d.must(d.submits(anneOwn, []string{generic}, "Pompe", "Une pompe fuit.\n"))
	c := anne.reads()
	anne.answers(c, "#customer jean@client.example")
	d.says(jean.reads(), "la demande n°10000")
	d.says(anne.reads(), "la demande est maintenant celle de jean@client.example")
	if to, cc := d.ticket(10000).Audience(); to.Address.String() != jean.address || len(cc) != 0 {
		t.Errorf("%+v", d.ticket(10000).Participants)
	}
	anne.answers(c, "#customer \"Paul\" <paul@client.example>\nBonjour à vous deux.")
	m := paul.reads()
	d.says(m, "Bonjour à vous deux.")
	if m.addresses("To") != paul.address || m.addresses("Cc") != jean.address {
		t.Errorf("header:\n%s", m.Raw)
	}
	d.says(jean.reads(), "Bonjour à vous deux.")
	paul.hearsNothing()
	if n := len(d.happened(10000, ticket.OpenedFor)); n != 2 {
		t.Errorf("%d events", n)
	}
}

// A mail attached in base64, which RFC 2046 forbids and clients do.
func TestAnEncodedForward(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	anne := d.anne()
	body := "--oo\nContent-Type: text/plain\n\n\n--oo\nContent-Type: application/octet-stream; name=panne.eml\nContent-Disposition: attachment; filename=panne.eml\nContent-Transfer-Encoding: base64\n\n" +
		base64.StdEncoding.EncodeToString([]byte(jeansMail)) + "\n--oo--\n"
	d.must(d.submits(anneOwn, []string{generic}, "Fwd: Panne", body, "MIME-Version: 1.0", "Content-Type: multipart/mixed; boundary=oo"))
	d.says(anne.reads(), "ma pompe fuit.")
	if raw := d.rawMessage(10000, 1); raw != jeansMail {
		t.Errorf("the mail is not as it was:\n%s", raw)
	}
}

// Several mails of one customer are one ticket, in the order in which they were
// written; of several customers the agent is asked.
func TestSeveralForwardedMails(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	later := strings.NewReplacer("j1@", "j2@", "10:12:00", "11:00:00", "ma pompe fuit", "il y a urgence").Replace(jeansMail)
	paul := strings.NewReplacer("j1@", "p1@", "jean@client.example", "paul@client.example").Replace(jeansMail)
	body, ct := passedOn("", later, jeansMail)
	d.must(d.submits(anneOwn, []string{generic}, "Fwd: Panne", body, ct, "MIME-Version: 1.0"))
	anne.reads()
	anne.reads()
	if raw := d.rawMessage(10000, 1); raw != jeansMail {
		t.Errorf("the first is not the older one:\n%s", raw)
	}
	jean.reads()
	jean.hearsNothing()
	if d.messages(10000) != "in in internal" {
		t.Errorf("messages %s", d.messages(10000))
	}
	body, ct = passedOn("", strings.ReplaceAll(jeansMail, "j1@", "j3@"), paul)
	d.must(d.submits(anneOwn, []string{generic}, "Fwd: Panne", body, ct, "MIME-Version: 1.0"))
	d.says(anne.reads(), "de plusieurs personnes")
	if d.tickets() != 1 {
		t.Errorf("%d tickets", d.tickets())
	}
}

// An agent's mail that is not believed opens nothing in anybody's name, and what a
// stranger forwards is the stranger's.
func TestOnlyAgentsSpeakForCustomers(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	body, ct := passedOn("", jeansMail)
	mail := letter(anneOwn, generic, "x1@nobody.example", "Fwd: Panne", body, ct, "MIME-Version: 1.0")
	d.must(d.send("x@nobody.example", []string{generic}, mail))
	d.says(anne.reads(), "sans preuve qu’il vienne de vous")
	jean.hearsNothing()
	if d.tickets() != 0 {
		t.Errorf("%d tickets", d.tickets())
	}
	d.person("Eve", "eve@other.example").writes(generic, "Fwd: Panne", "#client jean@client.example\n"+body, ct, "MIME-Version: 1.0")
	anne.reads()
	jean.hearsNothing()
	if tk := d.ticket(10000); tk.Requester().Address.String() != "eve@other.example" {
		t.Errorf("%+v", tk.Participants)
	}
}

// desk is an agent's desk address, as the welcome mail tells it. Nothing else may
// wait to be read.
func (p *person) desk() string {
	p.d.Helper()
	if _, err := p.d.srv.Pipeline.Welcome(p.d.Context(), p.address); err != nil {
		p.d.Fatal(err)
	}
	return p.reads().token()
}

// forwardsInHTML are what clients write that have no plain text.
var forwardsInHTML = map[string]string{
	"Outlook": `<html><head><style>p.MsoNormal{margin:0}</style></head><body lang="FR"><div class="WordSection1"><p class="MsoNormal">#priorité haute<o:p></o:p></p><p class="MsoNormal">À suivre.<o:p></o:p></p><p class="MsoNormal"><o:p>&nbsp;</o:p></p>` +
		`<div style="border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm"><p class="MsoNormal"><b>De&nbsp;:</b> Jean Client &lt;jean@client.example&gt; <br><b>Envoyé&nbsp;:</b> mardi 17 novembre 2026 10:12<br><b>À&nbsp;:</b> Anne Durand &lt;anne.durand@corp.example&gt;<br><b>Objet&nbsp;:</b> Panne de ma pompe<o:p></o:p></p></div>` +
		`<p class="MsoNormal"><o:p>&nbsp;</o:p></p><p class="MsoNormal">Bonjour Anne,<o:p></o:p></p><p class="MsoNormal">ma pompe fuit.<o:p></o:p></p></div></body></html>`,
	"Outlook on the web": `<html><body><div style="font-family:Aptos">#priorité haute</div><div style="font-family:Aptos">À suivre.</div><div id="appendonsend"></div><hr style="display:inline-block;width:98%" tabindex="-1">` +
		`<div id="divRplyFwdMsg" dir="ltr"><font face="Calibri, sans-serif" color="#000000" style="font-size:11pt"><b>De :</b> Jean Client &lt;jean@client.example&gt;<br><b>Envoyé :</b> mardi 17 novembre 2026 10:12<br><b>À :</b> Anne Durand &lt;anne.durand@corp.example&gt;<br><b>Objet :</b> Panne de ma pompe</font><div>&nbsp;</div></div>` +
		`<div>Bonjour Anne,</div><div>ma pompe fuit.</div></body></html>`,
	"Gmail": `<div dir="ltr"><div>#priorité haute</div><div>À suivre.</div><br><div class="gmail_quote"><div dir="ltr" class="gmail_attr">---------- Forwarded message ---------<br>De&nbsp;: <b class="gmail_sendername" dir="auto">Jean Client</b> <span dir="auto">&lt;<a href="mailto:jean@client.example">jean@client.example</a>&gt;</span><br>` +
		`Date: mar. 17 nov. 2026 à 10:12<br>Subject: Panne de ma pompe<br>To:  &lt;<a href="mailto:anne.durand@corp.example">anne.durand@corp.example</a>&gt;<br></div><br><br><div dir="ltr">Bonjour Anne,<div>ma pompe fuit.</div></div></div></div>`,
	"Apple Mail": `<html><body style="overflow-wrap: break-word;">#priorité haute<div>À suivre.<br id="lineBreakAtBeginningOfMessage"><div><br><blockquote type="cite"><div>Début du message réexpédié&nbsp;:</div><br class="Apple-interchange-newline">` +
		`<div style="margin: 0px;"><span style="font-family: -webkit-system-font"><b>De: </b></span><span>Jean Client &lt;<a href="mailto:jean@client.example">jean@client.example</a>&gt;<br></span></div><div style="margin: 0px;"><span><b>Objet: </b></span><span><b>Panne de ma pompe</b><br></span></div>` +
		`<div style="margin: 0px;"><span><b>Date: </b></span><span>17 novembre 2026 à 10:12:00 UTC+1<br></span></div><div style="margin: 0px;"><span><b>À: </b></span><span>anne.durand@corp.example<br></span></div><br><div>Bonjour Anne,<br>ma pompe fuit.</div></blockquote></div></div></body></html>`,
	"Thunderbird": `<html><body><p>#priorité haute</p><p>À suivre.</p><div class="moz-forward-container"><br><br>-------- Message transféré --------<table class="moz-email-headers-table" cellspacing="0" cellpadding="0" border="0"><tbody>` +
		`<tr><th valign="BASELINE" nowrap="nowrap" align="RIGHT">Sujet&nbsp;: </th><td>Panne de ma pompe</td></tr><tr><th valign="BASELINE" align="RIGHT">Date&nbsp;: </th><td>Tue, 17 Nov 2026 10:12:00 +0100</td></tr>` +
		`<tr><th valign="BASELINE" align="RIGHT">De&nbsp;: </th><td>Jean Client <a class="moz-txt-link-rfc2396E" href="mailto:jean@client.example">&lt;jean@client.example&gt;</a></td></tr><tr><th valign="BASELINE" align="RIGHT">Pour&nbsp;: </th><td><a href="mailto:anne.durand@corp.example">anne.durand@corp.example</a></td></tr></tbody></table><br><br><p>Bonjour Anne,<br>ma pompe fuit.</p></div></body></html>`,
}

func TestInlineForwardsInHTML(t *testing.T) {
	t.Parallel()
	for what, body := range forwardsInHTML {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, nil)
			jean, anne := d.jean(), d.anne()
			d.must(d.submits(anneOwn, []string{generic}, "TR: Panne de ma pompe", body, "MIME-Version: 1.0", "Content-Type: text/html; charset=utf-8"))
			c := anne.reads()
			d.says(c, "Bonjour Anne,", "ma pompe fuit.")
			if text := c.text(); strings.Contains(text, "À suivre") || strings.Contains(text, "#priorité") || c.subject() != "Panne de ma pompe [#10000]" {
				t.Errorf("%s:\n%s", c.subject(), text)
			}
			said := jean.reads()
			d.says(said, "Anne Durand a ouvert pour vous la demande n°10000")
			d.without(said, "À suivre", "corp.example")
			if tk := d.ticket(10000); tk.Priority != ticket.High || tk.Assignee != "anne" || tk.Requester().Name != "Jean Client" || d.messages(10000) != "in note" {
				t.Errorf("%+v, messages %s", tk, d.messages(10000))
			}
		})
	}
}

// What is forwarded to a team of others is theirs, and the agent hears its number.
func TestAForwardToAnotherTeamIsTheirs(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne, bruno := d.jean(), d.anne(), d.bruno()
	body, ct := passedOn("Pour l’export, je crois.", jeansMail)
	d.must(d.submits(anneOwn, []string{"export@example.com"}, "Fwd: Panne de ma pompe", body, ct, "MIME-Version: 1.0"))
	for range 2 {
		if m := bruno.reads(); !strings.Contains(m.text(), "ma pompe fuit.") && !strings.Contains(m.text(), "Pour l’export") {
			t.Errorf("bruno reads\n%s", m.text())
		}
	}
	d.says(anne.reads(), "10000", "jean@client.example")
	if m := jean.reads(); m.token() != "export@example.com" {
		t.Errorf("the confirmation is of %s", m.token())
	}
	d.expect(10000, ticket.New, "bruno")
}

// An answer that was quoted as Outlook does is no forward: the customer in the quote
// is not taken for who asks without a question.
func TestAnAnswerIsNoForward(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	desk := anne.desk()
	anne.writes(desk, "RE: Panne", "Je m’en occupe.\n\nDe : Jean Client <jean@client.example>\nEnvoyé : mardi 17 novembre 2026 10:12\nÀ : Anne Durand\nObjet : Panne\n\nma pompe fuit.\n")
	anne.reads()
	jean.hearsNothing()
	if d.tickets() != 0 || len(d.held()) != 1 {
		t.Errorf("%d tickets, %d held", d.tickets(), len(d.held()))
	}
}

// A forwarded mail with hostile names and addresses does no harm.
func TestAHostileForward(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	anne := d.anne()
	for i, from := range []string{
		"relationclient@example.com", "anne.durand@corp.example", "<>", "a@b@c", "jean@client.example, paul@client.example", "\"x\r\n\tBcc: eve@other.example\" <>",
	} {
		body, ct := passedOn("", strings.Replace(jeansMail, "\"Jean Client\" <jean@client.example>", from, 1))
		d.must(d.submits(anneOwn, []string{generic}, "Fwd: Panne", body, ct, "MIME-Version: 1.0"))
		d.says(anne.reads(), "qui est le client")
		if d.tickets() != 0 || len(d.held()) != i+1 {
			t.Fatalf("%q: %d tickets, %d held", from, d.tickets(), len(d.held()))
		}
	}
	d.quiet(d.customers, 0)
}

// Mails that no one here wrote, forwarded as attachments: each is a ticket of its
// author, byte for byte, or a question. Nothing fails on them.
func TestForeignMailsForwarded(t *testing.T) {
	t.Parallel()
	list := foreignMails(t)
	d := newDesk(t, func(config string) string {
		return strings.Replace(config, "[relay]\n", "[relay]\nsmarthost = \"127.0.0.1:1\"\n", 1)
	})
	opened, asked, joined := 0, 0, 0
	for i, f := range list {
		if i%20 != 0 || len(f.mail) > 1<<20 {
			continue
		}
		mail := strings.ReplaceAll(string(f.mail), "--oo", "--o-o")
		body, ct := passedOn("", mail)
		tickets, held := d.tickets(), len(d.held())
		if err := d.submits(anneOwn, []string{generic}, "Fwd: x", body, ct, "MIME-Version: 1.0"); err != nil {
			t.Errorf("%s: %v", f.name, err)
			continue
		}
		switch {
		case d.tickets() > tickets:
			opened++
			if len(d.happened(uint64(9999+d.tickets()), ticket.Unreadable)) > 0 {
				t.Errorf("%s: a stage failed on it", f.name)
			}
		case len(d.held()) > held:
			asked++
			if why := d.held()[held].Why; why != "customer" && why != "which" {
				t.Errorf("%s is held for %q", f.name, why)
			}
		default:
			joined++
		}
	}
	if opened == 0 || asked == 0 || joined == 0 { // bounces are asked about; some have one Message-ID
		t.Errorf("%d tickets, %d questions, %d in a ticket already", opened, asked, joined)
	}
}
