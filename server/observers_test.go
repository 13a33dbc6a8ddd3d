package server_test

import (
	"strings"
	"testing"

	"postdesk/internal/ticket"
	"postdesk/store"
)

// supplier is an observer outside whose address SPF backs.
func (d *desk) supplier() *person { return d.person("Acme", "acme@other.example") }

// An observer outside is told when added, gets what is public from then on as mails of his
// own, and what he says stays a note.
func TestAnObserverOutsideSeesWhatIsPublic(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne, supplier := d.jean(), d.anne(), d.supplier()
	_, copy := d.ask(jean, anne, "Le boîtier chauffe", "SECRET-AVANT : ceci précède.\n")
	anne.answers(copy, "#observe Acme <acme@other.example>\n")
	d.says(anne.reads(), "Acme <acme@other.example>")
	told := supplier.reads()
	d.says(told, "Anne Durand vous a ajouté", "n°10000")
	d.without(told, "SECRET-AVANT", "corp.example", "jean@")

	// What the customer says, and what we answer.
	jean.writes(generic, "Re: Le boîtier chauffe", "Il chauffe encore.\n", "In-Reply-To: <"+d.firstID()+">")
	more := anne.reads()
	seen := supplier.reads()
	d.says(seen, "chauffe encore")
	d.without(seen, "corp.example", "postdesk 10000", "jean@client.example")
	if from := seen.Header.Mailboxes("From")[0]; from.Name != "Jean Client (via Relation Client)" || from.Address.String() == generic || seen.Header.Has("Cc") {
		t.Errorf("From of what he sees: %v", from)
	}
	anne.answers(more, "Nous le changeons.\n")
	jean.reads()
	answer := supplier.reads()
	d.says(answer, "Nous le changeons")
	d.without(answer, "corp.example", "postdesk 10000")
	if a, b := seen.Header.MessageIDs("References")[0], answer.Header.MessageIDs("References")[0]; a != b || seen.token() != answer.token() {
		t.Errorf("his thread is broken: %s and %s", a, b)
	}
	d.expect(10000, ticket.Pending, "anne")

	// Never notes or asides.
	anne.answers(more, "#note\nSECRET-NOTE : entre nous, il exagère.\n")
	d.says(anne.reads(), "envoyée à personne")
	anne.answers(more, "#ask expert@other.example\nSECRET-ASIDE : votre avis ?\n")
	d.drained()
	supplier.hearsNothing()

	// His word is a note, whatever it looks like, and changes no turn.
	supplier.answers(answer, "#public\nSECRET-ACME : c’est notre faute.\n")
	note := anne.reads()
	d.says(note, "SECRET-ACME", "invisible pour le client")
	if from := note.Header.Mailboxes("From")[0]; !strings.Contains(from.Name, "NOTE") || !strings.Contains(from.Name, "Acme") {
		t.Errorf("From of his word: %v", from)
	}
	d.expect(10000, ticket.Pending, "anne")
	anne.answers(note, "SECRET-REPONSE : ah bon.\n") // a reply to a note is a note
	d.says(anne.reads(), "resté une note interne", "envoyée à personne")
	supplier.answers(answer, "Absent.\n", "Auto-Submitted: auto-replied") // kept, and disturbs nobody
	anne.hearsNothing()
	jean.hearsNothing()

	// Sent away, he gets nothing more, and his marks are a stranger's.
	anne.answers(more, "#observe -acme@other.example\n")
	d.says(anne.reads(), "plus personne")
	jean.writes(generic, "Re: Le boîtier chauffe", "Merci !\n", "In-Reply-To: <"+d.firstID()+">")
	anne.reads()
	supplier.answers(answer, "SECRET-APRES : et moi ?\n")
	d.says(anne.reads(), "SECRET-APRES", "ne participe pas", "invisible pour le client")
	supplier.hearsNothing()
	jean.hearsNothing()
}

// firstID is the Message-ID of the first mail of ticket 10000.
func (d *desk) firstID() (id string) {
	d.Helper()
	d.view(func(tx store.ReadTx) error {
		m, err := store.GetMessage(tx, 10000, 1)
		id = m.MessageID
		return err
	})
	return id
}

