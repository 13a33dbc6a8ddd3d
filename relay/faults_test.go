package relay

import (
	"strings"
	"testing"
	"time"

	"postdesk/internal/testkit"
	"postdesk/store"
)

// fault is a way in which a remote server misbehaves at the first attempt.
type fault struct {
	name   string
	script testkit.Script
	want   store.State // after the first attempt
	code   int
	text   string // part of what the row keeps
	sent   int    // mails that the server took at the first attempt, though we do not know
	twice  bool   // the mail arrives a second time: the only case where it may
}

func at(stage testkit.Stage, step testkit.Step) testkit.Script { return testkit.Script{stage: step} }

func faults() []fault {
	const ready, failed, delivered = store.Ready, store.Failed, store.Delivered
	say := func(s string) testkit.Step { return testkit.Step{Reply: s} }
	bye := func(s string) testkit.Step { return testkit.Step{Reply: s, Drop: true} }
	drop, stall := testkit.Step{Drop: true}, testkit.Step{Stall: true}
	garbage := testkit.Step{Reply: "\x00\xffHTTP/1.0 400 Bad Request"}
	return []fault{
		{name: "greeting 421", script: at(testkit.AtConnect, bye("421 4.3.2 not now")), want: ready, code: 421, text: "not now"},
		{name: "greeting 554 says nothing about a mail", script: at(testkit.AtConnect, bye("554 5.7.1 your network is not welcome")), want: ready, code: 554},
		{name: "greeting 521", script: at(testkit.AtConnect, bye("521 we take no mail")), want: ready, code: 521},
		{name: "greeting never comes", script: at(testkit.AtConnect, stall), want: ready, text: "timeout"},
		{name: "closed at once", script: at(testkit.AtConnect, drop), want: ready, text: "greeting: EOF"},
		{name: "greeting is garbage", script: at(testkit.AtConnect, garbage), want: ready, text: "does not speak SMTP"},
		{name: "greeting of 10 MB", script: at(testkit.AtConnect, testkit.Step{Reply: "220 hello", Big: 10 << 20}), want: ready, text: "too long"},
		{name: "greeting of 10 MB in one line", script: at(testkit.AtConnect, say("220 "+strings.Repeat("x", 10<<20))), want: ready, text: "too long"},
		{name: "greeting with another code", script: at(testkit.AtConnect, say("250 hello")), want: ready},
		{name: "EHLO 421", script: at(testkit.AtEHLO, bye("421 4.4.5 too busy")), want: ready, code: 421},
		{name: "EHLO dropped", script: at(testkit.AtEHLO, drop), want: ready},
		{name: "EHLO stalls", script: at(testkit.AtEHLO, stall), want: ready, text: "timeout"},
		{name: "EHLO 451", script: at(testkit.AtEHLO, say("451 4.3.0 hm")), want: ready, code: 451},
		{name: "EHLO unknown, HELO taken", script: at(testkit.AtEHLO, say("502 5.5.1 unknown command")), want: delivered, sent: 1},
		{name: "EHLO and HELO refused", script: testkit.Script{testkit.AtEHLO: say("550 bad name"), testkit.AtHELO: say("550 5.7.1 bad name")}, want: ready, code: 550},
		{name: "EHLO answer of garbage lines", script: at(testkit.AtEHLO, say("250-a\n250-\x00\x01\n250 \xff\xfe=;")), want: delivered, sent: 1},
		{name: "EHLO codes differ from line to line", script: at(testkit.AtEHLO, say("250-a\n550 b")), want: ready, text: "does not speak SMTP"},
		{name: "MAIL 421", script: at(testkit.AtMAIL, bye("421 4.7.0 later")), want: ready, code: 421},
		{name: "MAIL 451", script: at(testkit.AtMAIL, say("451 4.3.0 later")), want: ready, code: 451},
		{name: "MAIL 452 full", script: at(testkit.AtMAIL, say("452 4.3.1 disk full")), want: ready, code: 452},
		{name: "MAIL 550", script: at(testkit.AtMAIL, say("550 5.7.1 sender refused")), want: failed, code: 550, text: "sender refused"},
		{name: "MAIL 530 is our configuration's fault", script: at(testkit.AtMAIL, say("530 5.7.0 authenticate first")), want: ready, code: 530},
		{name: "MAIL dropped", script: at(testkit.AtMAIL, drop), want: ready},
		{name: "MAIL stalls", script: at(testkit.AtMAIL, stall), want: ready, text: "timeout"},
		{name: "MAIL garbage", script: at(testkit.AtMAIL, garbage), want: ready, text: "does not speak SMTP"},
		{name: "RCPT greylisted", script: at(testkit.AtRCPT, say("451 4.7.1 greylisted, come back")), want: ready, code: 451, text: "greylisted"},
		{name: "RCPT 450 full", script: at(testkit.AtRCPT, say("452 4.2.2 mailbox full")), want: ready, code: 452},
		{name: "RCPT 550", script: at(testkit.AtRCPT, say("550 5.1.1 no such user")), want: failed, code: 550, text: "no such user"},
		{name: "RCPT 421", script: at(testkit.AtRCPT, bye("421 4.7.0 too many")), want: ready, code: 421},
		{name: "RCPT dropped", script: at(testkit.AtRCPT, drop), want: ready},
		{name: "RCPT stalls", script: at(testkit.AtRCPT, stall), want: ready, text: "timeout"},
		{name: "RCPT 251 is a yes", script: at(testkit.AtRCPT, say("251 2.1.5 will forward")), want: delivered, sent: 1},
		{name: "RCPT with lines of control characters", script: at(testkit.AtRCPT, say("550-5.1.1 \x1b[2Jno\n550 5.1.1 user\r\x00")), want: failed, code: 550, text: "[2Jno user"},
		{name: "DATA 421", script: at(testkit.AtDATA, bye("421 4.3.0 bye")), want: ready, code: 421},
		{name: "DATA 451", script: at(testkit.AtDATA, say("451 4.3.0 later")), want: ready, code: 451},
		{name: "DATA 554", script: at(testkit.AtDATA, say("554 5.6.0 no")), want: failed, code: 554},
		{name: "DATA 250 is out of step", script: at(testkit.AtDATA, say("250 ok")), want: ready},
		{name: "DATA dropped", script: at(testkit.AtDATA, drop), want: ready},
		{name: "DATA stalls", script: at(testkit.AtDATA, stall), want: ready, text: "timeout"},
		{name: "dropped in the body", script: at(testkit.AtBody, drop), want: ready},
		{name: "421 in the body", script: at(testkit.AtBody, bye("421 4.3.0 shutting down")), want: ready},
		{name: "dot 451", script: at(testkit.AtDot, say("451 4.3.0 later")), want: ready, code: 451},
		{name: "dot 421", script: at(testkit.AtDot, bye("421 4.3.0 later")), want: ready, code: 421},
		{name: "dot 550", script: at(testkit.AtDot, say("550 5.7.1 looks like spam")), want: failed, code: 550, text: "looks like spam"},
		{name: "dot 552", script: at(testkit.AtDot, say("552 5.3.4 too big")), want: failed, code: 552},
		{name: "dot stalls", script: at(testkit.AtDot, stall), want: ready, text: "timeout"},
		{name: "dot garbage", script: at(testkit.AtDot, garbage), want: ready, text: "does not speak SMTP"},
		{name: "dropped before the dot's answer, not taken", script: at(testkit.AtDot, drop), want: ready},
		{name: "dropped after the dot, taken", script: at(testkit.AtDot, testkit.Step{Drop: true, Accept: true}), want: ready, sent: 1, twice: true},
		{name: "dot answered with 10 MB and taken", script: at(testkit.AtDot, testkit.Step{Reply: "250 ok", Big: 10 << 20, Accept: true}), want: delivered, code: 250, sent: 1},
		{name: "dot 251 is a yes", script: at(testkit.AtDot, say("251 2.0.0 fine")), want: delivered, code: 251, sent: 1},
		{name: "all answers are given at once", script: testkit.Script{testkit.AtConnect: say("220 hello\n250 a\n250 b\n250 c\n354 d\n250 taken"), testkit.AtBody: drop},
			want: ready, text: "not said yet"},
		{name: "EHLO is answered twice", script: at(testkit.AtEHLO, say("250 a\n250 b")), want: ready, text: "not said yet"},
		{name: "MAIL is answered twice", script: at(testkit.AtMAIL, say("250 a\n250 b")), want: ready, text: "not said yet"},
		{name: "RCPT is answered twice", script: at(testkit.AtRCPT, say("250 a\n250 b")), want: ready, text: "not said yet"},
		{name: "the dot is answered before the mail", script: testkit.Script{testkit.AtDATA: say("354 go on\n250 taken"), testkit.AtDot: say("451 4.3.0 no")},
			want: ready, text: "not said yet"},
		{name: "QUIT stalls", script: at(testkit.AtQUIT, stall), want: delivered, sent: 1},
	}
}

