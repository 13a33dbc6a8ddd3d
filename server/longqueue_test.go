package server_test

import (
	"context"
	"fmt"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"postdesk/internal/addr"
	"postdesk/internal/message"
	"postdesk/internal/testkit"
	"postdesk/relay"
	"postdesk/store"
)

// piles puts n mails into the outbox, each with a sender of its own, for domains of
// which none can be reached.
func (d *desk) piles(n, domains int) {
	d.Helper()
	for done := 0; done < n; {
		err := d.srv.Store.Update(d.Context(), func(tx store.Tx) error {
			for i := done; i < min(done+200, n); i++ {
				id, err := tx.PutMail(message.BytesSource([]byte(crlf(letter("Desk <"+generic+">", "x@dead.example", fmt.Sprintf("q%d@example.com", i), "Votre demande", "Bonjour\n")))))
				if err != nil {
					return err
				}
				row := store.Outgoing{Mail: id, From: addr.Address{Local: fmt.Sprintf("relationclient+t%d", i), Domain: "example.com"}, Domain: "example.com",
					To: addr.Address{Local: "x", Domain: fmt.Sprintf("d%d.dead.example", i%domains)}, Purpose: store.PurposeAck, Created: d.now(), Due: d.now()}
				if err := store.Enqueue(tx, &row); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			d.Fatal(err)
		}
		done += 200
	}
}

// waitsLong has n mails wait for servers that refuse every connection: the desk goes on,
// memory stays where it is (which can be told alone), and nobody is knocked at once for
// each mail.
func waitsLong(t *testing.T, n, domains int, alone bool) {
	var knocks atomic.Int64
	d := newDeskWith(t, func(config string) string { return strings.Replace(config, `retry = ["1s"]`, `retry = ["30m"]`, 1) }, func(d *desk) {
		d.relay = func(o *relay.Options) {
			o.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
				if strings.HasPrefix(addr, "127.0.0.1:") {
					return new(net.Dialer).DialContext(ctx, network, addr)
				}
				knocks.Add(1)
				return nil, &net.OpError{Op: "dial", Net: network, Err: fmt.Errorf("connection refused")}
			}
		}
	})
	for i := range domains {
		if err := d.dns.Set(fmt.Sprintf("d%d.dead.example", i), "A 192.0.2.66"); err != nil {
			t.Fatal(err)
		}
	}
	d.piles(200, domains)
	d.srv.Relay.Wake()
	d.until("tried", d.tried)
	before, knocked := heap(), knocks.Load()
	d.piles(n-200, domains)
	d.srv.Relay.Wake()
	jean, anne := d.jean(), d.anne()
	d.ask(jean, anne, "Une question", "Bonjour\n") // past all that waits
	d.until("tried", d.tried)
	if grown := heap() - before; alone && grown > 32<<20 {
		t.Errorf("%d MB more for %d mails", grown>>20, n)
	}
	if got := knocks.Load() - knocked; got > int64(n/4) {
		t.Errorf("%d connections for %d mails", got, n)
	}
	first := knocks.Load()
	d.later(20 * time.Minute)
	d.srv.Relay.Wake()
	jean.writes(generic, "Une autre", "Bonjour encore\n")
	jean.reads()
	if got := knocks.Load(); got != first {
		t.Errorf("%d connections before the time of the next attempt", got-first)
	}
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestALongQueueWaits(t *testing.T) {
	t.Parallel()
	waitsLong(t, 800, 3, false) // make torture has ten thousand
}

// An answer that the customer's server puts off for five days: the agent hears once that
// it is late, once that it was given up, and the customer nothing.
func TestAnAnswerThatNobodyTakesForFiveDays(t *testing.T) {
	t.Parallel()
	d := newDesk(t, func(config string) string { return strings.Replace(config, `retry = ["1s"]`, `retry = ["8h"]`, 1) })
	jean, anne := d.jean(), d.anne()
	_, copy := d.ask(jean, anne, "Une question", "Bonjour\n")
	d.customers.SetScript(testkit.Script{testkit.AtRCPT: {Reply: "451 4.7.1 come back"}})
	anne.answers(copy, "Voici la réponse.\n")
	answer := func() store.Outgoing {
		for _, row := range d.outbox() {
			if row.Purpose == store.PurposeReply {
				return row
			}
		}
		return store.Outgoing{}
	}
	began := d.now()
	for n := 1; n < 40; n++ {
		d.until("tried", func() bool { row := answer(); return row.Attempts == n && row.State != store.Sending })
		if answer().State == store.Failed {
			break
		}
		if n == 5 {
			d.again() // a restart begins nothing anew
			if got := answer().Attempts; got != 5 {
				t.Fatalf("%d attempts after a restart", got)
			}
		}
		d.later(9 * time.Hour)
		d.srv.Relay.Wake()
	}
	row := answer()
	if age := d.now().Sub(began); row.State != store.Failed || age < 5*24*time.Hour || age > 6*24*time.Hour {
		t.Errorf("after %v: %+v", age, row)
	}
	late, given := anne.reads(), anne.reads()
	d.says(late, "come back")
	d.says(given, "come back")
	anne.hearsNothing()
	jean.hearsNothing()
}
