package server_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/smtp"
	"net/textproto"
	"strings"
	"syscall"
	"testing"
	"time"

	"postdesk/internal/config"
	"postdesk/internal/testkit"
	"postdesk/internal/ticket"
	"postdesk/server"
	"postdesk/store"
)

// frail is a desk on a disk that fails, and whose server is started again
// whenever it stops, as systemd does.
type frail struct {
	*desk
	disk     *testkit.Disk
	arm      func(life int, d *testkit.Disk) // says what fails in which life of the server
	rng      *rand.Rand                      // what a power loss at each stop leaves; nil loses nothing
	lives    int
	faults   []string       // why a life ended
	settled  map[string]int // Message-ID → arrivals, of what was on record as delivered when a life began
	accepted []string       // mails that got a 250
}

func newFrail(t *testing.T, arm func(life int, d *testkit.Disk)) *frail {
	d := &desk{T: t, dir: t.TempDir()}
	d.customers = testkit.NewSink(t, testkit.SinkOptions{Hostname: "mx.client.example"})
	d.agents = testkit.NewSink(t, testkit.SinkOptions{Hostname: "mx.corp.example"})
	d.dns = testkit.NewDNS(t, world())
	d.text = d.config()
	f := &frail{desk: d, arm: arm, settled: map[string]int{}}
	f.storage = func(o *store.Options) { o.FS, o.SegmentSize = f.disk, 8<<10 }
	f.boot()
	return f
}

// boot starts the server until it starts.
func (f *frail) boot() {
	f.Helper()
	cfg, err := config.Parse(f.dir+"/config.toml", []byte(f.text))
	if err != nil {
		f.Fatal(err)
	}
	for range 5 {
		f.disk = testkit.NewDisk(f)
		if f.arm != nil {
			f.arm(f.lives, f.disk)
		}
		f.lives++
		f.srv, err = server.Start(context.Background(), server.Options{
			Config: cfg, Resolver: f.dns.Resolver(), Now: f.now, After: f.alarm.after, Store: f.storage})
		if err == nil {
			f.Cleanup(func() { _ = f.srv.Close() })
			f.settle()
			return
		}
		f.faults = append(f.faults, err.Error())
		f.darken()
	}
	f.Fatalf("it does not start any more: %v", err)
}

// darken loses what was not synced.
func (f *frail) darken() {
	if f.rng == nil {
		return
	}
	if err := f.disk.PowerOffCopy("", "", f.rng); err != nil {
		f.Fatal(err)
	}
}

// settle remembers what is on record as delivered: it must not come again.
func (f *frail) settle() {
	f.Helper()
	if f.lives == 1 {
		return
	}
	for _, row := range f.outbox() {
		if row.State == store.Delivered {
			f.settled[row.MessageID] = f.came()[row.MessageID]
		}
	}
}

// came counts the mails of both sinks by Message-ID.
func (f *frail) came() map[string]int {
	n := map[string]int{}
	for _, s := range []*testkit.Sink{f.customers, f.agents} {
		for _, m := range s.Mails() {
			n[parse(f.T, m).id()]++
		}
	}
	return n
}

// revive starts the server again if it has stopped.
func (f *frail) revive() {
	f.Helper()
	select {
	case err := <-f.srv.Fatal():
		f.faults = append(f.faults, err.Error())
	case <-time.After(2 * time.Millisecond):
		return
	}
	_ = f.srv.Close() // the disk failed: closing says so again
	f.darken()
	f.boot()
}

// hand gives a mail to the MX as a mail server does: again and again until it is taken.
func (f *frail) hand(from, to, mail string) {
	f.Helper()
	for end := time.Now().Add(wait); time.Now().Before(end); f.revive() {
		err := f.try(from, to, mail)
		if err == nil {
			f.accepted = append(f.accepted, crlf(mail))
			return
		}
		var e *textproto.Error
		if errors.As(err, &e) && e.Code >= 500 {
			f.Fatalf("a failing disk is no reason for %v", err)
		}
	}
	f.Fatalf("%s can't hand over the mail", from)
}

func (f *frail) try(from, to, mail string) error {
	c, err := smtp.Dial(f.srv.Addr("mx"))
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.Hello("mx.client.example"); err != nil {
		return err
	}
	return transact(c, from, []string{to}, mail)
}

// awaits waits for the first mail to a person that is like this.
func (f *frail) awaits(p *person, like func(received) bool) received {
	f.Helper()
	for end := time.Now().Add(wait); time.Now().Before(end); f.revive() {
		for _, m := range p.mailbox() {
			if got := parse(f.T, m); like(got) {
				return got
			}
		}
	}
	f.Fatalf("%s waits in vain", p)
	return received{}
}

// rests waits until all has gone out, and starts the server once more: what was
// lost in memory only would be missed then.
func (f *frail) rests() {
	f.Helper()
	for end := time.Now().Add(wait); time.Now().Before(end); f.revive() {
		waiting := 0
		for _, row := range f.outbox() {
			if row.State != store.Delivered {
				waiting++
			}
		}
		if waiting == 0 {
			break
		}
	}
	if err := f.srv.Close(); err != nil && len(f.faults) == 0 && f.disk.Failed() {
		f.faults = append(f.faults, err.Error())
	}
	f.arm = nil
	f.boot()
}

// converse is the whole way: a mail in, its acknowledgement, the agent's copy, the agent's reply, out.
func (f *frail) converse() {
	f.Helper()
	jean, anne := f.jean(), f.anne()
	f.hand(jean.address, generic, jean.mail(generic, "Une question", "Le four est froid.\n"+strings.Repeat("Rien ne chauffe.\n", 100)))
	copy := f.awaits(anne, func(received) bool { return true })
	to, reply := replyTo(copy, anne.String(), "Redémarrez-le.\n")
	f.hand(anne.address, to, anne.dated(reply))
	f.awaits(jean, func(m received) bool { return strings.Contains(m.text(), "Redémarrez") })
	f.rests()
}

