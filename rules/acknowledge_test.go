package rules

import (
	"slices"
	"strings"
	"testing"
	"time"

	"postdesk/internal/addr"
	"postdesk/internal/config"
)

func header(name, value string) func(*AckFacts) {
	return func(f *AckFacts) { f.Header = headerOf(map[string]string{name: value}) }
}

func target(local string) func(*AckFacts) {
	return func(f *AckFacts) {
		f.Target = addr.Address{Local: local, Domain: "client.test"}
		f.EnvelopeFrom = f.Target
		f.From = []addr.Address{f.Target}
	}
}

func subject(s string) func(*AckFacts) { return func(f *AckFacts) { f.Subject = s } }

var (
	support = addr.Address{Local: "support", Domain: "desk.test"}
	victim  = addr.Address{Local: "victim", Domain: "elsewhere.test"}
)

const sent = ReasonSent

// ackLines is the table line by line. Each case is a customer's first mail
// (humanMail) with one thing changed.
var ackLines = []struct {
	name   string
	change func(*AckFacts)
	line   int
	reason Reason
}{
	{"a customer writes", func(*AckFacts) {}, 0, sent},

	{"an answer in a ticket", func(f *AckFacts) { f.New = false }, 1, ReasonNotNew},
	{"the same mail again", func(f *AckFacts) { f.Duplicate = true }, 1, ReasonDuplicate},
	{"an agent's submission", func(f *AckFacts) { f.AgentSubmission = true }, 1, ReasonAgentSubmission},
	{"imported", func(f *AckFacts) { f.Imported = true }, 1, ReasonImported},
	{"Date four days old", func(f *AckFacts) { f.Date = f.Now.AddDate(0, 0, -4) }, 1, ReasonStale},
	{"Date two days old", func(f *AckFacts) { f.Date = f.Now.AddDate(0, 0, -2) }, 0, sent},
	{"Date a month ahead", func(f *AckFacts) { f.Date = f.Now.AddDate(0, 1, 0) }, 0, sent},
	{"no Date", func(f *AckFacts) { f.Date = time.Time{} }, 0, sent},
	{"arrived four days ago", func(f *AckFacts) { f.Arrival = f.Now.AddDate(0, 0, -4) }, 1, ReasonStale},

	{"MAIL FROM:<>", func(f *AckFacts) { f.EnvelopeFrom = addr.Address{} }, 2, ReasonNullSender},
	{"Return-Path: <>", header("Return-Path", " <> "), 2, ReasonNullSender},
	{"Return-Path: <jean@client.test>", header("Return-Path", "<jean@client.test>"), 0, sent},

	{"multipart/report", header("Content-Type", `multipart/report; report-type="delivery-status"; boundary=x`), 3, ReasonReport},
	{"multipart/report, broken parameters", header("Content-Type", `Multipart/Report; boundary="`), 3, ReasonReport},
	{"message/delivery-status", header("Content-Type", "message/delivery-status"), 3, ReasonReport},
	{"a report inside", func(f *AckFacts) { f.Report = true }, 3, ReasonReport},
	{"X-Failed-Recipients", header("X-Failed-Recipients", "a@b.test"), 3, ReasonAutoresponder},
	{"multipart/mixed", header("Content-Type", "multipart/mixed; boundary=x"), 0, sent},

	{"envelope sender is ours", func(f *AckFacts) { f.EnvelopeFrom = support }, 4, ReasonOwnAddress},
	{"From is ours", func(f *AckFacts) { f.From = []addr.Address{support} }, 4, ReasonOwnAddress},
	{"Reply-To is ours", func(f *AckFacts) { f.ReplyTo = []addr.Address{victim, support} }, 4, ReasonOwnAddress},
	{"target is ours", func(f *AckFacts) { f.Target = support }, 4, ReasonOwnAddress},
	{"our valid token", func(f *AckFacts) { f.OwnToken = true }, 4, ReasonOwnToken},
	{"an agent's address, not believed", func(f *AckFacts) { f.AgentClaimed = true }, 4, ReasonAgentNotBelieved},
	{"a colleague in our domain", func(f *AckFacts) {
		f.Target = addr.Address{Local: "compta", Domain: "desk.test"}
		f.EnvelopeFrom, f.From = f.Target, []addr.Address{f.Target}
	}, 0, sent},

	{"Auto-Submitted: auto-generated", header("Auto-Submitted", "auto-generated; owner-email=a@b.test"), 5, ReasonAutoSubmitted},
	{"Auto-Submitted: (no) auto-replied", header("Auto-Submitted", "(no) auto-replied"), 5, ReasonAutoSubmitted},
	{"Auto-Submitted, empty", header("Auto-Submitted", ""), 5, ReasonAutoSubmitted},
	{"Auto-Submitted: NO", header("Auto-Submitted", "NO"), 0, sent},
	{"Auto-Submitted: no; x=y", header("Auto-Submitted", "no; x=y"), 0, sent},
	{"Auto-Submitted: (a (nested) comment) no", header("Auto-Submitted", "(a (nested) comment) no"), 0, sent},

	{"Precedence: bulk", header("Precedence", "bulk"), 6, ReasonPrecedence},
	{"Precedence: auto_reply", header("Precedence", "auto_reply"), 6, ReasonPrecedence},
	{"X-Precedence: list", header("X-Precedence", "LIST"), 6, ReasonPrecedence},
	{"Precedence: normal", header("Precedence", "normal"), 0, sent},
	{"Precedence: first-class", header("Precedence", "first-class"), 0, sent},

	{"List-Owner", header("List-Owner", "<mailto:x@y.test>"), 7, ReasonList},
	{"List-Unsubscribe", header("List-Unsubscribe", "<https://y.test>"), 7, ReasonList},

	{"X-Auto-Response-Suppress: DR, OOF, AutoReply", header("X-Auto-Response-Suppress", "DR, OOF, AutoReply"), 8, ReasonSuppress},
	{"X-Auto-Response-Suppress: DR, NDR, RN, NRN", header("X-Auto-Response-Suppress", "DR, NDR, RN, NRN"), 0, sent},

	{"X-Autoresponder", header("X-Autoresponder", "x"), 9, ReasonAutoresponder},
	{"X-Mail-Autoreply", header("X-Mail-Autoreply", "x"), 9, ReasonAutoresponder},
	{"X-FC-MachineGenerated", header("X-FC-MachineGenerated", "true"), 9, ReasonAutoresponder},
	{"X-Cron-Env", header("X-Cron-Env", "<SHELL=/bin/sh>"), 9, ReasonAutoresponder},
	{"X-AMAZON-MAIL-RELAY-TYPE: NOTIFICATION", header("X-AMAZON-MAIL-RELAY-TYPE", "NOTIFICATION"), 9, ReasonAutoresponder},
	{"X-AMAZON-MAIL-RELAY-TYPE: other", header("X-AMAZON-MAIL-RELAY-TYPE", "other"), 0, sent},
	{"X-POST-MessageClass: 1", header("X-POST-MessageClass", "1; Normal"), 0, sent},
	{"Delivered-To: support@desk.test", header("Delivered-To", "support@desk.test"), 0, sent},

	{"X-Loop: other@desk", header("X-Loop", "other@desk"), 10, ReasonLoopHeader},
	{"X-OTRS-Loop", header("X-OTRS-Loop", "yes"), 10, ReasonLoopHeader},

	{"owner-news@", target("owner-news"), 11, ReasonSystemSender},
	{"norbert.playe@", target("norbert.playe"), 0, sent},

	{"METHOD:COUNTER", func(f *AckFacts) { f.CalendarMethod = "counter" }, 12, ReasonITIP},
	{"METHOD:CANCEL", func(f *AckFacts) { f.CalendarMethod = "CANCEL" }, 12, ReasonITIP},
	{"METHOD:REQUEST", func(f *AckFacts) { f.CalendarMethod = "REQUEST" }, 0, sent},

	{"spam", func(f *AckFacts) { f.Spam = true }, 13, ReasonSpam},
	{"malware", func(f *AckFacts) { f.Malware = true }, 13, ReasonMalware},
	{"DMARC fails, of a known contact", func(f *AckFacts) { f.Backed, f.DMARCFail, f.KnownTwoWay = false, true, true }, 13, ReasonUnauthenticated},
	{"nothing passes", func(f *AckFacts) { f.Backed = false }, 13, ReasonUnauthenticated},
	{"nothing passes, of a known contact", func(f *AckFacts) { f.Backed, f.KnownTwoWay = false, true }, 0, sent},
	{"the DNS could not be asked", func(f *AckFacts) { f.Backed, f.TempError = false, true }, 13, ReasonNotBacked},
	{"the DNS could not be asked, DKIM passed", func(f *AckFacts) { f.TempError = true }, 0, sent},

	{"signed mail sent again in a victim's name", func(f *AckFacts) {
		f.EnvelopeFrom, f.Target, f.EnvelopeAligned = victim, victim, false
	}, 14, ReasonNotAligned},
	{"a known contact's From, a victim's envelope", func(f *AckFacts) {
		f.EnvelopeFrom, f.Target, f.EnvelopeAligned, f.Backed, f.KnownTwoWay = victim, victim, false, false, true
	}, 14, ReasonNotAligned},
	{"envelope sender differs in case only", func(f *AckFacts) {
		f.EnvelopeFrom, f.EnvelopeAligned = addr.Address{Local: "Jean", Domain: "client.test"}, false
	}, 0, sent},

	{"no author", func(f *AckFacts) { f.From = nil }, 15, ReasonMalformed},
	{"two authors", func(f *AckFacts) { f.From = append(f.From, victim) }, 15, ReasonMalformed},
	{"LMTP without Return-Path", func(f *AckFacts) {
		f.NoReturnPath, f.EnvelopeFrom, f.Target = true, addr.Address{}, addr.Address{}
	}, 15, ReasonMalformed},
	{"hélène@ without SMTPUTF8", target("hélène"), 15, ReasonMalformed},
	{"hélène@ with SMTPUTF8", func(f *AckFacts) { target("hélène")(f); f.SMTPUTF8 = true }, 0, sent},

	{"we are in Bcc", func(f *AckFacts) { f.ToCcHasOurs = false }, 16, ReasonNotAddressed},

	{"50 Received", func(f *AckFacts) { f.Received = 50 }, 17, ReasonHopCount},
	{"49 Received", func(f *AckFacts) { f.Received = 49 }, 0, sent},

	{"our own acknowledgement", subject("Votre demande n°12345"), 18, ReasonAutoSubject},
	{"the answer to it", subject("Re: Votre demande n°12345"), 0, sent},

	{"the same text again", func(f *AckFacts) { f.SameContent = true }, 19, ReasonSameContent},

	{"acknowledged before", func(f *AckFacts) { f.Caps.Ticket = true }, 20, ReasonAcknowledged},
	{"five in the hour", capped(5, time.Hour/6, func(f *AckFacts, w *Window) { f.Caps.Address = w }), 20, ReasonCapAddress},
	{"four in the hour", capped(4, time.Hour/6, func(f *AckFacts, w *Window) { f.Caps.Address = w }), 0, sent},
	{"twenty in the day", capped(20, time.Hour, func(f *AckFacts, w *Window) { f.Caps.Address = w }), 20, ReasonCapAddress},
	{"a busy domain", capped(600, 5*time.Second, func(f *AckFacts, w *Window) { f.Caps.Domain = w }), 20, ReasonCapDomain},
	{"breaker", capped(300, 100*time.Millisecond, func(f *AckFacts, w *Window) { f.Caps.All = &Pulse{Window: *w} }), 20, ReasonBreaker},
	{"a slow loop", func(f *AckFacts) {
		f.Caps.All, f.Caps.Limits.Breaker = new(Pulse), config.Rate{N: 300, Per: time.Minute}
		for range 1000 {
			f.Caps.All.Add(f.Now.Add(-2 * time.Hour))
		}
	}, 20, ReasonBreaker},
	{"breaker, not closed again", func(f *AckFacts) { f.Caps.Tripped = true }, 20, ReasonBreaker},

	{"Feedback-ID alone", header("Feedback-ID", "1:2:3:esp"), 0, sent},
	{"a bulk mailer alone", header("X-Mailer", "BulkMailer 3"), 0, sent},

	{"the team wants none", func(f *AckFacts) { f.Off = true }, 0, ReasonOff},
}

