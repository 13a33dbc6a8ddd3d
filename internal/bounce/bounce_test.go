package bounce

import (
	"strings"
	"testing"

	"postdesk/internal/message"
)

func read(t testing.TB, mail string) []Verdict {
	t.Helper()
	m, err := message.Parse(message.BytesSource([]byte(mail)))
	if err != nil {
		t.Fatal(err)
	}
	return Read(m)
}

// report is a delivery report as RFC 3464 wants it.
func report(text string, fields ...string) string {
	return "From: MAILER-DAEMON@mx.example\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\n" + text +
		"\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\n" + strings.Join(fields, "\n\n") + "\n--b--\n"
}

func failed(address, status, diagnostic string) string {
	return "Final-Recipient: rfc822; " + address + "\nAction: failed\nStatus: " + status + "\nDiagnostic-Code: smtp; " + diagnostic
}

func TestWhatAReportSays(t *testing.T) {
	for name, c := range map[string]struct {
		mail string
		want []Outcome
	}{
		"no such user":                         {report("Sorry.", failed("a@x.example", "5.1.1", "550 5.1.1 <a@x.example>: user unknown")), []Outcome{Hard}},
		"full":                                 {report("Sorry.", failed("a@x.example", "5.2.2", "552 5.2.2 mailbox full")), []Outcome{Soft}},
		"the code says one, the words another": {report("Sorry.", failed("a@x.example", "5.1.1", "550 5.1.1 message refused: listed by a blocklist")), []Outcome{Soft}},
		"only a code":                          {report("Sorry.", failed("a@x.example", "5.1.10", "556")), []Outcome{Hard}},
		"refused after the data": {report("<a@x.example>: host mx said: 550 unknown user (in reply to end of DATA command)", failed("a@x.example", "5.0.0", "550 unknown user")),
			[]Outcome{Soft}},
		"a delay":                   {report("Later.", "Final-Recipient: rfc822; a@x.example\nAction: delayed\nStatus: 4.4.1"), []Outcome{Delayed}},
		"delivered":                 {report("Here.", "Final-Recipient: rfc822; a@x.example\nAction: relayed\nStatus: 2.0.0"), []Outcome{Delivered}},
		"two, and one of them full": {report("Sorry.", failed("a@x.example", "5.1.1", "550 user unknown"), failed("b@x.example", "5.2.2", "552 mailbox full")), []Outcome{Hard, Soft}},
		"the words are in the text only": {report("a@x.example: 550 user unknown\n\nb@x.example: 552 mailbox full\n", "Final-Recipient: rfc822; a@x.example\nAction: failed\nStatus: 5.0.0",
			"Final-Recipient: rfc822; b@x.example\nAction: failed\nStatus: 5.0.0"), []Outcome{Hard, Soft}},
		"prose":                     {"Subject: failure notice\n\nI could not deliver your message.\n\n<a@x.example>:\n550 no such user here\n\n--- Below this line is a copy of the message.\nmailbox full\n", []Outcome{Hard}},
		"prose about two":           {"Subject: failure notice\n\n<a@x.example>:\n552 mailbox full\n\n<b@x.example>:\nSorry, no such user.\n", []Outcome{Soft, Hard}},
		"prose, and only a warning": {"Subject: Delivery delayed\n\nThis is a warning message only.\nDelivery to a@x.example has been delayed.\n", []Outcome{Delayed}},
		"a vacation answer":         {"From: Jean <jean@client.example>\nSubject: Absent\nAuto-Submitted: auto-replied\n\nMy mailbox is full, I am back on Monday.\n", nil},
		"a complaint":               {"Content-Type: multipart/report; report-type=feedback-report; boundary=b\n\n--b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\n--b--\n", []Outcome{Complaint}},
		"a receipt":                 {"Content-Type: multipart/report; report-type=disposition-notification; boundary=b\n\n--b\nContent-Type: message/disposition-notification\n\nDisposition: manual-action/MDN-sent-manually; displayed\n--b--\n", nil},
	} {
		got := read(t, c.mail)
		if len(got) != len(c.want) {
			t.Errorf("%s: %+v, want %v", name, got, c.want)
			continue
		}
		for i := range got {
			if got[i].Outcome != c.want[i] {
				t.Errorf("%s: %+v, want %v", name, got, c.want)
			}
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(report("text", failed("a@x.example", "5.1.1", "550 no")))
	f.Add("\n\n----- Transcript of session follows -----\n550 <a@b>... Host unknown\n")
	f.Add("\n\nFinal-Recipient: rfc822; a@b\nAction: failed\n")
	f.Fuzz(func(t *testing.T, mail string) {
		for _, v := range read(t, mail) {
			if len(v.Words) > maxWords || strings.ContainsAny(v.Words, "\r\n") {
				t.Fatalf("words %q", v.Words)
			}
		}
	})
}
