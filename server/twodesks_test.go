package server_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"postdesk/internal/testkit"
)

// Two desks that know each other as customer and observer, with everything on
// that writes by itself: acknowledgements, forms, holding mails, updates,
// reminders, copies for observers. Nobody answers for ten days. With the marks
// kept next to nothing goes to and fro; through a relay that takes them all out
// the caps hold, of acknowledgements and of letters.
func TestTwoDesksWithLettersDoNotLoop(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		strip string
		most  int
	}{
		{"marks kept", `(?mi)^(Message-ID|Subject):.*\n`, 40},
		{"Auto-Submitted stripped", `(?mi)^(Message-ID|Subject|Auto-Submitted):.*\n`, 40},
		{"all marks stripped", `(?mi)^(Message-ID|Subject|Auto-Submitted|X-[\w-]+|In-Reply-To|References):.*\n`, 10 * 2 * 20},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a, b := lettersDesk(t, "relationclient@client.example", nil), lettersDesk(t, generic, func(text string) string {
				return strings.ReplaceAll(strings.ReplaceAll(text, "@example.com", "@client.example"), "mx.example.com", "mx.desk-b.example")
			})
			total := a.exchange(b, regexp.MustCompile(c.strip), 10)
			t.Logf("%d mails in all", total)
			if total > c.most {
				t.Errorf("%d mails in ten days, want at most %d", total, c.most)
			}
		})
	}
}

// lettersDesk is a desk that writes all letters, and has another one as observer
// of each request.
func lettersDesk(t *testing.T, other string, change func(string) string) *desk {
	d := newDesk(t, func(text string) string {
		text = withTimers(`first_reply = "1d"`, `update_every = "1d"`, `remind_customer = "1d"`)(asking(text))
		if change != nil {
			text = change(text)
		}
		return text + "\n[[rule]]\nname = \"both\"\nthen = { observe = [\"" + other + "\"] }\n"
	})
	if err := d.dns.Set("example.com", testkit.TXT("v=spf1 ip4:127.0.0.0/8 -all")); err != nil {
		t.Fatal(err)
	}
	route(d, "example.com")
	d.at("Mon 2030-11-18 10:00")
	return d
}

// exchange carries the mails of two desks to each other for some days, after a
// first one that a person wrote, and counts them.
func (d *desk) exchange(other *desk, strip *regexp.Regexp, days int) (total int) {
	const ours, theirs = generic, "relationclient@client.example"
	d.person("Relation Client", theirs).writes(ours, "Bonjour", "Une vraie question.\n")
	sent, sentOther := 0, 0
	for range days {
		d.timers()
		other.timers()
		for {
			d.drained()
			other.drained()
			mails, back := d.customers.Mails()[sent:], other.customers.Mails()[sentOther:]
			sent, sentOther = sent+len(mails), sentOther+len(back)
			for _, m := range mails {
				total++
				carry(d.T, m, other, theirs, strip, total)
			}
			for _, m := range back {
				total++
				carry(d.T, m, d, ours, strip, total)
			}
			if len(mails)+len(back) == 0 || total > 2000 {
				break
			}
			d.later(time.Minute)
			other.later(time.Minute)
		}
		d.later(24 * time.Hour)
		other.later(24 * time.Hour)
	}
	return total
}
