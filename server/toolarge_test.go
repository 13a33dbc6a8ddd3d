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
	held := d.held()
	if len(held) == 0 || held[0].Why != "fault" || !strings.Contains(held[0].Reasons[0], "contient plus que postdesk ne peut noter en une fois") {
		t.Fatalf("held: %+v", held)
	}
	if n := len(d.ticket(10000).Fields); n < 10 {
		t.Errorf("only %d fields fit", n)
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
