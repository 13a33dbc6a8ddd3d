package relay

import (
	"bufio"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"postdesk/internal/testkit"
	"postdesk/store"
)

// puppet is a server that offers PIPELINING and hears MAIL, RCPT and DATA before it
// answers any of them.
type puppet struct {
	addr    string
	running sync.WaitGroup

	mu    sync.Mutex
	lines []string // its answers to the next transaction, packet by packet; "" hangs up
	dot   string   // its answer to the final dot of that one
	heard []string // what was said on all connections; of a mail, its lines
}

func newPuppet(t *testing.T, dot string, packets ...string) *puppet {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &puppet{addr: ln.Addr().String(), lines: packets, dot: dot}
	p.running.Go(func() {
		for nc, err := ln.Accept(); err == nil; nc, err = ln.Accept() {
			p.running.Go(func() {
				defer nc.Close()
				p.talk(nc, bufio.NewReader(nc))
			})
		}
	})
	t.Cleanup(func() {
		ln.Close()
		p.running.Wait()
	})
	return p
}

// said is what the puppet heard so far.
func (p *puppet) said() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.heard)
}

// behind is what it heard behind the first DATA.
func (p *puppet) behind() string {
	_, rest, _ := strings.Cut(strings.Join(p.said(), "\n")+"\n", "DATA\n")
	return rest
}

func (p *puppet) hear(r *bufio.Reader) (line string, ok bool) {
	line, err := r.ReadString('\n')
	if err != nil {
		return "", false
	}
	line = strings.TrimSuffix(line, "\r\n")
	p.mu.Lock()
	defer p.mu.Unlock()
	p.heard = append(p.heard, line)
	return line, true
}

func (p *puppet) talk(nc net.Conn, r *bufio.Reader) {
	reply := "220 puppet"
	recipients := 0
	for {
		if _, err := nc.Write([]byte(reply + "\r\n")); err != nil {
			return
		}
		line, ok := p.hear(r)
		for strings.HasPrefix(line, "MAIL") || strings.HasPrefix(line, "RCPT") {
			recipients += strings.Count(line[:4], "RCPT")
			line, ok = p.hear(r)
		}
		switch {
		case !ok:
			return
		case strings.HasPrefix(line, "EHLO"):
			reply = "250-puppet\r\n250 PIPELINING"
		case line == "DATA":
			if reply, ok = p.transaction(nc, r, recipients); !ok {
				return
			}
			recipients = 0
		default:
			reply = "250 2.0.0 ok"
		}
	}
}

// transaction answers MAIL, RCPT and DATA, and reads a mail when the last answer is
// 354. Without answers of its own it takes the mail. It gives the answer to the dot.
func (p *puppet) transaction(nc net.Conn, r *bufio.Reader, recipients int) (reply string, ok bool) {
	p.mu.Lock()
	packets, dot := p.lines, p.dot
	p.lines, p.dot = nil, ""
	p.mu.Unlock()
	if packets == nil {
		packets, dot = []string{strings.Repeat("250 2.0.0 ok\n", 1+recipients) + "354 go on\n"}, "250 2.0.0 taken"
	}
	all := ""
	for _, packet := range packets {
		if _, err := nc.Write([]byte(strings.ReplaceAll(packet, "\n", "\r\n"))); err != nil || packet == "" {
			return "", false
		}
		all += packet
	}
	if !strings.Contains(all, "354") {
		line, ok := p.hear(r)
		if line == "QUIT" {
			return "221 bye", ok
		}
		return "250 2.0.0 ok", ok
	}
	for line, ok := p.hear(r); line != "."; line, ok = p.hear(r) {
		if !ok {
			return "", false
		}
	}
	return dot, true
}

// mix is one of the ways in which MAIL, RCPT and DATA may be answered together.
type mix struct {
	name    string
	packets string // answers, a line each; \x00 behind them: the connection is cut
	dot     string
	want    []store.State // of a@, b@ after the first attempt
	text    string        // part of what the first row keeps
	behind  string        // what the server heard behind DATA: nothing of a mail, or "." alone, or all of it
	shifted bool          // told only when it comes in one packet
}