func TestAcknowledgementTable(t *testing.T) {
	for _, c := range ackLines {
		t.Run(c.name, func(t *testing.T) {
			f := humanMail()
			c.change(f)
			ack := Acknowledge(f)
			if ack.Reason != c.reason || ack.Line != c.line || ack.Send != (c.reason == sent) {
				t.Errorf("send %v, %s, line %d; want %s, line %d", ack.Send, ack.Reason, ack.Line, c.reason, c.line)
			}
		})
	}
}

// capped lets n acknowledgements go out before the mail, one every interval.
func capped(n int, every time.Duration, place func(*AckFacts, *Window)) func(*AckFacts) {
	return func(f *AckFacts) {
		var w Window
		for i := n; i > 0; i-- {
			w.Add(f.Now.Add(-time.Duration(i) * every))
		}
		f.Caps.Limits = config.Acknowledge{
			PerAddress:    config.Rate{N: 5, Per: time.Hour},
			PerAddressDay: config.Rate{N: 20, Per: 24 * time.Hour},
			PerDomain:     config.Rate{N: 600, Per: time.Hour},
			Breaker:       config.Rate{N: 300, Per: time.Minute},
		}
		place(f, &w)
	}
}

// TestFirstLineWins: a mail that several lines match has the reason of the first.
func TestFirstLineWins(t *testing.T) {
	f := humanMail()
	f.Spam, f.SameContent = true, true
	f.Header = headerOf(map[string]string{"List-Id": "<x>", "Precedence": "bulk"})
	if ack := Acknowledge(f); ack.Reason != ReasonPrecedence || !ack.Suspect {
		t.Errorf("%+v", ack)
	}
}

