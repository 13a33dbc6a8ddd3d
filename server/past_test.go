package server_test

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"postdesk/admin"
	"postdesk/internal/addr"
	"postdesk/internal/testkit"
	"postdesk/server"
	"postdesk/store"
)

// making names the environment variable that asks for a new data directory of the series.
const making = "POSTDESK_MAKE_DATADIR"

// past is a desk whose data directory has some of everything, and the mails that
// people still have of it.
type past struct {
	*desk
	t                                               *testing.T
	odd, stuck                                      *testkit.Sink
	jean, anne, bruno, expert, boss, supplier, paul *person
	annes, brunos                                   string              // desk addresses
	mails                                           map[string]received // by the name of their file
}

// kept is the configuration that the series is made and opened with. Servers of
// later.example put mail off, and one of stuck.example falls silent, when odd and
// stuck are theirs.
func kept(odd, stuck string) func(string) string {
	return func(text string) string {
		text = strings.Replace(observed(text), `retry = ["1s"]`, `retry = ["1h"]`, 1)
		return strings.Replace(text, "[relay.routes]\n", "[relay.routes]\n\"later.example\" = \""+odd+"\"\n\"stuck.example\" = \""+stuck+"\"\n", 1)
	}
}

// TestMakeDataDirectory adds a data directory to the series: as a clean stop leaves it, and as a kill does. Run
// it before a change of what lies on the disk is released:
//
//	POSTDESK_MAKE_DATADIR=0002 go test ./server -run TestMakeDataDirectory
func TestMakeDataDirectory(t *testing.T) {
	name := os.Getenv(making)
	if name == "" {
		t.Skip(making + " names no data directory to be made")
	}
	p := &past{t: t, mails: map[string]received{}}
	p.odd = testkit.NewSink(t, testkit.SinkOptions{Hostname: "mx.later.example", Recipients: map[string]string{
		"waits@later.example": "451 4.3.0 later", "keeps@later.example": "451 4.3.0 later", "gone@later.example": "550 5.1.1 nobody of that name"}})
	p.stuck = testkit.NewSink(t, testkit.SinkOptions{Hostname: "mx.stuck.example", Script: testkit.Script{testkit.AtDot: {Stall: true}}})
	p.desk = newDeskWith(t, kept(p.odd.Addr, p.stuck.Addr), func(*desk) {})
	p.jean, p.anne, p.bruno, p.expert, p.boss, p.supplier = p.desk.jean(), p.desk.anne(), p.desk.bruno(), p.desk.expert(), p.desk.boss(), p.desk.supplier()
	p.paul = p.person("Paul Autre", "paul@client.example")
	p.annes, p.brunos = p.deskOf(p.anne, "anne"), p.deskOf(p.bruno, "bruno")
	p.firstKey()
	p.everyKindOfMessage()
	p.mergedAndSplit()
	p.endedAndErased()
	p.heldAndAway()
	p.everyStateOfTheOutbox()

	to := filepath.Join("testdata", "datadirs", name)
	data := filepath.Join(p.dir, "data")
	packDataDirectory(t, to+"-killed.tar.gz", data, p.mails, p.now())
	if err := p.srv.Close(); err != nil {
		t.Fatal(err)
	}
	packDataDirectory(t, to+"-stopped.tar.gz", data, p.mails, p.now())
	killed, stopped := unpackDataDirectory(t, to+"-killed.tar.gz").summary(t), unpackDataDirectory(t, to+"-stopped.tar.gz").summary(t)
	if !bytes.Equal(killed, stopped) {
		t.Error("a kill and a stop leave something else")
	}
	if err := os.WriteFile(to+".json", killed, 0o644); err != nil {
		t.Fatal(err)
	}
}

// firstKey is a ticket whose tokens are of a key that is replaced then.
func (p *past) firstKey() {
	_, copy := p.ask(p.jean, p.anne, "Le four", "Le four ne chauffe plus.\n")
	p.anne.answers(copy, "Éteignez-le et rallumez-le.\n")
	p.mails["jean-answer"], p.mails["anne-copy"] = p.jean.reads(), copy
	p.drained()
	p.pause()
	if err := p.srv.Close(); err != nil {
		p.Fatal(err)
	}
	file := filepath.Join(p.dir, "data", server.KeyFile)
	ring, err := addr.LoadKeyRing(file)
	if err == nil {
		ring, err = ring.Rotate()
	}
	if err == nil {
		err = ring.Save(file)
	}
	if err != nil {
		p.Fatal(err)
	}
	p.start(p.text)
}

