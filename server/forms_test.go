package server_test

import (
	"context"
	"maps"
	"strings"
	"testing"

	"postdesk/internal/addr"
	"postdesk/internal/ticket"
	"postdesk/store"
)

// asking is a desk whose first team asks for fields.
func asking(config string) string {
	return strings.Replace(config, "language = \"fr\"\n", `language = "fr"

[[team.field]]
name = "Version du produit"
hint = "Menu Aide, À propos"
required = true
pattern = '\d+\.\d+'

[[team.field]]
name = "N° de série"
required = true

[[team.field]]
name = "Ville"
`, 1)
}

// enters makes a contact that an admin has entered.
func (d *desk) enters(c store.Contact, addresses ...string) *store.Contact {
	d.Helper()
	for _, a := range addresses {
		if domain, ok := strings.CutPrefix(a, "@"); ok {
			c.Addresses = append(c.Addresses, addr.Address{Domain: domain})
		} else {
			c.Addresses = append(c.Addresses, d.mustParse(a))
		}
	}
	c.Known, c.Created = true, d.now().UTC()
	if err := d.srv.Store.Update(context.Background(), func(tx store.Tx) error {
		copied := c
		copied.ID = 0
		err := store.SaveContact(tx, &copied)
		c.ID = copied.ID
		return err
	}); err != nil {
		d.Fatal(err)
	}
	return &c
}

// ackAndMore are the two mails that a request is answered with, whichever came
// first.
func (p *person) ackAndMore() (ack, more received) {
	p.d.Helper()
	ack, more = p.reads(), p.reads()
	if !strings.HasPrefix(ack.subject(), "Votre demande") {
		ack, more = more, ack
	}
	if !strings.HasPrefix(ack.subject(), "Votre demande") {
		p.d.Fatalf("no acknowledgement: %q and %q", ack.subject(), more.subject())
	}
	return ack, more
}

func (d *desk) hasFields(n uint64, want map[string]string) {
	d.Helper()
	if got := d.ticket(n).Fields; !maps.Equal(got, want) {
		d.Errorf("fields of %d: %q, want %q", n, got, want)
	}
}

// Who writes without what the team needs is asked for it once, in a mail of its
// own, and answers it as any mail.
func TestMissingFieldsAreAskedForAndFilled(t *testing.T) {
	t.Parallel()
	d := newDesk(t, asking)
	jean, anne := d.jean(), d.anne()
	jean.writes(generic, "Une panne", "Bonjour, il ne démarre plus.\nVille : Lyon\n")
	_, form := jean.ackAndMore()
	if form.subject() != "Une panne" || form.Header.Get("Auto-Submitted") != "auto-replied" || form.From != "" {
		t.Errorf("the form: subject %q, Auto-Submitted %q, from <%s>", form.subject(), form.Header.Get("Auto-Submitted"), form.From)
	}
	d.says(form, "Version du produit\u00a0:", "(Menu Aide, À propos)", "N° de série\u00a0:", "quelques informations")
	d.without(form, "Ville", "corp.example")
	d.says(anne.reads(), "Ville\u00a0: Lyon", "Manque encore\u00a0: Version du produit, N° de série")
	if asked := d.happened(10000, ticket.FieldsAsked); len(asked) != 1 || asked[0].Data["names"] != "Version du produit, N° de série" {
		t.Errorf("asked: %+v", asked)
	}

	jean.answers(form, "Voici :\n\n*version du produit :* 2.1\nN°\u00a0de\u00a0serie = AB-12\n")
	d.hasFields(10000, map[string]string{"Ville": "Lyon", "Version du produit": "2.1", "N° de série": "AB-12"})
	copy := anne.reads()
	d.says(copy, "Version du produit\u00a0: 2.1", "N° de série\u00a0: AB-12", "Ville\u00a0: Lyon")
	d.without(copy, "Manque encore")
	jean.hearsNothing()

	// A correction counts; what an old quote says does not.
	jean.answers(form, "Pardon.\nVersion du produit : 2.2\n")
	anne.reads()
	d.hasFields(10000, map[string]string{"Ville": "Lyon", "Version du produit": "2.2", "N° de série": "AB-12"})
	jean.hearsNothing()
	if d.tickets() != 1 {
		t.Errorf("%d tickets", d.tickets())
	}
}

