package server_test

import (
	"fmt"
	"strings"
	"testing"
)

// A ticket that is as full as a record can be says so in words; what its people
// write is kept.
func TestMoreThanARecordHolds(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	domain := strings.Repeat(strings.Repeat("d", 60)+".", 3) + "example"
	var cc []string
	for i := range 49 {
		cc = append(cc, fmt.Sprintf("%s <%d.%s@%s>", strings.Repeat("N", 90), i, strings.Repeat("c", 50), domain))
	}
	jean.writes(generic, "Une panne", "Bonjour\n", "Cc: "+strings.Join(cc, ",\n "))
	copy := anne.reads()
	for i := range 5 {
		var experts []string
		for k := range 9 {
			experts = append(experts, fmt.Sprintf("e%d.%d@%s", i, k, domain))
		}
		anne.answers(copy, "#ask "+strings.Join(experts, ", ")+" "+strings.Repeat("objet ", 40)+fmt.Sprintf("\n\nQuestion %d ?\n", i))
	}
	for i := range 40 {
		anne.answers(copy, fmt.Sprintf("#field %s%d=%s\n", strings.Repeat("n", 90), i, strings.Repeat("v", 490)))
	}
	anne.answers(copy, "#tag +panne\n")
	anne.answers(copy, "#cc +marie@client.example\n")
	anne.answers(copy, "#observe marie@client.example\n")
	anne.answers(copy, "#customer marie@client.example\n")
	anne.answers(copy, "#ask expert@lab.example\n\nUne question ?\n")
	reasons := map[string]int{}
	for _, h := range d.held() {
		if h.Why != "command" {
			t.Errorf("held for %s: %q", h.Why, h.Reasons)
		}
		reasons[h.Reasons[0][strings.LastIndex(h.Reasons[0], "»")+1:]]++
	}
	for said, n := range map[string]int{"trop de champs": 1, "cette demande est pleine": 1, "trop de personnes": 3, "trop de consultations": 1} {
		have := 0
		for reason, times := range reasons {
			if strings.Contains(reason, said) {
				have += times
			}
		}
		if have < n {
			t.Errorf("%q: %d times, want %d; %v", said, have, n, reasons)
		}
	}
	tk := d.ticket(10000)
	if !tk.Full() || len(tk.Tags) > 0 || len(tk.Fields) < 3 {
		t.Errorf("full: %v, %q, %d fields", tk.Full(), tk.Tags, len(tk.Fields))
	}

	// The conversation goes on, and so does what takes nothing.
	before := tk.Messages
	anne.answers(copy, "VOICI la réponse.\n")
	reply := jean.reads()
	for !strings.Contains(reply.text(), "VOICI") {
		reply = jean.reads()
	}
	jean.answers(reply, "Merci, et une précision.\n", "Cc: plus@client.example")
	anne.answers(copy, "#solved "+strings.Repeat(`"`, 4000)+"\n")
	d.drained()
	switch tk := d.ticket(10000); {
	case d.tickets() != 1 || tk.Messages < before+2:
		t.Errorf("%d tickets, %d messages", d.tickets(), tk.Messages)
	case len(tk.Resolution) != 4000:
		t.Errorf("a resolution of %d bytes", len(tk.Resolution))
	}
}

// Fields that nobody defined fill no ticket: each of its mails would be too
// large for it.
func TestFieldsOfATicketAreFew(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	_, copy := d.ask(d.jean(), d.anne(), "Une panne", "Bonjour\n")
	anne := d.anne()
	for half := range 2 {
		var lines strings.Builder
		for i := range 25 {
			fmt.Fprintf(&lines, "#field champ %d-%d=oui\n", half, i)
		}
		anne.answers(copy, lines.String())
	}
	anne.answers(copy, "#field un de plus=oui\n")
	d.drained()
	if n := len(d.ticket(10000).Fields); n != 50 {
		t.Errorf("%d fields, want 50", n)
	}
	anne.answers(copy, "#field champ 0-0=\n#field un de plus=oui\n")
	d.drained()
	if tk := d.ticket(10000); len(tk.Fields) != 50 || tk.Fields["un de plus"] != "oui" {
		t.Errorf("one goes and one comes: %v", tk.Fields)
	}
}
