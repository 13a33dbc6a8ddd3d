package server_test

import (
	"fmt"
	"strings"
	"testing"

	"postdesk/internal/testkit"
	"postdesk/internal/ticket"
	"postdesk/store"
)

// A mail that bounces after the merge fails where it is now; a note's copy
// answered after it stays a note; what the guard held goes out.
func TestWhatComesBackAfterAMerge(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne, bruno := d.jean(), d.anne(), d.bruno()
	_, _, _, copy2, _, _ := d.two(jean, anne)
	anne.answers(copy2, "Ceci reviendra.\n")
	lost := jean.reads()
	anne.answers(copy2, "#assign bruno\n")
	anne.reads()
	theirs := bruno.reads()
	bruno.answers(theirs, "#note\nle client est pressé\n")
	note := anne.finds("le client est pressé")
	anne.drop()
	bruno.answers(theirs, "Vous trouverez ci-joint le devis.\n")
	held := bruno.reads()
	anne.answers(copy2, "#merge 10000\n")
	anne.finds("réunie")
	bruno.drop()
	anne.drop()

	d.bounce(lost, jean.address, "failed", "5.1.1", "550 no such user here")
	d.says(anne.finds("no such user here"), "jean@client.example")
	if n := len(d.happened(10000, ticket.DeliveryFailed)); n != 1 || len(d.happened(10001, ticket.DeliveryFailed)) != 0 {
		t.Errorf("%d failures in the ticket that stays", n)
	}
	d.expect(10000, ticket.Open, "anne")
	anne.answers(note, "Le rappeler alors.\n")
	d.isIn("Le rappeler alors", 10000)
	d.says(bruno.finds("Le rappeler alors"))
	jean.hearsNothing()
	bruno.answers(held, "#send\n")
	d.says(jean.reads(), "ci-joint le devis")
	d.isIn("ci-joint le devis", 10000)
}

// The same mail that comes again after the merge makes no second message.
func TestARepetitionAfterAMerge(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	d.ask(jean, anne, "Panne", "Bonjour\n")
	anne.answers(d.mailTo(anne, 0), "Redémarrez-le.\n")
	jean.reads()
	again := jean.mail(generic, "Encore", "La même chose.\n")
	for i := range 2 {
		if err := jean.posts([]string{generic}, again); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			jean.reads()
			anne.answers(anne.reads(), "#merge 10000\n")
			anne.reads()
		}
	}
	if err := jean.posts([]string{generic, "export@example.com"}, again); err != nil {
		t.Fatal(err)
	}
	d.says(d.bruno().reads(), "La même chose.")
	if kinds := d.messages(10000); kinds != "in out in internal" || d.tickets() != 2 {
		t.Errorf("messages: %s, %d tickets", kinds, d.tickets())
	}
}

// A copy that the agent's server refuses after its ticket was merged is rescued
// in the ticket that stays.
func TestARefusedCopyAfterAMerge(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne, bruno := d.jean(), d.anne(), d.bruno()
	_, _, _, copy2, _, _ := d.two(jean, anne)
	anne.answers(copy2, "#merge 10000\n")
	anne.reads()
	d.bounce(copy2, anne.address, "failed", "5.1.1", "550 gone")
	d.says(bruno.finds("Toujours froid."), "Anne Durand")
	d.expect(10000, ticket.Open, "")
}

// Merging and splitting at random: an answer to any mail lands where that mail is
// now, and nothing is lost.
func TestMergesAndSplitsAtRandom(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	d.agents.SetScript(testkit.Script{})
	var sent []received // to jean: acknowledgements and answers
	for i := range 4 {
		jean.writes(generic, fmt.Sprintf("Sujet %d", i), fmt.Sprintf("Question-%d.\n", i))
		sent = append(sent, jean.reads())
		copy := d.anyone(anne, d.bruno())
		anne.answers(copy.finds(fmt.Sprintf("Question-%d.", i)), fmt.Sprintf("Réponse-%d.\n", i))
		sent = append(sent, jean.reads())
		anne.drop()
	}
	place := func(m received) uint64 {
		var n uint64
		d.view(func(tx store.ReadTx) (err error) {
			n, _, err = store.ByMessageID(tx, m.id())
			return err
		})
		return n
	}
	for step, merge := range []string{"#merge 10000", "", "#merge 10002", "", "#merge 10000", ""} {
		word := fmt.Sprintf("Suite-%d.", step)
		jean.answers(sent[(step*3+1)%len(sent)], word+"\n") // answers of agents are indexed by id
		copy := anne.finds(word)
		anne.drop()
		if merge == "" {
			merge = "#split"
		}
		before := d.tickets()
		anne.answers(copy, merge+"\n")
		d.drained()
		anne.drop()
		for i := 1; i < len(sent); i += 2 {
			want := place(sent[i])
			again := fmt.Sprintf("Retour-%d-%d.", step, i)
			jean.answers(sent[i], again+"\n")
			d.isIn(again, want)
		}
		if merge == "#split" && d.tickets() != before+1 {
			t.Errorf("step %d: %d tickets after %d", step, d.tickets(), before)
		}
		anne.drop()
	}
}

// What was planned, asked and to be decided in the ticket that goes is so in the one
// that stays.
func TestWhatWaitsIsMerged(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne, boss := d.jean(), d.anne(), d.person("Mme Patron", "patron@other.example")
	_, _, _, copy2, _, _ := d.two(jean, anne)
	anne.answers(copy2, "#approve Mme Patron <patron@other.example>\nPuis-je rembourser ce client ?\n")
	request := boss.reads()
	anne.answers(copy2, "#time 15m\n#tag vip\n#field Modèle=X1\n")
	anne.drop()
	anne.answers(copy2, "#merge 10000\n")
	anne.finds("réunie")
	anne.drop()
	boss.answers(request, "Oui\n")
	anne.finds("Mme Patron")
	if e := d.happened(10000, ticket.Decided); len(e) != 1 || e[0].Data["decision"] != "yes" || len(d.happened(10001, ticket.Decided)) != 0 {
		t.Errorf("decided: %+v", e)
	}
	if tk := d.ticket(10000); tk.Minutes != 15 || strings.Join(tk.Tags, " ") != "vip" || tk.Fields["Modèle"] != "X1" || tk.Aside(1).Decision != "yes" {
		t.Errorf("%+v", tk)
	}
	jean.hearsNothing()
}