// Outlook quotes without marks, and people fill the form in where it stands.
func TestAFormIsFilledInWhereItIsQuoted(t *testing.T) {
	t.Parallel()
	d := newDesk(t, asking)
	jean, anne := d.jean(), d.anne()
	jean.writes(generic, "Une panne", "Bonjour.\n")
	_, form := jean.ackAndMore()
	anne.reads()
	filled := strings.NewReplacer("Version du produit\u00a0:", "Version du produit\u00a0: 3.0", "N° de série\u00a0:", "N° de série\u00a0: Z9").Replace(form.text())
	to, mail := replyTo(form, jean.String(), "")
	head, _, _ := strings.Cut(mail, "\n\n")
	body := "<html><body><p>Bonjour, voici.</p><hr><div><b>De :</b> Relation Client &lt;" + generic + "&gt;<br><b>Envoyé :</b> samedi 21 novembre 2026 10:00<br>" +
		"<b>À :</b> Jean Client<br><b>Objet :</b> Une panne</div><p>" + strings.ReplaceAll(filled, "\n", "<br>\n") + "</p></body></html>"
	head = strings.Replace(head, "text/plain", "text/html", 1)
	if err := jean.posts([]string{to}, jean.dated(head+"\n\n"+body)); err != nil {
		t.Fatal(err)
	}
	anne.reads()
	d.hasFields(10000, map[string]string{"Version du produit": "3.0", "N° de série": "Z9"})
}

// What does not fit is asked for again, with the hint; not for ever, and not once
// a person has answered.
func TestAWrongValueIsAskedForAgain(t *testing.T) {
	t.Parallel()
	d := newDesk(t, asking)
	jean, anne := d.jean(), d.anne()
	jean.writes(generic, "Une panne", "N° de série : 7\n")
	_, form := jean.ackAndMore()
	d.says(form, "une information")
	anne.reads()
	jean.answers(form, "Version du produit : deux\n")
	again := jean.reads()
	d.says(again, "forme attendue", "Version du produit\u00a0:", "Menu Aide")
	anne.reads()
	jean.answers(again, "Version du produit : trois\n")
	last := jean.reads()
	anne.reads()
	jean.answers(last, "Version du produit : quatre\n")
	anne.reads()
	jean.hearsNothing() // three times is enough
	d.hasFields(10000, map[string]string{"N° de série": "7"})

	// Without its name: it is the only thing that was asked for.
	jean.answers(last, "C’est la bonne :\n2.4\nMerci\n")
	anne.reads()
	d.hasFields(10000, map[string]string{"N° de série": "7", "Version du produit": "2.4"})

	jean.writes(generic, "Une autre panne", "N° de série : 7\n")
	jean.ackAndMore()
	bruno := d.bruno()
	bruno.answers(bruno.reads(), "Bonjour Jean, quelle version est-ce ?\n")
	jean.answers(jean.reads(), "Version du produit : deux\n")
	bruno.reads()
	jean.hearsNothing() // Bruno asks better
}