func mixes() []mix {
	const ready, failed, delivered = store.Ready, store.Failed, store.Delivered
	one := func(s store.State) []store.State { return []store.State{s} }
	return []mix{
		{name: "all yes", packets: "250 a\n250 b\n354 c\n", dot: "250 2.0.0 taken", want: one(delivered), text: "taken", behind: "mail"},
		{name: "MAIL 550, 503, 503", packets: "550 5.7.1 no\n503 b\n503 c\n", want: one(failed), text: "no"},
		{name: "MAIL 451, 503, 503", packets: "451 4.3.0 later\n503 b\n503 c\n", want: one(ready), text: "later"},
		{name: "MAIL 550, RCPT taken, 503", packets: "550 5.7.1 no\n250 b\n503 c\n", want: one(failed), text: "no"},
		{name: "MAIL 550, 503, 354", packets: "550 5.7.1 no\n503 b\n354 c\n", dot: "554 5.5.1 no recipients", want: one(failed), text: "no", behind: "."},
		{name: "MAIL 550, all else taken", packets: "550 5.7.1 no\n250 b\n354 c\n", dot: "250 taken", want: one(failed), text: "no", behind: "."},
		{name: "MAIL 451, 503, 354, and the dot is taken", packets: "451 4.3.0 later\n503 b\n354 c\n", dot: "250 taken", want: one(ready), text: "later", behind: "."},
		{name: "MAIL 421", packets: "421 4.3.2 bye\n", want: one(ready), text: "bye"},
		{name: "RCPT 550, 503", packets: "250 a\n550 5.1.1 gone\n503 c\n", want: one(failed), text: "gone"},
		{name: "RCPT 550, 554", packets: "250 a\n550 5.1.1 gone\n554 5.5.1 no valid recipients\n", want: one(failed), text: "gone"},
		{name: "RCPT 450, 554", packets: "250 a\n450 4.7.1 grey\n554 5.5.1 no valid recipients\n", want: one(ready), text: "grey"},
		{name: "RCPT 550, 421", packets: "250 a\n550 5.1.1 gone\n421 4.7.0 too many errors\n", want: one(failed), text: "gone"},
		{name: "RCPT 550, 503, and 421 unasked", packets: "250 a\n550 5.1.1 gone\n503 c\n421 4.7.0 too many errors\n", want: one(failed), text: "gone"},
		{name: "RCPT 550, 354", packets: "250 a\n550 5.1.1 gone\n354 c\n", dot: "554 5.5.1 no recipients", want: one(failed), text: "gone", behind: "."},
		{name: "RCPT 550, 354, and the dot is taken", packets: "250 a\n550 5.1.1 gone\n354 c\n", dot: "250 taken", want: one(failed), text: "gone", behind: "."},
		{name: "RCPT 450, 354, and the dot is taken", packets: "250 a\n450 4.7.1 grey\n354 c\n", dot: "250 taken", want: one(ready), text: "grey", behind: "."},
		{name: "RCPT 450, 354, and the answer to the dot is nothing", packets: "250 a\n450 4.7.1 grey\n354 c\n", want: one(ready), text: "grey", behind: "."},
		{name: "RCPT 550, 250", packets: "250 a\n550 5.1.1 gone\n250 c\n", want: one(ready), text: "not said yet"},
		{name: "RCPT 550, 354, and a yes too early", packets: "250 a\n550 5.1.1 gone\n354 c\n250 taken\n", want: one(ready), text: "not said yet", shifted: true},
		{name: "DATA 451", packets: "250 a\n250 b\n451 4.3.0 full\n", want: one(ready), text: "full"},
		{name: "DATA 554", packets: "250 a\n250 b\n554 5.6.0 never\n", want: one(failed), text: "never"},
		{name: "DATA 421", packets: "250 a\n250 b\n421 4.3.2 bye\n", want: one(ready), text: "bye"},
		{name: "DATA 250", packets: "250 a\n250 b\n250 c\n", want: one(ready), text: "not said yet"},
		{name: "a yes too early", packets: "250 a\n250 b\n354 c\n250 taken\n", want: one(ready), text: "not said yet", shifted: true},
		{name: "354 twice", packets: "250 a\n250 b\n354 c\n354 d\n", want: one(ready), text: "not said yet", shifted: true},
		{name: "garbage for DATA", packets: "250 a\n250 b\nhello\n", want: one(ready), text: "does not speak SMTP"},
		{name: "cut before all", packets: "\x00", want: one(ready), text: "EOF"},
		{name: "cut behind MAIL", packets: "250 a\n\x00", want: one(ready), text: "EOF"},
		{name: "cut behind MAIL 550", packets: "550 5.7.1 no\n\x00", want: one(failed), text: "no"},
		{name: "cut behind MAIL 451", packets: "451 4.3.0 later\n\x00", want: one(ready), text: "later"},
		{name: "two, cut behind MAIL 550 and an answer", packets: "550 5.7.1 no\n503 b\n\x00", want: []store.State{failed, failed}, text: "no"},
		{name: "cut behind RCPT", packets: "250 a\n250 b\n\x00", want: one(ready), text: "EOF"},
		{name: "cut behind RCPT 550", packets: "250 a\n550 5.1.1 gone\n\x00", want: one(failed), text: "gone"},
		{name: "cut in the answer to DATA", packets: "250 a\n250 b\n35\x00", want: one(ready), text: "EOF"},
		{name: "cut behind DATA 451", packets: "250 a\n250 b\n451 full\n\x00", want: one(ready), text: "full"},
		{name: "two, one refused", packets: "250 a\n250 b\n550 5.1.1 gone\n354 c\n", dot: "250 taken", want: []store.State{delivered, failed}, text: "taken", behind: "mail"},
		{name: "two, one refused, and DATA too", packets: "250 a\n450 4.7.1 grey\n250 b\n554 5.6.0 never\n", want: []store.State{ready, failed}, text: "grey"},
		{name: "two, both refused, 554", packets: "250 a\n450 4.7.1 grey\n550 5.1.1 gone\n554 5.5.1 none\n", want: []store.State{ready, failed}, text: "grey"},
		{name: "two, both refused, 354", packets: "250 a\n450 4.7.1 grey\n550 5.1.1 gone\n354 c\n", dot: "250 taken", want: []store.State{ready, failed}, text: "grey", behind: "."},
		{name: "two, and MAIL is answered twice", packets: "250 a\n250 a\n550 5.1.1 a is gone\n250 b\n354 c\n", want: []store.State{ready, ready}, text: "not said yet"},
		{name: "two, MAIL is answered twice, the second refused", packets: "250 a\n250 a\n250 a\n550 5.1.1 b is gone\n354 c\n", want: []store.State{ready, ready}, text: "not said yet", shifted: true},
	}
}

