package server_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// door is where the MX listens, nil while it does not.
type door = atomic.Pointer[string]

func (d *desk) opens(mx *door) {
	at := d.srv.Addr("mx")
	mx.Store(&at)
}

// delivers is a customer's MTA: it tries until it hears a yes.
func (l *ledger) delivers(mx *door, name, domain string) {
	from, mail := l.write(name, domain)
	for end := time.Now().Add(wait); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		at := mx.Load()
		if at == nil {
			continue
		}
		err := sendTo(*at, from, []string{generic}, mail)
		if l.notes(mail, err); err == nil {
			return
		}
	}
	l.d.Errorf("%s is not taken", name)
}

// stops has clients deliver all the time while the server is stopped and started n
// times, at the moment when the remote servers have heard so many commands more.
func (d *desk) stops(n, clients int) {
	d.Helper()
	l, again := d.ledger(), map[string]int{}
	var mx door
	d.opens(&mx)
	over := make(chan struct{})
	var all sync.WaitGroup
	for c := range clients {
		all.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-over:
					return
				default:
					l.delivers(&mx, fmt.Sprintf("s%d.%d", c, i), "client.example")
				}
			}
		})
	}
	for i := range n {
		said := d.commands()
		d.until("commands", func() bool { return d.commands() >= said+3+5*i%17 })
		mx.Store(nil)
		d.cut(again)
		d.start(d.text)
		d.opens(&mx)
	}
	close(over)
	all.Wait()
	d.later(time.Hour)
	d.srv.Relay.Wake()
	d.drained()
	l.balances(again)
	if l.accepted() == 0 {
		d.Error("nothing was taken")
	}
}

// Stopped at any moment, again and again, while mails come in and go out.
func TestStopsWhileMailFlows(t *testing.T) {
	t.Parallel()
	newDesk(t, noCaps).stops(4, 2) // make torture: more
}

// noCaps is a desk whose customers may write as much as they like.
func noCaps(config string) string {
	return config + "\n[acknowledge]\nper_address = \"\"\nper_address_day = \"\"\nper_domain = \"\"\nbreaker = \"\"\n"
}
