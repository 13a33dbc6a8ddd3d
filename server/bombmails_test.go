package server_test

import (
	"fmt"
	"strings"
)

// bombMail is a mail that is made to be costly or to break something: fields beside
// From, To and Message-ID, then the body.
type bombMail struct{ fields, body string }

// bombMails makes one of each, of about size bytes.
func bombMails(size int) map[string]bombMail {
	all := map[string]bombMail{}
	for _, make := range []func(int) map[string]bombMail{structureBombs, headerBombs, textBombs, nameBombs} {
		for name, b := range make(size) {
			all[name] = b
		}
	}
	return all
}

// upTo repeats a piece to about size bytes.
func upTo(size int, piece string) string { return strings.Repeat(piece, max(1, size/len(piece))) }

func multipart(boundary string) string {
	return "MIME-Version: 1.0\r\nSubject: parts\r\nContent-Type: multipart/mixed; boundary=\"" + boundary + "\"\r\n"
}

func typed(mediaType string) string {
	return "MIME-Version: 1.0\r\nSubject: typed\r\nContent-Type: " + mediaType + "\r\n"
}

func structureBombs(size int) map[string]bombMail {
	var nested, prefixes strings.Builder
	for i := 0; nested.Len() < size; i++ {
		fmt.Fprintf(&nested, "--n%d\r\nContent-Type: multipart/mixed; boundary=n%d\r\n\r\n", i, i+1)
	}
	for i := 1; prefixes.Len() < size/2; i++ {
		prefixes.WriteString("--" + strings.Repeat("p", i) + "\r\n\r\nx\r\n")
	}
	const message = "Content-Type: message/rfc822\r\n\r\n"
	return map[string]bombMail{
		"nested multiparts":       {multipart("n0"), nested.String()},
		"nested messages":         {typed("message/rfc822"), upTo(size, message) + "x\r\n"},
		"empty parts":             {multipart("e"), upTo(size, "--e\r\n\r\n\r\n") + "--e--\r\n"},
		"boundaries that begin":   {multipart("p"), prefixes.String()},
		"a long boundary":         {multipart(strings.Repeat("l", 20_000)), "--" + strings.Repeat("l", 20_000) + "\r\n\r\nx\r\n"},
		"dashes for boundaries":   {multipart("-"), upTo(size, "--\r\n---\r\n")},
		"reports in reports":      {typed("multipart/report; boundary=r"), upTo(size, "--r\r\nContent-Type: message/delivery-status\r\n\r\nFinal-Recipient: rfc822; a@b\r\n\r\n")},
		"a line without end":      {"Subject: line\r\n", strings.Repeat("A", size) + "\r\n"},
		"line ends":               {"Subject: ends\r\n", strings.Repeat("\r\n", size/2)},
		"base64 of nothing":       {typed("text/plain") + "Content-Transfer-Encoding: base64\r\n", upTo(size, "====\r\n")},
		"quoted-printable spaces": {typed("text/plain") + "Content-Transfer-Encoding: quoted-printable\r\n", upTo(size, "= = =\r\n")},
		"gzip said to be text":    {typed("text/plain") + "Content-Encoding: gzip\r\nContent-Transfer-Encoding: base64\r\n", upTo(size, "H4sIAAAAAAAA/+zBMQEAAADCoPVPbQsvoAAA\r\n")},
	}
}