// A colleague who observes hears everything; what he answers is a note unless he
// says otherwise.
func TestAColleagueObserves(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne, bruno := d.jean(), d.anne(), d.bruno()
	_, copy := d.ask(jean, anne, "Une question", "Bonjour, je voudrais savoir.\n")
	anne.answers(copy, "#observateur bruno\n")
	d.says(anne.reads(), "Bruno Petit")
	told := bruno.reads()
	d.says(told, "Anne Durand vous a ajouté", "je voudrais savoir", "notes comprises")
	anne.answers(copy, "#note\nUne note pour nous deux.\n")
	d.says(bruno.reads(), "pour nous deux")
	anne.answers(copy, "Bonjour Jean, voici.\n")
	reply := jean.reads()
	seen := bruno.reads()
	d.says(seen, "voici", "restera une note")
	jean.answers(reply, "Merci, et encore ceci.\n")
	anne.reads()
	mine := bruno.reads()
	d.says(mine, "encore ceci", "restera une note")
	bruno.answers(mine, "Je m’en doutais un peu.\n")
	d.says(anne.reads(), "doutais")
	d.says(bruno.reads(), "resté une note")
	jean.hearsNothing()
	bruno.answers(mine, "#public\nBonjour Jean, c’est Bruno.\n")
	public := jean.reads()
	d.says(public, "c’est Bruno")
	jean.answers(public, "Merci Bruno.\n")
	anne.reads()
	d.says(bruno.reads(), "Merci Bruno", "restera une note") // as before

	anne.answers(copy, "#observe -bruno\n")
	anne.answers(copy, "#observe -bruno\n")
	heard := anne.reads().text() + anne.reads().text()
	if !strings.Contains(heard, "plus personne n’observe") || !strings.Contains(heard, "n’observe pas") {
		t.Errorf("anne hears\n%s", heard)
	}
}

// A supplier follows by rule, from the first mail on; what is suspect is sent to
// nobody outside.
func TestASupplierFollowsByRule(t *testing.T) {
	t.Parallel()
	d := newDesk(t, func(config string) string {
		return config + `
[[rule]]
name = "supplier"
when = { subject = "boîtier" }
then = { observe = ["acme@other.example", "bruno"] }
`
	})
	jean, anne, bruno, supplier := d.jean(), d.anne(), d.bruno(), d.supplier()
	jean.writes(generic, "Le boîtier chauffe", "Il chauffe.\n")
	jean.reads()
	copy := anne.reads()
	bruno.reads()
	first := supplier.reads() // one mail: that he was added, and what for
	if before, _, ok := strings.Cut(first.text(), "Il chauffe."); !ok || !strings.Contains(before, "Vous avez été ajouté") {
		t.Errorf("the supplier hears\n%s", first.text())
	}
	supplier.hearsNothing()
	jean.writes(generic, "Re: Le boîtier chauffe", "Toujours.\n", "In-Reply-To: <"+d.firstID()+">")
	d.says(anne.reads(), "Toujours")
	bruno.reads()
	again := supplier.reads()
	d.says(again, "Toujours.")
	d.without(again, "ajouté", "comme observateur")
	anne.answers(copy, "Nous regardons.\n")
	d.says(supplier.reads(), "Nous regardons")
	reply := jean.reads()
	d.without(reply, "acme")

	forger := d.person("Faussaire", "x@strict.example")
	_ = forger.posts([]string{generic}, forger.mail(generic, "Le boîtier", "Cliquez ici.\n"))
	d.drained()
	supplier.hearsNothing()
	jean.writes(generic, "Autre chose", "Rien à voir.\n")
	d.drained()
	supplier.hearsNothing()
}

// People join the copy list and leave it, by one command, which the mail itself
// already follows.
func TestWhoIsInCopy(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	paul, marie := d.person("Paul", "paul@other.example"), d.person("Marie", "marie@other.example")
	_, copy := d.ask(jean, anne, "Une question", "SECRET-AVANT : bonjour.\n")
	anne.answers(copy, "#cc +\"Paul Martin\" <paul@other.example> marie@other.example\nBonjour à tous.\n")
	for _, p := range []*person{jean, paul, marie} {
		d.says(p.reads(), "Bonjour à tous")
	}
	anne.answers(copy, "#cc -marie@other.example\nSuite.\n")
	reply := paul.reads()
	jean.reads()
	marie.hearsNothing()
	if cc := reply.Header.Mailboxes("Cc"); len(cc) != 1 || cc[0].Name != "Paul Martin" {
		t.Errorf("Cc: %v", cc)
	}
	d.without(reply, "marie")
	paul.answers(reply, "Je suis Paul.\n")
	d.says(anne.reads(), "Je suis Paul")

	// Who was sent away is a visitor, also with the mails that she got before, and the
	// customer's Cc does not bring her back.
	marie.writes(generic, "Re: Une question", "SECRET-MARIE\n", "In-Reply-To: <"+reply.id()+">", "Cc: paul@other.example")
	d.says(anne.reads(), "SECRET-MARIE", "ne participe pas")
	jean.writes(generic, "Re: Une question", "Et Marie ?\n", "In-Reply-To: <"+reply.id()+">", "Cc: marie@other.example")
	latest := anne.reads()
	anne.answers(latest, "Sans Marie.\n")
	jean.reads()
	paul.reads()
	marie.hearsNothing()

	// A visitor becomes a participant by #cc; the command alone gets a transcript.
	anne.answers(copy, "#cc +marie@other.example\n")
	d.says(anne.reads(), "marie@other.example", "Paul Martin")
	anne.answers(latest, "Avec Marie.\n")
	d.says(marie.reads(), "Avec Marie")
	jean.reads()
	paul.reads()

	for command, why := range map[string]string{
		"#cc +bruno.petit@corp.example":                        "collègue",
		"#cc +export@example.com":                              "équipe",
		"#cc " + copy.token():                                  "postdesk",
		"#cc -jean@client.example":                             "client",
		"#cc -personne@other.example":                          "n’est pas en copie",
		"#cc +paul":                                            "adresse",
		"#cc +x@other.example +y@":                             "adresse",
		"#cc +" + strings.Repeat("é", 40) + "@other.example -": "adresse",
	} {
		anne.answers(copy, command+"\n")
		d.says(anne.reads(), why)
	}
	jean.hearsNothing()
	if _, cc := d.ticket(10000).Audience(); len(cc) != 2 {
		t.Errorf("in copy: %+v", cc)
	}
}