// TestWhatBecomesOfTheMail is the column "Ticket" of the table.
func TestWhatBecomesOfTheMail(t *testing.T) {
	cases := []struct {
		name    string
		change  func(*AckFacts)
		ticket  Disposition
		suspect bool
		alarm   bool
	}{
		{"a customer writes", func(*AckFacts) {}, DispositionNormal, false, false},
		{"a bounce", func(f *AckFacts) { f.EnvelopeFrom = addr.Address{} }, DispositionEvent, false, false},
		{"a report", func(f *AckFacts) { f.Report = true }, DispositionEvent, false, false},
		{"a bounce that belongs to a ticket", func(f *AckFacts) { f.New, f.Report = false, true }, DispositionEvent, false, false},
		{"our generic address as sender", func(f *AckFacts) { f.From = []addr.Address{support} }, DispositionHeld, false, true},
		{"our own mail comes back", func(f *AckFacts) { f.From, f.OwnToken = []addr.Address{support}, true }, DispositionEvent, false, false},
		{"our address in Reply-To only", func(f *AckFacts) { f.ReplyTo = []addr.Address{support} }, DispositionNormal, false, false},
		{"an agent who is not believed", func(f *AckFacts) { f.AgentClaimed = true }, DispositionHeld, false, false},
		{"an agent in the team's name", func(f *AckFacts) { f.AgentSubmission, f.From = true, []addr.Address{support} }, DispositionNormal, false, false},
		{"a web form in our name, as a rule says", func(f *AckFacts) { f.Form, f.From = true, []addr.Address{support} }, DispositionNormal, false, false},
		{"forged", func(f *AckFacts) { f.Backed = false }, DispositionNormal, true, false},
		{"forged newsletter", func(f *AckFacts) { header("List-Id", "<x>")(f); f.Backed = false }, DispositionNormal, true, false},
		{"a loop on the direct MX", func(f *AckFacts) { f.Received = 60 }, DispositionRefuse, false, false},
		{"a loop through the frontend", func(f *AckFacts) { f.Received, f.Frontend = 60, true }, DispositionEvent, false, false},
		{"over the cap", capped(5, time.Minute, func(f *AckFacts, w *Window) { f.Caps.Address = w }), DispositionNormal, false, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f := humanMail()
			c.change(f)
			ack := Acknowledge(f)
			if ack.Ticket != c.ticket || ack.Suspect != c.suspect || ack.Alarm != c.alarm {
				t.Errorf("%+v", ack)
			}
		})
	}
}