// However MAIL, RCPT and DATA are answered together, in one packet or an octet at a
// time: what was refused is not sent, a dot alone is no delivery, and what was
// refused for the moment arrives once later.
func TestEveryMixOfAnswersToAnEnvelope(t *testing.T) {
	for _, m := range mixes() {
		answers, cut := strings.CutSuffix(m.packets, "\x00")
		whole, octets := []string{answers}, strings.Split(answers, "")
		if cut {
			whole, octets = append(whole, ""), append(octets, "")
		}
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			m.play(t, whole)
		})
		if !m.shifted {
			t.Run(m.name+", an octet at a time", func(t *testing.T) {
				t.Parallel()
				m.play(t, octets)
			})
		}
	}
}

func (m *mix) play(t *testing.T, packets []string) {
	d := newDesk(t, func(o *Options) { o.Policy.Relay.ConnectionsPerHost = 1 })
	p := newPuppet(t, m.dot, packets...)
	d.net.put("192.0.2.1:25", p.addr)
	ids := d.put(mailText("x\r\n"), nil, []string{"a@example.net", "b@example.net"}[:len(m.want)]...)
	d.start()
	for i, id := range ids {
		row := d.until(id, "tried", func(r store.Outgoing) bool { return r.Attempts == 1 && r.State != store.Sending })
		if row.State != m.want[i] {
			t.Errorf("%s is %s, want %s: %+v", row.To, row.State, m.want[i], row)
		}
		if i == 0 && !strings.Contains(row.Text, m.text) {
			t.Errorf("row keeps %q", row.Text)
		}
		if row.State == store.Ready && !row.DataStarted.IsZero() {
			t.Errorf("a duplicate is thought possible: %+v", row)
		}
	}
	d.pass(2 * time.Minute)
	for i, id := range ids {
		if m.want[i] == store.Ready {
			d.untilState(id, store.Delivered)
		}
	}
	d.stop()
	m.check(t, p)
}

// check looks at what came behind the first DATA, and counts the mails.
func (m *mix) check(t *testing.T, p *puppet) {
	first, _, _ := strings.Cut(p.behind(), "\n")
	mail := strings.HasPrefix(first, "From: ")
	if (m.behind == "mail") != mail || (m.behind == ".") != (first == ".") {
		t.Errorf("behind DATA came %q", first)
	}
	want := 0
	for _, s := range []store.State{store.Delivered, store.Ready} {
		if slices.Contains(m.want, s) {
			want++
		}
	}
	if n := strings.Count(strings.Join(p.said(), "\n"), "From: Desk"); n != want {
		t.Errorf("%d mails arrived, want %d", n, want)
	}
}

