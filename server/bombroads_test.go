package server_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"postdesk/internal/testkit"
)

// bombRoad is a way into the server: who writes to whom, and what stands around the
// bomb.
type bombRoad struct {
	listener, hello  string
	envelope, author string
	to               string
	fields           string
	inside           string // the bomb is a part of this type
}

// mail puts a bomb on the road.
func (r bombRoad) mail(i int, b bombMail) []byte {
	head := fmt.Sprintf("From: %s\r\nTo: %s\r\nMessage-ID: <bomb.%d.%s@evil.test>\r\nDate: %s\r\n%s", r.author, r.to, i, strings.ReplaceAll(r.inside, "/", "."), time.Now().Format(time.RFC1123Z), r.fields)
	if r.inside == "" {
		return []byte(head + b.fields + "\r\n" + b.body)
	}
	return []byte(head + "Subject: inside\r\nMIME-Version: 1.0\r\nContent-Type: " + r.inside + "; boundary=road\r\n\r\n--road\r\nContent-Type: text/plain\r\n\r\nBonjour\r\n--road\r\n" +
		"Content-Type: message/rfc822\r\n\r\n" + b.fields + "\r\n" + b.body + "\r\n--road--\r\n")
}

// explodes sends the bombs, or every n-th, over the road. Each is answered with 250 or 5xx, costs at
// most 2 s of processor for a MB until all that follows has gone out, and is kept
// byte for byte when it was taken.
func (d *desk) explodes(name string, r bombRoad, size, every int) {
	d.Helper()
	bombs := bombMails(size)
	var taken []*foreign
	for i, what := range slices.Sorted(maps.Keys(bombs)) {
		if i%every != len(name)%every {
			continue
		}
		f := &foreign{name: name + ", " + what, mail: r.mail(i, bombs[what]), sender: r.envelope}
		began := testkit.CPU()
		var err error
		if f.reply, err = hand(d.srv.Addr(r.listener), r.hello, f.sender, r.to, f.mail); err != nil {
			d.Errorf("%s: %q, %v", f.name, f.reply, err)
			continue
		}
		d.drained()
		most := 2 * time.Second * testkit.RaceFactor * time.Duration(max(len(f.mail), 1<<20)) >> 20
		if took := testkit.CPU() - began; took > most {
			d.Errorf("%s: %v of processor for %d bytes, at most %v", f.name, took, len(f.mail), most)
		}
		if strings.HasPrefix(f.reply, "250 ") {
			taken = append(taken, f)
		} else if !strings.HasPrefix(f.reply, "5") {
			d.Errorf("%s: %q", f.name, f.reply)
		}
	}
	d.keptAsSent(taken)
	d.Logf("%s: %d of %d bombs were taken", name, len(taken), len(bombs)/every)
}

// keptAsSent checks the mails that a ticket has: no stage gave up on one, and the bytes are
// those that were sent.
func (d *desk) keptAsSent(taken []*foreign) {
	d.Helper()
	kept := d.kept()
	for _, f := range taken {
		id := queuedAs.FindStringSubmatch(f.reply)
		if id == nil {
			d.Errorf("%s: %q", f.name, f.reply)
			continue
		}
		if k, ok := kept[id[1]]; ok && (string(k.raw) != string(f.mail) || k.panicked != "") {
			d.Errorf("%s: %d bytes kept, %d sent, or they differ; panic %q", f.name, len(k.raw), len(f.mail), k.panicked)
		}
	}
}

// explodeEverywhere takes every road of the direct MX: a customer, an agent who
// answers, a server that returns a mail, and mails with the bomb inside.
func explodeEverywhere(t *testing.T, size, every int) {
	d := newDesk(t, noCaps)
	jean, anne := d.jean(), d.anne()
	_, copy := d.ask(jean, anne, "Une question", "Bonjour\n")
	anne.answers(copy, "Voici.\n")
	answer := jean.reads()
	thread := "In-Reply-To: <" + copy.id() + ">\r\nReferences: <" + copy.id() + ">\r\n"
	customer := bombRoad{listener: "mx", hello: "EHLO mx.client.example", envelope: jean.address, author: jean.String(), to: generic}
	agent := bombRoad{listener: "mx", hello: "EHLO mx.corp.example", envelope: anne.address, author: anne.String(), to: copy.token(), fields: thread}
	returned := bombRoad{listener: "mx", hello: "EHLO mx.client.example", author: "mailer-daemon@client.example", to: answer.From, inside: "multipart/report; report-type=delivery-status"}
	forward := customer
	forward.inside = "multipart/mixed"
	d.explodes("mx", customer, size, every)
	d.explodes("answer of an agent", agent, size, every)
	d.explodes("bounce", returned, size, every)
	d.explodes("forward", forward, size, every)
}

// The roads from the MTA in front.
func explodeBehindAFrontend(t *testing.T, size, every int) {
	d := newDesk(t, func(config string) string { return noCaps(oneDomain(config)) })
	d.explodes("lmtp", bombRoad{listener: "lmtp", hello: "LHLO front.example.com", envelope: "jean@client.example", author: "jean@client.example", to: generic}, size, every)
}

func TestBombsOnEveryRoad(t *testing.T) {
	explodeEverywhere(t, 8<<10, 2)
	explodeBehindAFrontend(t, 8<<10, 2)
}