// balances is the ledger: what got a 250 is kept once and is a message once, one acknowledgement was
// written, and everything arrived, once more only if the record of its delivery was lost with the disk.
func (f *frail) balances() {
	f.Helper()
	kept := f.kept()
	for _, mail := range f.accepted {
		if n := kept[sha256.Sum256([]byte(mail))]; n != 1 {
			f.Errorf("a mail that got 250 is kept %d times", n)
		}
	}
	if got := f.messages(10000); f.tickets() != 1 || got != "in out" || len(f.held()) != 0 {
		f.Errorf("%d tickets, messages %q, %d held", f.tickets(), got, len(f.held()))
	}
	if n := len(f.happened(10000, ticket.Acknowledged)); n != 1 {
		f.Errorf("%d acknowledgements", n)
	}
	came := f.came()
	for _, row := range f.outbox() {
		n := came[row.MessageID]
		delete(came, row.MessageID)
		if n < 1 || n > f.lives-1 {
			f.Errorf("the %s came %d times in %d lives", row.Purpose, n, f.lives-1)
		}
		if was, ok := f.settled[row.MessageID]; ok && n != was {
			f.Errorf("the %s was on record as delivered %d times and came %d times", row.Purpose, was, n)
		}
	}
	if len(came) > 0 {
		f.Errorf("mails came that are on no record: %v", came)
	}
	if err := f.srv.Store.Verify(f.Context(), func(s string) { f.Error(s) }); err != nil {
		f.Error(err)
	}
}

// kept counts the raw mails of the store.
func (f *frail) kept() map[[sha256.Size]byte]int {
	kept := map[[sha256.Size]byte]int{}
	f.view(func(tx store.ReadTx) error {
		for id := store.MailID(1); ; id++ {
			m, err := tx.Mail(id)
			if errors.Is(err, store.ErrNotFound) {
				return nil
			} else if err != nil {
				return err
			}
			kept[m.SHA256()]++
			if err := store.CheckMail(m); err != nil {
				return err
			}
		}
	})
	return kept
}

// diskFault is how a disk fails.
type diskFault struct {
	name string
	err  error
	kind string // one kind of calls only, "" is all that change something
}

func diskFaults() []diskFault {
	return []diskFault{
		{name: "EIO", err: syscall.EIO}, {name: "ENOSPC", err: syscall.ENOSPC}, {name: "short write", err: io.ErrShortWrite},
		{name: "open", err: syscall.EIO, kind: "open"}, {name: "close", err: syscall.EIO, kind: "close"},
	}
}

// strike lets the n-th call fail. Files are opened and closed when the server starts again: it stops
// in the middle of the conversation for that.
func (x diskFault) strike(life int, d *testkit.Disk, n int) {
	switch {
	case x.kind == "" && life == 0:
		d.FailAt(n, x.err)
	case x.kind != "" && life == 0:
		d.FailAt(30, x.err)
	case x.kind != "" && life == 1:
		d.FailKind(x.kind, n, x.err)
	}
}

// life is the one in which the n-th call fails.
func (x diskFault) life() int {
	if x.kind != "" {
		return 1
	}
	return 0
}

// Threats 9, 10 and 39: whichever call to the journal's disk fails, in the whole conversation, the server stops
// or says 4xx; started again, it has lost and doubled nothing. Every stride-th call is tried, until
// one is beyond the end of the conversation.
func TestEveryDiskCallOfAConversationFails(t *testing.T) {
	t.Parallel()
	for k, fault := range diskFaults() {
		t.Run(fault.name, func(t *testing.T) {
			for n := 1 + k%diskStride; ; n += diskStride {
				struck := false
				t.Run(fmt.Sprint("call ", n), func(t *testing.T) { struck = conversationWith(t, fault, n) })
				if !struck || t.Failed() {
					break
				}
			}
		})
	}
}

// conversationWith has the conversation while the n-th call fails, and says whether one did.
func conversationWith(t *testing.T, fault diskFault, n int) (struck bool) {
	var disk *testkit.Disk
	f := newFrail(t, func(life int, d *testkit.Disk) {
		fault.strike(life, d, n)
		if life == fault.life() {
			disk = d
		}
	})
	if n%2 == 0 {
		f.rng = rand.New(rand.NewPCG(uint64(n), 1))
	}
	f.converse()
	f.balances()
	struck = disk.Failed()
	if struck && fault.name == "EIO" && len(f.faults) == 0 {
		t.Error("the disk failed, and the server went on")
	}
	if t.Failed() {
		t.Logf("ends: %q\n%s", f.faults, strings.Join(disk.Log(), "\n"))
	}
	return struck
}

// The disk fails again while the server recovers from the first fault.
func TestTheDiskFailsTwice(t *testing.T) {
	t.Parallel()
	for n := 8; ; n += 5 * diskStride {
		struck := true
		for again := 1; again <= 3 && struck && !t.Failed(); again++ {
			t.Run(fmt.Sprint("call ", n, ", then ", again), func(t *testing.T) {
				f := newFrail(t, func(life int, d *testkit.Disk) {
					switch life {
					case 0:
						d.FailAt(n, syscall.EIO)
					case 1:
						d.FailAt(again, syscall.EIO)
					}
				})
				f.rng = rand.New(rand.NewPCG(uint64(n), uint64(again)))
				f.converse()
				f.balances()
				struck = len(f.faults) > 0
			})
		}
		if !struck || t.Failed() {
			break
		}
	}
}
