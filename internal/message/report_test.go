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

// A mail is sealed however its seal is told: by type, by file name, in a list's
// frame, or in the text.
func TestSealedMails(t *testing.T) {
	mixed := func(part string) string {
		return "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nhello\r\n--x\r\n" + part + "\r\n\r\nx\r\n--x--\r\n"
	}
	for raw, sealed := range map[string]bool{
		"\r\nx": false,
		"Content-Type: multipart/signed; boundary=x\r\n\r\n":                                                    true,
		"Content-Type: multipart/encrypted; boundary=x\r\n\r\n":                                                 true,
		"Content-Type: application/pkcs7-mime; smime-type=signed-data\r\n\r\n":                                  true,
		"Content-Type: application/x-pkcs7-mime; name=smime.p7m\r\n\r\n":                                        true,
		"Content-Type: application/octet-stream; name=SMIME.P7M\r\n\r\n":                                        true,
		"Content-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=smime.p7m\r\n\r\n": true,
		"Content-Type: application/octet-stream; name=report.p7\r\n\r\n":                                        false,
		"\r\n-----BEGIN PGP SIGNED MESSAGE-----\r\nx":                                                           true,
		"Subject: x\r\n\r\nhi\r\n-----BEGIN PGP MESSAGE-----\r\nx":                                              true,
		"\r\nsee below\r\n> -----BEGIN PGP SIGNED MESSAGE-----\r\n> x":                                          false,
		mixed("Content-Type: multipart/signed; boundary=y"):                                                     true,
		mixed("Content-Type: application/pgp-encrypted"):                                                        true,
		mixed("Content-Type: application/octet-stream; name=smime.p7m"):                                         true,
		mixed("Content-Type: message/rfc822\r\n\r\nContent-Type: application/pkcs7-mime"):                       false,
	} {
		if got := mustParse(t, raw).IsSealed(); got != sealed {
			t.Errorf("%q: %v", raw, got)
		}
	}
}

func TestCalendarMethod(t *testing.T) {
	for raw, method := range map[string]string{
		"\r\nx": "",
		"Content-Type: text/calendar; method=request\r\n\r\nBEGIN:VCALENDAR":     "REQUEST",
		"Content-Type: text/calendar\r\n\r\nBEGIN:VCALENDAR\r\nMETHOD:REPLY\r\n": "REPLY",
	} {
		if got := mustParse(t, raw).CalendarMethod(); got != method {
			t.Errorf("%q: %q", raw, got)
		}
	}
}
