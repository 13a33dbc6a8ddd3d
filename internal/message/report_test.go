package message

import (
	"path/filepath"
	"testing"
)

func TestDeliveryReport(t *testing.T) {
	raw := crlf(`From: MAILER-DAEMON@mx.test
Content-Type: multipart/report; report-type=delivery-status; boundary=x

--x

It failed.
--x
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.test

Final-Recipient: rfc822; jean@client.test
Original-Recipient: rfc822;<j@client.test>
Action: failed
Status: 5.1.1 (bad)
Remote-MTA: dns; mail.client.test
Diagnostic-Code: smtp; 550 5.1.1
  no such user

--x
Content-Type: message/rfc822

Message-ID: <1@desk.test>
Subject: x

y
--x--
`)
	r := mustParse(t, raw).Report()
	if r == nil || r.Kind != "delivery-status" || r.ReportingMTA != "mx.test" || r.OriginalID != "1@desk.test" || len(r.Recipients) != 1 {
		t.Fatalf("got %+v", r)
	}
	want := RecipientStatus{"jean@client.test", "j@client.test", "failed", "5.1.1", "550 5.1.1 no such user", "mail.client.test"}
	if r.Recipients[0] != want {
		t.Errorf("got %+v", r.Recipients[0])
	}
}

func TestReceiptAndComplaint(t *testing.T) {
	raw := crlf(`Content-Type: multipart/report; report-type=disposition-notification; boundary=x

--x

Read.
--x
Content-Type: message/disposition-notification

Final-Recipient: rfc822;jean@client.test
Original-Message-ID: <1@desk.test>
Disposition: manual-action/MDN-sent-manually; displayed

--x--
`)
	r := mustParse(t, raw).Report()
	if r == nil || r.Kind != "disposition-notification" || r.OriginalID != "1@desk.test" || r.Recipients[0].Action != "displayed" {
		t.Errorf("got %+v", r)
	}
	raw = crlf("Content-Type: multipart/report; report-type=feedback-report; boundary=x\n\n--x\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\n\n--x\nContent-Type: text/rfc822-headers\n\nMessage-ID: <2@desk.test>\n--x--\n")
	r = mustParse(t, raw).Report()
	if r == nil || r.Kind != "feedback-report" || r.Fields.Text("Feedback-Type") != "abuse" || r.OriginalID != "2@desk.test" {
		t.Errorf("got %+v", r)
	}
	if r := mustParse(t, "Subject: x\r\n\r\nx").Report(); r != nil {
		t.Errorf("got %+v", r)
	}
	attached := "Content-Type: multipart/mixed; boundary=y\r\n\r\n--y\r\nContent-Type: message/rfc822\r\n\r\n" + raw + "\r\n--y--\r\n"
	if r := mustParse(t, attached).Report(); r != nil {
		t.Errorf("a forwarded report is none: %+v", r)
	}
}

func TestReportsOfTheCorpora(t *testing.T) {
	mails, reports, withStatus := 0, 0, 0
	eachMail(t, filepath.Join(corpora(t), "sisimai-bounces"), func(name string, raw []byte) {
		mails++
		r := mustParse(t, string(raw)).Report()
		if r == nil {
			return
		}
		reports++
		if len(r.Recipients) > 0 && r.Recipients[0].FinalRecipient+r.Recipients[0].OriginalRecipient != "" {
			withStatus++
		}
	})
	t.Logf("%d mails, %d reports, %d with a recipient", mails, reports, withStatus)
	if withStatus < reports*8/10 {
		t.Errorf("only %d of %d reports have a recipient", withStatus, reports)
	}
}

func TestStructure(t *testing.T) {
	for _, c := range []struct {
		raw               string
		signed, encrypted bool
		method            string
	}{
		{"\r\nx", false, false, ""},
		{"Content-Type: multipart/signed; boundary=x\r\n\r\n", true, false, ""},
		{"Content-Type: multipart/encrypted; boundary=x\r\n\r\n", false, true, ""},
		{"Content-Type: application/pkcs7-mime; smime-type=signed-data\r\n\r\n", true, false, ""},
		{"Content-Type: application/x-pkcs7-mime; name=smime.p7m\r\n\r\n", false, true, ""},
		{"\r\n-----BEGIN PGP SIGNED MESSAGE-----\r\nx", true, false, ""},
		{"Subject: x\r\n\r\nhi\r\n-----BEGIN PGP MESSAGE-----\r\nx", false, true, ""},
		{"Content-Type: text/calendar; method=request\r\n\r\nBEGIN:VCALENDAR", false, false, "REQUEST"},
		{"Content-Type: text/calendar\r\n\r\nBEGIN:VCALENDAR\r\nMETHOD:REPLY\r\n", false, false, "REPLY"},
	} {
		m := mustParse(t, c.raw)
		if m.IsSigned() != c.signed || m.IsEncrypted() != c.encrypted || m.CalendarMethod() != c.method {
			t.Errorf("%q: %v %v %q", c.raw, m.IsSigned(), m.IsEncrypted(), m.CalendarMethod())
		}
	}
}
