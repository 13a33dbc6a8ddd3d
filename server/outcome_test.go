package server_test

import (
	"errors"
	"testing"
	"time"

	"postdesk/internal/testkit"
	"postdesk/internal/ticket"
	"postdesk/relay"
	"postdesk/server"
	"postdesk/store"
)

// halfway does what follows from an outcome, and fails at its end.
type halfway struct{ relay.Reports }

func (h halfway) Outcome(tx store.Tx, row store.Outgoing, now time.Time) error {
	if err := h.Reports.Outcome(tx, row, now); err != nil {
		return err
	}
	if row.State == store.Failed {
		return errors.New("a fault at the end")
	}
	return nil
}

// When what follows from a failure can't be written nothing of it stays, but
// for the one event that tells of the failure.
func TestAnOutcomeThatFailsLeavesTheEventAlone(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	d.restart(func(o *server.Options) { o.Relay = func(r *relay.Options) { r.Reports = halfway{r.Reports} } })
	jean, anne := d.jean(), d.anne()
	jean.writes(generic, "Une question", "Bonjour\n")
	copied := anne.reads()
	jean.reads() // the acknowledgement
	before := d.agents.Count()
	d.customers.SetScript(testkit.Script{testkit.AtRCPT: {Reply: "550 5.1.1 no such user"}})
	anne.answers(copied, "Bonjour Jean.\n")
	d.drained()
	if e := d.happened(10000, ticket.DeliveryFailed); len(e) != 1 || e[0].Data["text"] != "no such user" {
		t.Errorf("events: %+v", e)
	}
	if tk := d.ticket(10000); tk.Turn() != ticket.TurnCustomer {
		t.Errorf("the ticket was reopened: %+v", tk)
	}
	d.quiet(d.agents, before)
}
