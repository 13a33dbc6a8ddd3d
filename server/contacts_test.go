package server_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"postdesk/internal/ticket"
	"postdesk/store"
)

// contact is the record with an address, nil for none.
func (d *desk) contact(address string) (c *store.Contact) {
	d.Helper()
	d.view(func(tx store.ReadTx) (err error) {
		c, err = store.FindContact(tx, d.mustParse(address))
		if errors.Is(err, store.ErrNotFound) {
			c, err = nil, nil
		}
		return err
	})
	return c
}

func (d *desk) requestsOf(c *store.Contact) (list []uint64) {
	d.Helper()
	d.view(func(tx store.ReadTx) error {
		list = nil
		return store.Requests(tx, c.ID, func(n uint64) error { list = append(list, n); return nil })
	})
	return list
}

// An agent keeps the customer's record by mail.
func TestAnAgentKeepsTheCustomersRecord(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	_, copy := d.ask(jean, anne, "Une question", "Bonjour\n")
	anne.answers(copy, "#contact nom Jean-Pierre Client\n#contact société Client SA\n#contact agent bruno\n#contact langue en\n#contact champ serial=SN-12\n#contact lier jean.perso@other.example\n")
	d.says(anne.reads(), "Jean-Pierre Client, Client SA, jean@client.example, jean.perso@other.example, en, Bruno Petit, serial=SN-12")
	c := d.contact("jean.perso@other.example")
	if c == nil || c.ID != d.ticket(10000).Requester().Contact || c.Name != "Jean-Pierre Client" || c.Company != "Client SA" || c.Agent != "bruno" || c.Language != "en" ||
		c.Fields["serial"] != "SN-12" || !c.Known {
		t.Errorf("the record: %+v", c)
	}
	if d.ticket(10000).Language != "en" || len(d.happened(10000, ticket.ContactChanged)) != 6 {
		t.Errorf("language %q, %d changes", d.ticket(10000).Language, len(d.happened(10000, ticket.ContactChanged)))
	}
	anne.answers(copy, "#contact ?\n")
	d.says(anne.reads(), "Jean-Pierre Client, Client SA")

	// The other address is the same customer: the usual agent, the language.
	perso := d.person("Jean", "jean.perso@other.example")
	perso.writes(generic, "Une autre", "Bonjour\n")
	if ack := perso.reads(); ack.subject() != "Your request no. 10001" {
		t.Errorf("acknowledged with %q", ack.subject())
	}
	d.says(d.bruno().reads(), "Bonjour")
	d.expect(10001, ticket.New, "bruno")

	anne.answers(copy, "#contact délier jean.perso@other.example\n")
	anne.reads()
	if d.contact("jean.perso@other.example") != nil {
		t.Error("still linked")
	}
	jean.hearsNothing()
}

// A linked address that has a record of its own brings its history along.
func TestLinkingJoinsTwoRecords(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne, bruno := d.jean(), d.anne(), d.bruno()
	perso := d.person("Jean P.", "jean@other.example")
	perso.writes(generic, "Avant", "Bonjour\n")
	perso.reads()
	anne.reads()
	_, copy := d.ask(jean, bruno, "Une question", "Bonjour\n")
	old := d.contact("jean@other.example")
	bruno.answers(copy, "#contact link jean@other.example\n")
	d.says(bruno.reads(), "jean@client.example", "jean@other.example")
	c := d.contact("jean@client.example")
	if c == nil || c.ID != old.ID || len(c.Addresses) != 2 {
		t.Fatalf("the record: %+v, was %+v", c, old)
	}
	if list := d.requestsOf(c); len(list) != 2 || list[0] != 10000 || list[1] != 10001 {
		t.Errorf("requests %v", list)
	}
	for n := uint64(10000); n <= 10001; n++ {
		if id := d.ticket(n).Requester().Contact; id != c.ID {
			t.Errorf("the requester of %d is contact %d", n, id)
		}
	}
	// He answers from the other address, and is no visitor.
	bruno.answers(copy, "Bonjour Jean, voici.\n")
	reply := jean.reads()
	perso.answers(reply, "Merci, depuis mon téléphone.\n")
	next := bruno.reads()
	d.says(next, "depuis mon téléphone")
	d.without(next, "ne participe pas")
	d.expect(10001, ticket.Open, "bruno")
}