// A desk of the observer role reads and comments: it adds nobody.
func TestAnObserverAddsNobody(t *testing.T) {
	t.Parallel()
	d := newDesk(t, observed)
	jean, anne, olga := d.jean(), d.anne(), d.person("Olga Visite", "olga.visite@corp.example")
	d.ask(jean, anne, "Une question", "Bonjour\n")
	copy := olga.reads()
	d.says(copy, "restera une note")
	for _, command := range []string{"#cc +x@other.example", "#observe x@other.example", "#ask x@other.example", "#approve x@other.example", "#ask ?"} {
		olga.answers(copy, command+"\nBonjour.\n")
		d.says(olga.reads(), "observateurs")
	}
	d.person("X", "x@other.example").hearsNothing()
	jean.hearsNothing()
}

// A mail is shown to an observer with all that is in it.
func TestAnObserverGetsTheWholeMail(t *testing.T) {
	t.Parallel()
	d := newDesk(t, func(config string) string {
		return config + "\n[[rule]]\nname = \"supplier\"\nwhen = { subject = \"boîtier\" }\nthen = { observe = [\"acme@other.example\"] }\n"
	})
	jean, anne, supplier := d.jean(), d.anne(), d.supplier()
	jean.writes(generic, "Le boîtier", "--b\nContent-Type: multipart/alternative; boundary=a\n\n--a\nContent-Type: text/plain\n\nLe TEXTE.\n--a\nContent-Type: text/html\n\n<p>Le <b>HTML</b>.</p>\n--a--\n"+
		"--b\nContent-Type: application/octet-stream\nContent-Disposition: attachment; filename=plan.bin\nContent-Transfer-Encoding: base64\n\nAAECAwQFBgc=\n--b--\n", "MIME-Version: 1.0", "Content-Type: multipart/mixed; boundary=b")
	anne.reads()
	seen := supplier.reads()
	d.says(seen, "Vous avez été ajouté", "Le TEXTE")
	if html := seen.HTMLPart(); html == nil || !strings.Contains(html.Text(1<<20), "<b>HTML</b>") || !strings.Contains(html.Text(1<<20), "observateur") {
		t.Error("the HTML is gone")
	}
	if list := seen.Attachments(); len(list) != 1 || list[0].FileName() != "plan.bin" || !strings.Contains(string(seen.Raw), "AAECAwQFBgc=") {
		t.Errorf("attachments: %v", list)
	}
}

// An observer who can't be reached is not written to again, and the agent hears it
// once.
func TestAnObserverWhoCannotBeReached(t *testing.T) {
	t.Parallel()
	d := newDesk(t, func(config string) string {
		return strings.Replace(config, `"other.example" = `, `"elsewhere.example" = `, 1)
	})
	if err := d.dns.Set("other.example", "MX 0 ."); err != nil {
		t.Fatal(err)
	}
	jean, anne := d.jean(), d.anne()
	_, copy := d.ask(jean, anne, "Une question", "Bonjour\n")
	anne.answers(copy, "#observe acme@other.example\n")
	anne.reads()
	d.drained() // the words of welcome are lost, too; that alone is no news
	for range 2 {
		anne.answers(copy, "Bonjour Jean.\n")
		jean.reads()
		d.drained()
	}
	d.says(anne.reads(), "acme@other.example", "n’a pas pu être remis")
	anne.hearsNothing()
	if n := len(d.happened(10000, ticket.Left)); n != 1 {
		t.Errorf("left %d times", n)
	}
}