// A server that refuses everybody and then lets us wait, for its answer to DATA or to the
// dot that ends no mail, has a worker no longer than all that comes before data, and has
// not answered.
func TestRefusalsDoNotHideThatAServerStalls(t *testing.T) {
	for name, answers := range map[string][2]string{
		"DATA": {"250 a\n450 4.7.1 grey\n354-wait\n"}, "the dot": {"250 a\n450 4.7.1 grey\n354 c\n", "250-wait"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for first := time.Second; first < patience; first *= 2 {
				d := newDesk(t, func(o *Options) {
					o.Timeouts.First, o.Timeouts.Data, o.Timeouts.Dot = first, time.Hour, time.Hour
				})
				d.net.put("192.0.2.1:25", newPuppet(t, answers[1], answers[0]).addr)
				id := d.put(mailText("x\r\n"), ack, "you@example.net")[0]
				d.start()
				row := d.untilTried(id, 1)
				d.stop()
				if row.Code == 0 {
					continue // on a busy machine the time was over before the refusal
				}
				if st := d.relay.sched.standings[hop{byMX, "example.net"}]; row.Text != "grey" || st != stalls {
					t.Errorf("standing %d, row %+v", st, row)
				}
				return
			}
			t.Error("nothing was refused")
		})
	}
}

// A server that does not offer PIPELINING is told a command at a time: none
// follows a refusal.
func TestDataIsNotSaidAheadWithoutPipelining(t *testing.T) {
	for _, at := range []testkit.Stage{testkit.AtMAIL, testkit.AtRCPT} {
		d := newDesk(t)
		sink := d.withSink(testkit.SinkOptions{Without: []string{"PIPELINING"}, Script: testkit.Script{at: {Reply: "550 5.1.1 no"}}})
		id := d.put(mailText("x\r\n"), nil, "a@example.net")[0]
		d.start()
		d.untilState(id, store.Failed)
		d.stop()
		said := sink.Commands()
		if i := slices.IndexFunc(said, func(line string) bool { return strings.HasPrefix(line, string(at)) }); slices.Contains(said, "DATA") || i != len(said)-2 {
			t.Errorf("refused at %s, the server was told %q", at, said)
		}
	}
}

// Without PIPELINING too, what a server that is out of step said of one recipient may be
// about another: nobody is given up for it.
func TestTwoAnswersToARecipientWithoutPipelining(t *testing.T) {
	d := newDesk(t)
	sink := d.withSink(testkit.SinkOptions{Without: []string{"PIPELINING"}, Script: testkit.Script{testkit.AtRCPT: {Reply: "550 5.1.1 gone\n250 2.1.5 ok", Times: 1}}})
	ids := d.put(mailText("x\r\n"), nil, "a@example.net", "b@example.net")
	d.start()
	for _, id := range ids {
		if row := d.untilTried(id, 1); !strings.Contains(row.Text, "not said yet") {
			t.Errorf("row: %+v", row)
		}
	}
	d.pass(2 * time.Minute)
	for _, id := range ids {
		d.untilState(id, store.Delivered)
	}
	if n := sink.Count(); n == 0 {
		t.Error("no mail")
	}
}

// Not even a dot that ends no mail is said before the outcome of the mail before is on
// record: it is the last thing that the other side would hear of that line.
func TestNoDotFollowsWhatIsNotOnRecord(t *testing.T) {
	engine := &forgetful{}
	d := newDesk(t, func(o *Options) {
		engine.Engine, o.Store = o.Store, engine
		o.Policy.Relay.ConnectionsPerHost = 1
	})
	sink := d.withSink(testkit.SinkOptions{Recipients: map[string]string{"b@example.net": "450 4.7.1 grey"},
		Script: testkit.Script{testkit.AtNobody: {Reply: "354 go on"}}})
	engine.row = d.put(mailText("x\r\n"), nil, "a@example.net")[0]
	next := d.put(mailText("y\r\n"), nil, "b@example.net")[0]
	d.start()
	d.untilTried(next, 1)
	d.stop()
	if said := sink.Commands(); sink.Count() != 1 || slices.Contains(said, "QUIT") || slices.Contains(said, ".") {
		t.Errorf("%d mails; the server was told %q", sink.Count(), said)
	}
}
