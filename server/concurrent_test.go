package server_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"postdesk/internal/ticket"
)

// The same mail over many connections at once is one ticket; different ones are
// as many, without a gap in the numbers.
func TestManyConnectionsAtOnce(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean := d.jean()
	mail := jean.mail(generic, "Une question", "Bonjour\n")
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			if err := d.send(jean.address, []string{generic}, mail); err != nil {
				t.Error(err)
			}
			p := d.person("", fmt.Sprintf("c%d@client.example", i))
			if err := p.posts([]string{generic}, p.mail(generic, "Autre", fmt.Sprintf("Numéro %d\n", i))); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	d.drained()
	if d.tickets() != 21 || d.ticket(10020).Number != 10020 {
		t.Errorf("%d tickets, want 21", d.tickets())
	}
	if n := len(jean.mailbox()); n != 1 {
		t.Errorf("%d acknowledgements to jean", n)
	}
	if n := d.customers.Count(); n != 21 {
		t.Errorf("%d acknowledgements", n)
	}
}

// Two agents answer at the same moment: one answer goes out, the other waits, and
// the ticket has one owner.
func TestTwoAgentsAtOnce(t *testing.T) {
	t.Parallel()
	d := newDesk(t, func(config string) string {
		return strings.Replace(config, `language = "fr"`, "language = \"fr\"\nassign = \"none\"", 1)
	})
	jean, anne, bruno := d.jean(), d.anne(), d.bruno()
	jean.writes(generic, "Une question", "Bonjour\n")
	jean.reads()
	annes, brunos := anne.reads(), bruno.reads()
	var wg sync.WaitGroup
	wg.Go(func() { anne.answers(annes, "Je prends, Anne.\n") })
	wg.Go(func() { bruno.answers(brunos, "Je prends, Bruno.\n") })
	wg.Wait()
	jean.reads()
	jean.hearsNothing()
	if h := d.held(); len(h) != 1 || h[0].Why != "guard" {
		t.Errorf("held: %+v", h)
	}
	taken := d.happened(10000, ticket.Assigned)
	if len(taken) != 1 || !slices.Contains([]string{"anne", "bruno"}, taken[0].Data["agent"]) {
		t.Errorf("assigned: %+v", taken)
	}
}