// Nobody's address but a customer's becomes a customer's, and only agents say so.
func TestWhatNoRecordTakes(t *testing.T) {
	t.Parallel()
	d := newDesk(t, observed)
	jean, anne, olga := d.jean(), d.anne(), d.person("Olga Visite", "olga.visite@corp.example")
	_, copy := d.ask(jean, anne, "Une question", "Bonjour\n")
	olgas := olga.reads()
	for line, want := range map[string]string{
		"#contact link relationclient@example.com": "une adresse de la maison",
		"#contact link bruno.petit@corp.example":   "une adresse de la maison",
		"#contact link " + copy.token():            "une adresse de la maison",
		"#contact link pas-une-adresse":            "n’est pas une adresse",
		"#contact unlink jean@client.example":      "suivie à cette adresse",
		"#contact unlink autre@other.example":      "n’est pas une adresse de ce client",
		"#contact language klingon":                "n’est pas une langue",
		"#contact agent zoe":                       "aucun agent ne s’appelle",
		"#contact nmo Jean":                        "#contact nom",
		"#contact name":                            "n’est pas complète",
		"#contact name Jean\n#contact link x@":     "n’est pas une adresse",
	} {
		anne.answers(copy, line+"\n")
		d.says(anne.reads(), want)
	}
	anne.answers(copy, "Bonjour, voici.\n")
	jean.answers(jean.reads(), "#contact name Piraterie\n")
	anne.reads()
	olga.answers(olgas, "#contact name Autre\n")
	for m := olga.reads(); !strings.Contains(m.text(), "les observateurs"); m = olga.reads() {
		t.Logf("olga also reads %q", m.subject())
	}
	if c := d.contact("jean@client.example"); c.Name != "Jean Client" || c.Known {
		t.Errorf("the record: %+v", c)
	}
	if len(d.happened(10000, ticket.ContactChanged)) != 0 {
		t.Error("a change is in the history")
	}
}

// A word after #contact that is misspelt brings one form for each thing that it may mean: in the
// team's language, or in that of the word that was typed.
func TestContactFormsAreInOneLanguage(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	_, copy := d.ask(jean, anne, "Une question", "Bonjour\n")
	for _, c := range []struct{ line, want, not string }{
		{"#contact nmo Jean", "#contact nom …", "#contact name"},
		{"#contact nom", "#contact nom …", "#contact name"},
		{"#contact name", "#contact name …", "#contact nom …"},
		{"#contact scoiété Martin", "#contact société …", "#contact company"},
		{"#contact xyzzyxyzzy Jean", "#contact lier …", "#contact link"},
	} {
		anne.answers(copy, c.line+"\n")
		notice := anne.reads()
		d.says(notice, c.want)
		_, offered, _ := strings.Cut(notice.text(), "n’est pas complète")
		if _, offered, _ = strings.Cut(offered, "\n"); strings.Contains(offered, c.not) {
			t.Errorf("%s also offers %q:\n%s", c.line, c.not, notice.text())
		}
	}
	jean.hearsNothing()
}

// A customer is written to in the language of the record; a clear letter in
// another built-in language is answered in that one; in doubt it is the team's.
func TestMailsAreInTheContactsLanguage(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	for _, c := range []struct {
		address, language, body, header, want string
	}{
		{"a@client.example", "en", "Bonjour, je vous écris en français pour une fois, et je ne suis pas sûr que vous me compreniez.\n", "X: y", "Your request no."},
		{"b@client.example", "fr-CH", "Hello\n", "X: y", "Votre demande n°"},
		{"c@client.example", "", "Hello\n", "X: y", "Votre demande n°"},
		{"d@client.example", "", "Hello, my lamp is broken. Thanks\n", "Content-Language: en-GB", "Your request no."},
		{"e@client.example", "", "Hello,\nI bought the lamp that you have in your shop and it is broken. Could you please send me the address to which I have to return it?\nThank you and regards\n", "X: y", "Your request no."},
		{"f@client.example", "it", "Buongiorno\n", "X: y", "Your request no."}, // there are no templates of it: English is what most can read
	} {
		if c.language != "" {
			d.enters(store.Contact{Language: c.language}, c.address)
		}
		p := d.person("Client", c.address)
		p.writes(generic, "Question "+c.address, c.body, c.header)
		if ack := p.reads(); !strings.HasPrefix(ack.subject(), c.want) {
			t.Errorf("%s: %q, want %q", c.address, ack.subject(), c.want)
		}
	}
}

// Records of an older version are found by number after the update.
func TestContactsAreIndexedAtStart(t *testing.T) {
	t.Parallel()
	d := newDesk(t, closedTo(`"serial"`))
	d.enters(store.Contact{Fields: map[string]string{"serial": "SN-12345"}}, "marie@other.example")
	if err := store.IndexContactFields(context.Background(), d.srv.Store); err != nil {
		t.Fatal(err)
	}
	d.again()
	d.jean().writes(generic, "Panne", "SN-12345 en panne\n")
}

// A customer's record takes so many fields and says so.
func TestFieldsOfAContactAreFew(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	_, copy := d.ask(d.jean(), d.anne(), "Une panne", "Bonjour\n")
	anne := d.anne()
	var lines strings.Builder
	for i := range store.MaxContactFields {
		fmt.Fprintf(&lines, "#contact champ n%d=oui\n", i)
	}
	anne.answers(copy, lines.String())
	d.drained()
	anne.answers(copy, "#contact champ encore=oui\n")
	anne.answers(copy, "#contact champ "+strings.Repeat("n", 120)+"=oui\n")
	d.drained()
	if n := len(d.contact("jean@client.example").Fields); n != store.MaxContactFields {
		t.Errorf("%d fields", n)
	}
	held := d.held()
	if len(held) != 2 || !strings.Contains(held[0].Reasons[0], "au plus 40 champs") {
		t.Errorf("held: %+v", held)
	}
	anne.answers(copy, "#contact champ n1=\n#contact champ encore=oui\n")
	d.drained()
	if c := d.contact("jean@client.example"); c.Fields["encore"] != "oui" || c.Fields["n1"] != "" {
		t.Errorf("%v", c.Fields)
	}
}