func (p *past) everyKindOfMessage() {
	copy := p.mails["anne-copy"]
	p.anne.answers(copy, "#note\nIl a déjà appelé deux fois.\n")
	p.anne.answers(copy, "#ask Dr Expert <expert@other.example> Avis sur un four\n\nLe fusible peut-il sauter ?\n")
	p.mails["expert-question"] = p.expert.reads()
	p.expert.answers(p.mails["expert-question"], "Oui, c’est le fusible.\n")
	p.anne.finds("c’est le fusible")
	p.anne.answers(copy, "#approve Mme Patron <patron@other.example>\n\nPuis-je le rembourser ?\n")
	p.boss.answers(p.boss.reads(), "Oui.\n")
	p.drained()
	p.anne.answers(copy, "#approve Mme Patron <patron@other.example>\n\nPuis-je aussi offrir un fusible ?\n")
	p.mails["boss-request"] = p.boss.reads()
	p.anne.answers(copy, "#priorité haute\n#motif panne\n#tag +four\n#temps 15m\n#cc +marie@client.example\n#observe acme@other.example\n#rappel 30j Rappeler Jean\n")
	p.drained()
	p.jean.invites(generic, "Revue du contrat", "REQUEST", meeting("REQUEST", uid, 0, p.jean.address))
	p.drained()
	p.enters(store.Contact{Name: "Paul Autre", Company: "Acme", Agent: "bruno", Fields: map[string]string{"contrat": "12-B"}}, "paul@client.example", "@autre.example")
}

func (p *past) mergedAndSplit() {
	p.paul.writes(generic, "Ma facture", "Elle est fausse.\n")
	p.drained()
	first := p.bruno.finds("Elle est fausse")
	p.bruno.answers(first, "Nous la refaisons.\n")
	p.drained()
	answer := p.paul.finds("Nous la refaisons")
	p.paul.answers(answer, "Au fait, ma porte grince.\n")
	p.drained()
	p.bruno.answers(p.bruno.finds("ma porte grince"), "#scinder La porte\n")
	p.paul.writes(generic, "Encore la facture", "Toujours fausse.\n")
	p.drained()
	p.bruno.answers(p.bruno.finds("Toujours fausse"), "#fusionner "+numberOf(first)+"\n")
	p.drained()
	p.mails["paul-answer"] = answer
}

// numberOf is the ticket in the subject of a copy.
func numberOf(copy received) string {
	_, tag, _ := strings.Cut(copy.subject(), "[#")
	n, _, _ := strings.Cut(tag, "]")
	return n
}

func (p *past) endedAndErased() {
	for subject, command := range map[string]string{"Résolue": "#résolu Le fusible était grillé.", "Close": "#clore", "Suspendue": "#suspendre"} {
		p.paul.writes(generic, subject, "Une question : "+subject+".\n")
		p.drained()
		p.bruno.answers(p.bruno.finds("Une question : "+subject), command+"\n")
	}
	p.drained()
	p.person("Rosa Oubliée", "rosa@other.example").writes(generic, "Rosa", "Oubliez-moi.\n")
	p.drained()
	p.admin("contact/erase", admin.Erase{Who: "rosa@other.example", By: "cli"})
}

func (p *past) heldAndAway() {
	p.anne.from("x@nobody.example").writes(generic, "Qui suis-je", "CANARI-RETENU\n")
	p.anne.answers(p.mails["anne-copy"], "Voici le plan ci-joint.\n") // nothing is
	p.bruno.writes(p.brunos, "", "#absent jusqu’au "+named(p.last())+"\n")
	p.drained()
	if n := len(p.held()); n < 2 {
		p.Fatalf("%d mails held", n)
	}
}

// everyStateOfTheOutbox ends with a row in each state, and nobody at work.
func (p *past) everyStateOfTheOutbox() {
	for _, who := range []string{"gone@later.example", "keeps@later.example"} {
		p.contacts(who)
	}
	p.until("failed and put off", func() bool { return p.states()[store.Failed] > 0 && p.states()[store.Ready] > 0 })
	p.admin("queue/hold-all", admin.None{})
	p.contacts("waits@later.example")
	p.contacts("silent@stuck.example")
	want := map[store.State]bool{store.Ready: true, store.Sending: true, store.Delivered: true, store.Failed: true, store.Held: true}
	p.until("in every state", func() bool { return maps.EqualFunc(p.states(), want, func(n int, _ bool) bool { return n > 0 }) })
	before := -1
	p.until("at rest", func() bool {
		time.Sleep(300 * time.Millisecond) // nothing else says that nothing more is written
		now := len(p.outbox())*1000 + p.states()[store.Delivered]
		still := now == before
		before = now
		return still
	})
}

// contacts lets anne write to someone new.
func (p *past) contacts(who string) {
	p.anne.writes(p.annes, "Pour vous", "#client "+who+"\nBonjour, voici ce que vous demandiez.\n")
}

// states counts the rows of the outbox.
func (p *past) states() map[store.State]int {
	n := map[store.State]int{}
	for _, row := range p.outbox() {
		n[row.State]++
	}
	return n
}