func headerBombs(size int) map[string]bombMail {
	head := min(size, 200<<10) // more is refused at once, and has a test of its own
	return map[string]bombMail{
		"fields":              {upTo(size, "X: y\r\n"), "x\r\n"},
		"fields of addresses": {upTo(size, "Cc: a@b.test\r\n"), "x\r\n"},
		"a list of addresses": {"Cc: " + upTo(head, "a@b.test,\r\n ") + "c@b.test\r\n", "x\r\n"},
		"folds":               {"Subject: a" + upTo(head, "\r\n a") + "\r\n", "x\r\n"},
		"a long field":        {"Subject: " + strings.Repeat("A", size) + "\r\n", "x\r\n"},
		"comments":            {"Reply-To: " + upTo(head/2, "(") + upTo(head/2, ")") + " eve@evil.test\r\n", "x\r\n"},
		"open comments":       {"Reply-To: " + upTo(head, "(a\\(") + "\r\n", "x\r\n"},
		"a domain literal":    {"Reply-To: eve@[" + upTo(head, "1") + "]\r\n", "x\r\n"},
		"references":          {"References: " + upTo(head, "<1@x.test>\r\n ") + "<2@x.test>\r\n", "x\r\n"},
		"encoded words":       {"Subject: " + upTo(head, "=?utf-8?q?a?=\r\n ") + "b\r\n", "x\r\n"},
		"open encoded words":  {"Subject: " + upTo(head, "=?utf-8?q?\r\n ") + "b\r\n", "x\r\n"},
		"parameters":          {typed("text/plain; " + upTo(head, "a*0*=x;\r\n b=c; ") + "charset=utf-8"), "x\r\n"},
		"line ends in words":  {"Subject: =?utf-8?q?a=0D=0ABcc:_v=40v.test=0D=0A?=\r\nReply-To: =?utf-8?b?YQ0KQmNjOiB2QHYudGVzdA==?= <eve@evil.test>\r\n", "x\r\n"},
		"directions":          {"Reply-To: \"\u202egro.ksed\u202c\" <eve@evil.test>\r\nSubject: \u202efdp.exe\u2028\r\n", "x\r\n"},
		"terminal":            {"Reply-To: \"\x1b]0;x\x07\" <eve@evil.test>\r\nSubject: \x1b[2J {\"level\":\"info\"}\r\n", "x\r\n"},
	}
}

func textBombs(size int) map[string]bombMail {
	html, plain := typed("text/html; charset=utf-8"), typed("text/plain; charset=utf-8")
	all := map[string]bombMail{
		"nested html":     {html, upTo(size, "<div><blockquote>\r\n")},
		"unclosed tables": {html, upTo(size, "<table><tr><td>\r\n")},
		"entities":        {html, upTo(size, "&amp;&#x41;&\r\n")},
		"scripts":         {html, "<svg><script>x()</script><style><!--</style><base href=//evil.test><img src=x onerror=x()>" + upTo(size, "<script><!--<script>\r\n")},
		"a forward":       {plain, upTo(size, "-----Original Message-----\r\nFrom: a@b.test\r\nTo: c@d.test\r\nSubject: x\r\n\r\n")},
		"attributions":    {plain, upTo(size, "Le 3 a:\r\nx\r\n")},
		"rulers":          {plain, upTo(size, "-----\r\n\r\n")},
		"commands":        {plain, upTo(size, "#tag +a\r\n")},
		"wrong commands":  {plain, upTo(size, "#nosuchthing a b\r\n")},
		"calendar":        {typed("text/calendar; method=REQUEST"), "BEGIN:VCALENDAR\r\n" + upTo(size, "BEGIN:VEVENT\r\nATTENDEE:mailto:a@b.test\r\n")},
		"calendar folds":  {typed("text/calendar; method=REPLY"), "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:a" + upTo(size, "\r\n a") + "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"},
		"flowed":          {typed("text/plain; format=flowed; delsp=yes"), upTo(size, "a \r\n")},
		"zip":             {typed("application/zip; name=\"a.zip\"") + "Content-Transfer-Encoding: base64\r\n", upTo(size, "UEsDBBQAAAAIAAAAIQAAAAAAAAAAAAAAAAAFAAAA\r\n")},
	}
	for _, charset := range []string{"utf-7", "utf-16", "utf-32", "iso-2022-jp", "hz-gb-2312", "x-user-defined", "../../etc/passwd", strings.Repeat("c", 5000)} {
		all["charset "+charset[:min(len(charset), 10)]] = bombMail{typed("text/html; charset=\"" + charset + "\""), upTo(size/8, "+ADw-script+AD4-\x1b$B!!\x1b(B~{\r\n")}
	}
	return all
}

func nameBombs(int) map[string]bombMail {
	all := map[string]bombMail{}
	for i, name := range hostileNames() {
		all[fmt.Sprintf("file name %d", i)] = bombMail{typed("application/octet-stream") + "Content-Disposition: attachment; " + name + "\r\n", "x\r\n"}
	}
	return all
}