// TestFaults plays one attempt against a server that misbehaves, then one
// against the same server in good health. Each mail arrives once, but for the
// one whose answer was lost after the final dot; what was refused for good
// arrives never. It is the same mail, with the same Message-ID.
func TestFaults(t *testing.T) {
	for _, f := range faults() {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			f.play(t)
		})
	}
}

func (f *fault) play(t *testing.T) {
	d := newDesk(t, func(o *Options) { o.Timeouts = f.timeouts() })
	sink := d.withSink(testkit.SinkOptions{Script: f.script})
	id := d.put(mailText("x\r\n"), nil, "you@example.net")[0]
	d.start()
	row := d.until(id, "tried", func(r store.Outgoing) bool { return r.Attempts == 1 && r.State != store.Sending })
	if row.State != f.want {
		t.Fatalf("%s, want %s: %+v", row.State, f.want, row)
	}
	if f.code != 0 && row.Code != f.code || !strings.Contains(row.Text, f.text) {
		t.Errorf("row keeps %d %q", row.Code, row.Text)
	}
	if strings.ContainsAny(row.Text, "\x00\x1b\r\n") || len(row.Text) > 4*maxAnswerText {
		t.Errorf("text is not clean: %q", row.Text)
	}
	if sink.Count() != f.sent {
		t.Errorf("%d mails taken, want %d", sink.Count(), f.sent)
	}
	if (!row.DataStarted.IsZero() && row.State == store.Ready) != (sentDot(f)) {
		t.Errorf("DataStarted %v", row.DataStarted)
	}
	if f.want != store.Ready {
		return
	}
	if wait := row.Due.Sub(epoch); wait < 54*time.Second || wait > 66*time.Second {
		t.Errorf("next attempt after %v, want a minute within a tenth", wait)
	}
	sink.SetScript(nil)
	d.again()
	d.pass(2 * time.Minute)
	d.untilState(id, store.Delivered)
	mails := sink.Mails()
	if (len(mails) == 2) != f.twice {
		t.Errorf("%d mails arrived", len(mails))
	}
	for _, m := range mails {
		if string(m.Raw) != mailText("x\r\n") {
			t.Errorf("arrived as %q", m.Raw)
		}
	}
}

// timeouts are short where the server stalls, and nowhere else: a busy machine is no fault of the server's.
func (f *fault) timeouts() Timeouts {
	t := generous()
	for stage, limit := range map[testkit.Stage]*time.Duration{testkit.AtConnect: &t.Greeting, testkit.AtEHLO: &t.Command, testkit.AtMAIL: &t.Command,
		testkit.AtRCPT: &t.Command, testkit.AtDATA: &t.Data, testkit.AtDot: &t.Dot} {
		if f.script[stage].Stall {
			*limit = 300 * time.Millisecond
		}
	}
	return t
}

// sentDot says whether the answer to the final dot was lost: then, and only
// then, a duplicate is possible. A small mail and its dot are one segment, so
// that a server that goes in the middle of it may have had the dot.
func sentDot(f *fault) bool {
	if step, ok := f.script[testkit.AtBody]; ok {
		return step.Reply == "" && len(f.script) == 1
	}
	step, ok := f.script[testkit.AtDot]
	return ok && f.want == store.Ready && (step.Stall || step.Drop && step.Reply == "" || strings.HasPrefix(step.Reply, "\x00"))
}
