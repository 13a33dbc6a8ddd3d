package pipeline

import (
	"strings"
	"testing"

	"postdesk/internal/addr"
	"postdesk/internal/message"
	"postdesk/store"
)

func TestWhatADeliveryReportSays(t *testing.T) {
	const failed = "Final-Recipient: rfc822; Jean@client.example\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 no such\x1buser\n\n"
	report := func(fields ...string) string {
		return "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\nSorry.\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\n" +
			strings.Join(fields, "") + "--b--\n"
	}
	delayed := strings.Replace(failed, "failed", "delayed", 1)
	other := strings.Replace(failed, "Jean@client", "paul@client", 1)
	for name, c := range map[string]struct {
		mail string
		want bool
	}{
		"a failure":                   {report(failed), true},
		"a delay":                     {report(delayed), false},
		"another recipient's, of two": {report(other, delayed), false},
		"forwarded on":                {report(strings.Replace(failed, "Jean@client", "jean@elsewhere", 1)), true},
		"a receipt":                   {strings.ReplaceAll(report(failed), "delivery-status", "disposition-notification"), false},
		"qmail's words":               {"From: MAILER-DAEMON@mx.example\nSubject: failure notice\n\n<jean@client.example>:\nSorry, no such user. (#5.1.1)\n", true},
		"an answer of a person":       {"From: jean@client.example\nSubject: Absent\n\nBack on Monday, 550 mails to read.\n", false},
	} {
		m, err := message.Parse(message.BytesSource([]byte(c.mail)))
		if err != nil {
			t.Fatal(err)
		}
		got, ok := verdictOf(m, &store.Outgoing{To: addr.Address{Local: "jean", Domain: "client.example"}})
		if ok != c.want || strings.ContainsRune(got.Words, 0x1b) || ok && got.Status != "5.1.1" {
			t.Errorf("%s: %v %+v", name, ok, got)
		}
	}
}