// Nobody is asked who may not be acknowledged, or who has said everything.
func TestWhoIsNotAskedForFields(t *testing.T) {
	t.Parallel()
	d := newDesk(t, asking)
	jean, anne := d.jean(), d.anne()
	d.person("Robot", "robot@client.example").writes(generic, "Absence", "Je suis absent.\n", "Auto-Submitted: auto-replied")
	d.person("", "x@nobody.example").writes(generic, "Sans preuve", "Bonjour\n")
	jean.writes(generic, "Complet", "Version du produit : version 2.1\nN° de série : 7\n")
	if ack := jean.reads(); !strings.HasPrefix(ack.subject(), "Votre demande") {
		t.Errorf("an answer %q", ack.subject())
	}
	jean.hearsNothing()
	for n := uint64(10000); n < 10003; n++ {
		if asked := d.happened(n, ticket.FieldsAsked); len(asked) > 0 {
			t.Errorf("ticket %d asked for fields", n)
		}
	}
	d.hasFields(10002, map[string]string{"Version du produit": "2.1", "N° de série": "7"})
	anne.skims(3)
}

// skims reads at most that many mails, in whatever order.
func (p *person) skims(n int) {
	p.d.Helper()
	p.d.drained()
	if got := len(p.mailbox()) - p.read; got > n {
		p.d.Errorf("%s got %d mails, want at most %d", p.address, got, n)
	}
	p.read = len(p.mailbox())
}

// What the contact's record or a rule knows is not asked for.
func TestWhatIsKnownIsNotAskedFor(t *testing.T) {
	t.Parallel()
	d := newDesk(t, func(config string) string {
		return asking(config) + `
[[rule]]
when = { "field.N° de série" = 'SN-7', team = "relationclient@example.com" }
then = { "field.Version du produit" = "7.0", tags = ["sept"] }
`
	})
	d.enters(store.Contact{Name: "Jean Client", Fields: map[string]string{"n de serie": "SN-1", "Version du produit": "nouvelle"}}, "jean@client.example")
	jean := d.jean()
	jean.writes(generic, "Une panne", "Bonjour.\n")
	_, form := jean.ackAndMore()
	d.without(form, "série")
	d.hasFields(10000, map[string]string{"N° de série": "SN-1"})

	paul := d.person("Paul", "paul@client.example")
	paul.writes(generic, "Une panne", "N° de série : SN-7\n")
	paul.reads()
	paul.hearsNothing()
	d.hasFields(10001, map[string]string{"N° de série": "SN-7", "Version du produit": "7.0"})
	if tags := d.ticket(10001).Tags; len(tags) != 1 || tags[0] != "sept" {
		t.Errorf("tags %q", tags)
	}
}

// #field knows the names and patterns of the team.
func TestAnAgentSetsAField(t *testing.T) {
	t.Parallel()
	d := newDesk(t, asking)
	jean, anne := d.jean(), d.anne()
	jean.writes(generic, "Une panne", "Bonjour.\n")
	jean.ackAndMore()
	copy := anne.reads()
	anne.answers(copy, "#champ version du produit = 2.1\n#field Ville: Lyon\n")
	d.says(anne.reads(), "Version du produit = 2.1", "Ville = Lyon")
	d.hasFields(10000, map[string]string{"Version du produit": "2.1", "Ville": "Lyon"})

	anne.answers(copy, "#field Ville=Paris\n#field version=2.2\n")
	d.says(anne.reads(), "aucun champ ne s’appelle «\u00a0version\u00a0»", "#field Version du produit=2.2")
	anne.answers(copy, "#field Version du produit=deux\n")
	d.says(anne.reads(), "ne convient pas", "Menu Aide, À propos")
	d.hasFields(10000, map[string]string{"Version du produit": "2.1", "Ville": "Lyon"})
	anne.answers(copy, "#field Ville=\n")
	d.says(anne.reads(), "n’a plus de valeur")
	d.hasFields(10000, map[string]string{"Version du produit": "2.1"})
	jean.hearsNothing()
}

// Where nobody defined fields, an agent's own are welcome.
func TestFieldsThatNobodyDefined(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	_, copy := d.ask(d.jean(), d.anne(), "Une panne", "Bonjour.\n")
	anne := d.anne()
	anne.read = 1
	anne.answers(copy, "#field contrat=C-12\n")
	d.says(anne.reads(), "contrat = C-12")
	d.hasFields(10000, map[string]string{"contrat": "C-12"})
}