// TestBreakerLetsAcknowledgementsWait: only the breaker's wait for an admin.
func TestBreakerLetsAcknowledgementsWait(t *testing.T) {
	f := humanMail()
	f.Caps.Tripped = true
	if ack := Acknowledge(f); !ack.Wait || ack.Send || !ack.Alarm {
		t.Errorf("%+v", ack)
	}
	f.Spam = true
	if ack := Acknowledge(f); ack.Wait {
		t.Errorf("spam waits for an acknowledgement: %+v", ack)
	}
}

func TestWeakSignalsAreCounted(t *testing.T) {
	f := humanMail()
	header("Feedback-ID", "x")(f)
	if ack := Acknowledge(f); !ack.Send || !ack.Weak {
		t.Errorf("%+v", ack)
	}
}

func TestFormAnswersTheVisitorOfTheSite(t *testing.T) {
	f := humanMail()
	f.Form = true
	f.EnvelopeFrom, f.From = support, []addr.Address{support}
	f.ReplyTo = []addr.Address{victim}
	f.Target = victim
	if ack := Acknowledge(f); !ack.Send {
		t.Errorf("%+v", ack)
	}
	f.Target = support
	if ack := Acknowledge(f); ack.Send {
		t.Error("acknowledged to ourselves")
	}
}

