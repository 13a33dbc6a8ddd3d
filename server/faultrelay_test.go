package server_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"postdesk/internal/testkit"
	"postdesk/relay"
	"postdesk/store"
)

// trouble is one way in which a remote server misbehaves.
type trouble struct {
	name   string
	script testkit.Script
}

// troubles are all ways at all stages in which a server fails for the moment.
func troubles() (list []trouble) {
	add := func(name string, at testkit.Stage, step testkit.Step) {
		list = append(list, trouble{fmt.Sprintf("%s at %s", name, at), testkit.Script{at: step}})
	}
	for _, at := range []testkit.Stage{testkit.AtConnect, testkit.AtEHLO, testkit.AtMAIL, testkit.AtRCPT, testkit.AtDATA, testkit.AtDot, testkit.AtRSET, testkit.AtQUIT} {
		add("421", at, testkit.Step{Reply: "421 4.3.2 not now", Drop: true})
		add("451", at, testkit.Step{Reply: "451 4.7.1 greylisted"})
		add("garbage", at, testkit.Step{Reply: "\x00\xffHTTP/1.0 400 Bad Request"})
		add("control characters", at, testkit.Step{Reply: "451-4.3.0 \x1b[2J\x00\n451 4.3.0 \x07later\r"})
		add("a line of 10 MB", at, testkit.Step{Reply: "451 " + strings.Repeat("x", 10<<20)})
		add("10 MB of lines", at, testkit.Step{Reply: "451 4.3.0 later", Big: 10 << 20})
		add("lines without end", at, testkit.Step{Reply: "451 4.3.0 later", Big: math.MaxInt})
		add("different codes", at, testkit.Step{Reply: "451-a\n250 b"})
		add("drop", at, testkit.Step{Drop: true})
		add("stall", at, testkit.Step{Stall: true})
	}
	for _, x := range []struct {
		at   testkit.Stage
		good string
	}{{testkit.AtConnect, "220 a"}, {testkit.AtEHLO, "250 a"}, {testkit.AtMAIL, "250 a"}, {testkit.AtRCPT, "250 a"}, {testkit.AtDATA, "354 a"}, {testkit.AtDot, "250 a"}} {
		add("two answers", x.at, testkit.Step{Reply: x.good + "\n250 b"})
	}
	for _, reply := range []string{"354 a", "354 a\n250 b", "250 a", "421 4.3.2 not now", "yes"} {
		for _, at := range []testkit.Stage{testkit.AtMAIL, testkit.AtRCPT} {
			list = append(list, trouble{fmt.Sprintf("451 at %s, %q to DATA", at, reply), testkit.Script{at: {Reply: "451 4.7.1 greylisted"}, testkit.AtNobody: {Reply: reply}}})
		}
	}
	add("421", testkit.AtBody, testkit.Step{Reply: "421 4.3.0 bye", Drop: true})
	add("drop", testkit.AtBody, testkit.Step{Drop: true})
	add("stall", testkit.AtBody, testkit.Step{Stall: true})
	add("taken, and drop", testkit.AtDot, testkit.Step{Drop: true, Accept: true})
	add("taken, and garbage", testkit.AtDot, testkit.Step{Reply: "yes", Accept: true})
	add("taken, and lines without end", testkit.AtDot, testkit.Step{Reply: "250 ok", Big: math.MaxInt})
	return list
}

// impatient gives the relay little time, but for the answer to the final dot: were
// that one short, a slow machine would make a mail go twice.
func impatient(o *relay.Options) {
	o.Timeouts = relay.Timeouts{Greeting: time.Second, Command: time.Second, Data: time.Second, Block: time.Second,
		Dot: 10 * time.Second, Quit: 100 * time.Millisecond, Idle: time.Millisecond}
}

// plays has both remote servers misbehave while mails come in, stops postdesk at once
// after so many commands that they were told (0: not at all), and heals them.
func (l *ledger) plays(name string, x trouble, stopAfter int, again map[string]int) {
	d := l.d
	d.Helper()
	said := d.commands()
	for _, s := range []*testkit.Sink{d.customers, d.agents} {
		script := testkit.Script{}
		for at, step := range x.script {
			step.Times = 2
			script[at] = step
		}
		s.SetScript(script)
	}
	for i := range 2 {
		if err := l.sends(fmt.Sprintf("%s.%d", name, i), "client.example"); err != nil {
			d.Fatalf("%s: %v", x.name, err)
		}
	}
	if stopAfter > 0 {
		d.until("commands", func() bool { return d.commands() >= said+stopAfter || d.tried() })
		d.cut(again)
		d.start(d.text)
	}
	d.until("tried", d.tried)
	d.customers.SetScript(nil)
	d.agents.SetScript(nil)
	d.later(time.Hour)
	d.srv.Relay.Wake()
	d.drained()
}

// commands is how many the remote servers have heard.
func (d *desk) commands() int { return d.customers.Heard() + d.agents.Heard() }

// tried says whether every row of the outbox has had an attempt.
func (d *desk) tried() bool {
	for _, row := range d.outbox() {
		if row.State == store.Ready && row.Attempts == 0 || row.State == store.Sending {
			return false
		}
	}
	return true
}

// until waits for a condition.
func (d *desk) until(what string, ok func() bool) {
	d.Helper()
	pause := 2 * time.Millisecond
	for end := time.Now().Add(wait); time.Now().Before(end); time.Sleep(pause) {
		if ok() {
			return
		}
		pause = min(pause*5/4, 50*time.Millisecond) // some conditions cost a look at the whole outbox
	}
	d.Fatalf("not %s after %v", what, wait)
}

// Whatever the servers of customers and agents do, at whatever stage, and whenever
// postdesk is stopped meanwhile: each mail that was taken goes out, once, or more
// than once only where a line was dropped behind the final dot.
func TestRemoteServersMisbehave(t *testing.T) {
	t.Parallel()
	d := newDeskWith(t, nil, func(d *desk) { d.relay = impatient })
	l, again := d.ledger(), map[string]int{}
	all := troubles()
	for i := 0; i < len(all); i += 7 { // make torture plays all
		stop := 0
		if i%3 == 0 {
			stop = 1 + i%11
		}
		l.plays(fmt.Sprintf("m%d", i), all[i], stop, again)
	}
	l.balances(again)
}