// TestForgedSendersGetNothing: without an aligned pass no state of the rest
// makes an acknowledgement go out.
func TestForgedSendersGetNothing(t *testing.T) {
	for bits := range 1 << 6 {
		f := humanMail()
		f.Backed = false
		on := func(i int) bool { return bits>>i&1 == 1 }
		f.DMARCFail, f.TempError, f.EnvelopeAligned = on(0), on(1), on(2)
		f.SMTPUTF8, f.Frontend, f.Form = on(3), on(4), on(5)
		if ack := Acknowledge(f); ack.Send || !ack.Suspect {
			t.Errorf("%06b: %+v", bits, ack)
		}
	}
}

func TestSystemSender(t *testing.T) {
	programs := `MAILER-DAEMON postmaster root daemon abuse listserv majordomo sympa mailman autoresponder bounce
		bounces bounces+1-a=b root+x owner-news news-owner news-request news-bounces news-bounces+u=x.test
		noreply no-reply no_reply no.reply NoReply noreply2 noreply-fr noreply+abc donotreply do-not-reply do_not_reply
		dont.no-reply nepasrepondre ne-pas-repondre ne-pas-répondre ne.pas.repondre no-repondre notifications-noreply`
	for _, local := range strings.Fields(programs) {
		if !SystemSender(local) {
			t.Errorf("%s is taken for a person", local)
		}
	}
	people := `jean norbert.playe abuselaw rootstock.fr requests bouncer owner ownership postmasters daemonic
		request casino.reply nora.reply reply norma.reply noreplying jean-ownership u+noreply mailmanuel`
	for _, local := range strings.Fields(people) {
		if SystemSender(local) {
			t.Errorf("%s is taken for a program", local)
		}
	}
}

func TestAutoSubjects(t *testing.T) {
	automatic := []string{
		"Automatic reply: Offer", "Auto-Reply: x", "Out of Office: x", "Out of the office", "[AUTO] x", "Undeliverable: x",
		"Undelivered Mail Returned to Sender", "Delivery Status Notification (Failure)", "Mail delivery failed: returning message to sender",
		"Réponse automatique : x", "Réponse automatique\u00a0: x", "REPONSE AUTOMATIQUE: x", "Re\u0301ponse automatique : x",
		"Réponse d’absence", "Absence du bureau", "Non remis : x", "Lu : votre message",
		"Abwesenheitsnotiz: x", "Automatische Antwort: x", "Unzustellbar: x",
		"Respuesta automática: x", "Fuera de la oficina: x",
		"Risposta automatica: x", "Fuori sede", "Fuori ufficio: x",
		"Automatisch antwoord: x", "Afwezigheidsbericht", "Autosvar: x", "Automatiskt svar: x", "Frånvaromeddelande",
		"Votre demande n°12345", "votre  demande nº12345", "Your request no. 77",
	}
	for _, s := range automatic {
		f := humanMail()
		f.Subject = s
		if !autoSubject(f) {
			t.Errorf("%q is taken for a person's", s)
		}
	}
	people := []string{
		"", "Bonjour", "Question sur la réponse automatique", "Re: Votre demande n°12345", "Votre demande de devis", "Your request",
		"Absence : attestation pour mon fils", "Auto: sinistre du 3 mai", "Delivery delayed", "Non reçu", "En vacances en août, livraison ?",
		"Undelivered parcel", "Lundi 3", "Readiness", "Letter",
	}
	for _, s := range people {
		f := humanMail()
		f.Subject = s
		if autoSubject(f) {
			t.Errorf("%q is taken for automatic", s)
		}
	}
}

func TestReasonsAreFewAndFixed(t *testing.T) {
	list := Reasons()
	if list[0] != ReasonSent || len(list) != 34 {
		t.Errorf("%d reasons: %v", len(list), list)
	}
	for i, r := range list {
		if strings.ContainsAny(string(r), " \"\n") || slices.Contains(list[:i], r) {
			t.Errorf("%q", r)
		}
	}
}

func FuzzAcknowledge(f *testing.F) {
	f.Add("Auto-Submitted", "no (x", "Bonjour", "jean")
	f.Add("Content-Type", "text/calendar; method=\"", "Réponse", "no-reply+\xff")
	f.Fuzz(func(t *testing.T, name, value, subject, local string) {
		facts := humanMail()
		facts.Header = func(n string) []string {
			if strings.EqualFold(n, name) {
				return []string{value}
			}
			return nil
		}
		facts.Subject, facts.Target.Local = subject, local
		if ack := Acknowledge(facts); ack.Send != (ack.Reason == ReasonSent) || !slices.Contains(Reasons(), ack.Reason) {
			t.Errorf("%+v", ack)
		}
	})
}
