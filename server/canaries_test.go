package server_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"mime/quotedprintable"
	"strings"
	"unicode/utf16"
)

// The marks of two canary agents. What a program or a machine adds by itself must never be seen outside,
// wherever it stood; an address also where the agent typed it.
const (
	canaryAddress = "canari.privee@corp.example"
	canaryAlias   = "canari.alias@corp.example"
	canaryPeer    = "canari.collegue@corp.example"
	canaryLogin   = "canarilogin"
)

var canaryMarks = []string{canaryAddress, canaryAlias, canaryPeer, canaryLogin, "canarihost", "10.97.86.75", "canarimua", "canariorg", "canaribound", "canaricid",
	"canarithread", "canaricert", "canarikey", "canariprodid", "canariuser", "canarinote", "[== postdesk", "[==postdesk"}

// canaryAgents gives the two agents of the tests the marks.
func canaryAgents(config string) string {
	return strings.NewReplacer(`"anne.durand@corp.example"`, `"`+canaryAddress+`"`, `"a.durand@corp.example"`, `"`+canaryAlias+`"`,
		`"bruno.petit@corp.example"`, `"`+canaryPeer+`"`, `id = "anne"`, `id = "`+canaryLogin+`"`, `["anne", "bruno"]`, `["`+canaryLogin+`", "bruno"]`).Replace(config)
}

// canaryHeader is what clients and servers write into the header of a mail beside what counts.
var canaryHeader = []string{
	"Received: from canarihost (canarihost.corp.example [10.97.86.75])\n\t(Authenticated sender: canarilogin) by mail.corp.example with ESMTPSA",
	"User-Agent: CanariMUA/7.3 (Windows)", "X-Mailer: CanariMUA/7.3", "X-Originating-IP: [10.97.86.75]", "Organization: CanariOrg SARL",
	"Thread-Topic: canarithread", "Thread-Index: AdcanarithreadAAAA==", "Sender: canarilogin@corp.example", "Reply-To: " + canaryAlias,
	"X-Sender: canarilogin@canarihost", "Autocrypt: addr=" + canaryAddress + "; prefer-encrypt=mutual;\n keydata=" + strings.ReplaceAll(strings.TrimSpace(b64("canarikey "+canaryAddress)), "\n", "\n "),
	"X-MS-Exchange-Organization-AuthAs: canariuser", "Face: canariuser", "Content-Language: fr", "Importance: normal", "X-Antivirus: canarihost",
	"Disposition-Notification-To: " + canaryAddress, "Return-Receipt-To: " + canaryAlias, "Errors-To: " + canaryAlias, "Resent-From: " + canaryPeer, "Comments: canarihost", "Keywords: canariorg",
	"DKIM-Signature: v=1; a=rsa-sha256; d=canarihost; s=x; h=from; bh=AA==; b=AA==", "ARC-Seal: i=1; a=rsa-sha256; d=canarihost; s=x; cv=none; b=AA==", "List-Post: <mailto:" + canaryAlias + ">",
	"Content-Base: file:///C:/Users/canariuser/", "Content-Location: http://canarihost/",
}

// hiding is a way to write an address.
type hiding struct {
	name string
	hide func(address string) string
}

// inside cuts an address in the midst of its domain.
func cutAddress(a string, with string) string {
	local, domain, _ := strings.Cut(a, "@")
	return local[:4] + with + local[4:] + with + "@" + with + domain[:3] + with + domain[3:]
}

var hidings = []hiding{
	{"as it is", func(a string) string { return a }},
	{"upper case", strings.ToUpper},
	{"a link", func(a string) string { return "<mailto:" + a + ">" }},
	{"wrapped", func(a string) string { return strings.Replace(a, "@", "@\n", 1) }},
	{"wrapped in a quote", func(a string) string { return "> " + strings.Replace(a, ".", ".\n> > ", 1) }},
	{"entity", func(a string) string { return strings.Replace(a, "@", "&#64;", 1) }},
	{"entity by its name", func(a string) string {
		return strings.NewReplacer("@", "&commat;", ".", "&period;").Replace(a)
	}},
	{"percent", func(a string) string {
		return "http://x.example/?u=" + strings.NewReplacer("@", "%40", ".", "%2E").Replace(a)
	}},
	{"percent twice", func(a string) string { return "http://x.example/?u=" + strings.Replace(a, "@", "%2540", 1) }},
	{"zero width", func(a string) string { return cutAddress(a, "\u200b") }},
	{"soft hyphens", func(a string) string { return cutAddress(a, "\u00ad") }},
	{"no-break spaces", func(a string) string { return strings.Replace(a, "@", "\u00a0@\u202f", 1) }},
	{"spoken", func(a string) string { return strings.Replace(a, "@", " (at) ", 1) }},
	{"spoken in French", func(a string) string {
		return strings.Replace(a, "@corp.example", " arobase corp point example", 1)
	}},
}

// markup are ways to hide an address in HTML beside those.
var markup = []hiding{
	{"title", func(a string) string { return `<span title="` + a + `">x</span>` }},
	{"alt", func(a string) string { return `<img src="https://x.example/a.png" alt="` + a + `">` }},
	{"data", func(a string) string { return `<p data-owner="` + a + `" id="canariuser" class="canariuser">x</p>` }},
	{"link", func(a string) string {
		return `<a href="mailto:` + strings.Replace(a, "@", "%40", 1) + `?cc=` + canaryPeer + `">x</a>`
	}},
	{"link to a page", func(a string) string { return `<a href="https://x.example/?from=` + a + `&amp;n=1">x</a>` }},
	{"file", func(a string) string { return `<img src="file:///C:/Users/canariuser/` + a + `.png">` }},
	{"style", func(a string) string {
		return `<p style="background:url('mailto:` + a + `');mso-style-name:canariuser">x</p>`
	}},
	{"style sheet", func(a string) string {
		return `<style>/* canariuser ` + a + ` */ p.canariuser:after { content: "` + a + `" }</style>`
	}},
	{"comment", func(a string) string { return `<!-- canariuser ` + a + ` -->` }},
	{"conditional comment", func(a string) string {
		return `<!--[if gte mso 9]><xml><o:Author>canariuser ` + a + `</o:Author></xml><![endif]-->`
	}},
	{"revealed comment", func(a string) string { return `<![if !mso]>` + a + `<![endif]>` }},
	{"hidden", func(a string) string { return `<div style="display:none;font-size:0">` + a + `</div>` }},
	{"elements", func(a string) string { return cutAddress(a, "<b></b>") + " <i>" + cutAddress(a, "<wbr>") + "</i>" }},
	{"meta", func(a string) string {
		return `<meta name=Generator content="CanariMUA 7"><meta name=author content="` + a + `">`
	}},
	{"an input", func(a string) string { return `<input value="` + a + `"><textarea>` + a + `</textarea>` }},
	{"svg", func(a string) string { return `<svg><title>` + a + `</title><desc>` + a + `</desc></svg>` }},
	{"an object", func(a string) string {
		return `<object data="cid:canaricid@canarihost"><param value="` + a + `"></object>`
	}},
	{"cite", func(a string) string {
		return `<q cite="mid:1@canarihost">x</q><blockquote cite="mailto:` + a + `">x</blockquote>`
	}},
}

// calendarLines and cardLines are what a client puts into a component, and what it adds by itself.
func calendarLines(a string) string {
	return "ORGANIZER;CN=\"" + a + "\";SENT-BY=\"mailto:" + canaryPeer + "\":mailto:" + a + "\nATTENDEE;CN=Anne;X-CANARI=canarihost:MAILTO:" + strings.ToUpper(a) + "\nX-MS-OLK-SENDER:mailto:" + a +
		"\nX-CANARIMUA-HOST:canarihost\nLOCATION:chez " + a[:10] + "\n " + a[10:] + "\nCOMMENT:écrire à\\n" + a + "\nCONTACT:" + a + "\nURL:mailto:" + a +
		"\nBEGIN:VALARM\nACTION:EMAIL\nATTENDEE:mailto:" + a + "\nDESCRIPTION:" + a + "\nX-WR-ALARMUID:canarihost\nEND:VALARM\n"
}

func cardLines(a string) string {
	return "EMAIL;TYPE=work:" + a + "\nitem1.EMAIL:" + a[:7] + "\n " + a[7:] + "\nX-HOST:canarihost\nPRODID:CanariProdid\nREV:canarihost\nNOTE:login\\n" + a + "\nIMPP:xmpp:" + a + "\n"
}

// canaryPart is a part of a mail with marks in it.
type canaryPart struct{ name, header, body string }

// canaryParts are files and other parts that agents' programs attach. a is written in each.
func canaryParts(a string) []canaryPart {
	const b = "\nContent-Transfer-Encoding: base64"
	file := func(kind, name string) string {
		return "Content-Type: " + kind + "; name=" + name + "\nContent-Disposition: attachment; filename=" + name + b
	}
	calendar := "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//CanariProdid//FR\nMETHOD:PUBLISH\nX-WR-CALNAME:" + a + "\nBEGIN:VEVENT\nUID:1\nSUMMARY:Rendez-vous\n" + calendarLines(a) + "END:VEVENT\nEND:VCALENDAR"
	card := "BEGIN:VCARD\nVERSION:3.0\nFN:Anne\n" + cardLines(a) + "END:VCARD"
	inner := "Received: from canarihost by canarihost\nFrom: Anne <" + a + ">\nTo: " + canaryPeer + "\nMessage-ID: <1@canarihost>\nUser-Agent: CanariMUA\nSubject: ancien\nMIME-Version: 1.0\n"
	hidden := inner + "Content-Type: text/html\nContent-Transfer-Encoding: base64\n\n" + b64("<p>écrire à "+strings.Replace(a, "@", "&#64;", 1)+"</p>")
	return []canaryPart{
		{"contact", "Content-Type: text/vcard; charset=utf-8; name=anne.vcf\nContent-Description: canarihost\nContent-Location: file:///C:/Users/canariuser/a.vcf", card},
		{"contact, a file", file("application/octet-stream", "anne.vcf"), b64(card)},
		{"calendar", "Content-Type: text/calendar; charset=utf-8; method=PUBLISH", calendar},
		{"calendar, a file", file("application/octet-stream", "rdv.ics"), b64(calendar)},
		{"S/MIME signature", file("application/pkcs7-signature", "smime.p7s"), b64("\x30\x82canaricert " + a)},
		{"PGP signature", "Content-Type: application/pgp-signature; name=signature.asc", "-----BEGIN PGP SIGNATURE-----\nVersion: CanariMUA\nComment: canarikey\n\n" + b64("canarikey "+a) + "-----END PGP SIGNATURE-----"},
		{"PGP key", "Content-Type: application/pgp-keys; name=OpenPGP_0xCANARI.asc\nContent-Disposition: attachment; filename=OpenPGP_0xCANARI.asc", "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n" + b64("\x99\x01canarikey Anne <"+a+">") + "=abcd\n-----END PGP PUBLIC KEY BLOCK-----"},
		{"PGP key, a file", file("application/octet-stream", "cle.asc"), b64("-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n" + b64("\x99\x01 Anne <"+a+">") + "=abcd\n-----END PGP PUBLIC KEY BLOCK-----\n")},
		{"certificate, a file", file("application/x-x509-ca-cert", "anne.cer"), b64("-----BEGIN CERTIFICATE-----\n" + b64("0\x82 "+a) + "-----END CERTIFICATE-----\n")},
		{"winmail.dat", file("application/ms-tnef", "winmail.dat"), b64(winmail("plan.pdf", "%PDF plan", a))},
		{"winmail.dat, a mail in it", file("application/ms-tnef", "winmail.dat"), b64(winmail("vieux.eml", crlf(hidden), a))},
		{"a mail", "Content-Type: message/rfc822", inner + "\nécrire à " + a},
		{"a mail in a mail in a mail", "Content-Type: message/rfc822", inner + "Content-Type: message/rfc822\n\n" + inner + "Content-Type: message/rfc822\n\n" + hidden},
		{"a mail, a file", file("application/octet-stream", "vieux.eml"), b64(crlf(hidden))},
		{"a mail, encoded", "Content-Type: message/rfc822" + b, b64(crlf(hidden))},
		{"a mail in a file in a file", file("application/octet-stream", "tres-vieux.eml"), b64(crlf(inner + "Content-Type: application/octet-stream; name=vieux.eml" + b + "\n\n" + b64(crlf(hidden))))},
		{"a report", "Content-Type: message/delivery-status", "Reporting-MTA: dns; mx.example\n\nFinal-Recipient: rfc822; " + a + "\nAction: failed\nStatus: 5.0.0\n"},
		{"returned headers", "Content-Type: text/rfc822-headers", "From: " + a + "\nReceived: from x by y\nSubject: x\n"},
		{"text", file("text/plain; charset=utf-8", "lisez.txt"), b64("écrire à " + strings.Replace(a, "@", "@\u200b", 1))},
		{"text in UTF-16", file("text/plain; charset=utf-16le", "wide.txt"), b64(wide("écrire à " + a))},
		{"HTML in UTF-16", file("text/html; charset=utf-16", "wide.html"), b64("\xff\xfe" + wide("<p>"+strings.Replace(a, "@", "&#x40;", 1)+"</p>"))},
		{"HTML in UTF-16 that does not say so", file("application/octet-stream", "wide2.html"), b64("\xff\xfe" + wide("<p>"+strings.Replace(a, "@", "&#x40;", 1)+"</p>"))},
		{"HTML, a file", file("application/octet-stream", "page.html"), b64("<p>" + strings.Replace(a, "@", "&#64;", 1) + "</p>")},
		{"a table", file("text/csv", "liste.csv"), b64("nom;adresse\nAnne;" + a + "\n")},
		{"a name in pieces", "Content-Type: application/pdf" + b + "\nContent-Disposition: attachment; filename*0*=utf-8''" + strings.Replace(a, "@", "; filename*1*=%40", 1) + ".pdf", b64("%PDF")},
		{"a name in words", "Content-Type: application/pdf; name=\"=?utf-8?q?" + strings.Replace(a, "@", "?=\n =?utf-8?q?=40", 1) + "?=\"" + b + "\nContent-Disposition: attachment", b64("%PDF")},
		{"an image", "Content-Type: image/png; name=a.png; x-mac-creator=canariuser\nContent-ID: <canaricid.1@canarihost>\nContent-Description: canarihost\nX-Attachment-Id: canariuser\nContent-Location: canarihost" + b, b64("\x89PNG")},
		{"Office, its author", file("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "devis.docx"), b64(office(map[string]string{"docProps/core.xml": "<cp:coreProperties><dc:creator>" + a + "</dc:creator></cp:coreProperties>"}))},
		{"Office, its login", file("application/octet-stream", "devis.xlsx"), b64(office(map[string]string{"docProps/core.xml": "<cp:coreProperties><cp:lastModifiedBy>" + canaryLogin + "</cp:lastModifiedBy></cp:coreProperties>"}))},
		{"Office, who commented", file("application/octet-stream", "devis.pptx"), b64(office(map[string]string{"ppt/authors.xml": `<p188:author name="Anne" userId="S::` + a + `::1"/>`}))},
		{"OpenDocument", file("application/vnd.oasis.opendocument.text", "devis.odt"), b64(office(map[string]string{"meta.xml": "<office:meta><dc:creator>" + strings.Replace(a, "@", "&#64;", 1) + "</dc:creator></office:meta>"}))},
		{"archive, a name in it", file("application/zip", "tout.zip"), b64(office(map[string]string{a + ".txt": "x"}))},
		{"PDF", file("application/pdf", "a.pdf"), b64("%PDF-1.4\n1 0 obj\n<</Author (" + a + ") /Producer (x)>>\nendobj\n")},
		{"PDF, hexadecimal", file("application/pdf", "b.pdf"), b64("%PDF-1.4\n1 0 obj\n<</Author <FEFF" + hex.EncodeToString([]byte(widest(a))) + ">>>\nendobj\n")},
		{"PDF, its login", file("application/pdf", "c.pdf"), b64("%PDF-1.4\n1 0 obj\n<</Author (" + canaryLogin + ")>>\nendobj\n")},
		{"photograph", file("image/jpeg", "photo.jpg"), b64("\xff\xd8\xff\xe1\x00\x40Exif\x00\x00II*\x00 Artist\x00" + a + "\x00\xff\xd9")},
		{"photograph, wide", file("image/jpeg", "photo2.jpg"), b64("\xff\xd8\xff\xe1\x00\x40Exif\x00\x00MM*\x00\x00" + wide(a) + "\xff\xd9")},
	}
}

// qp is text as quoted-printable.
func qp(s string) string {
	var b bytes.Buffer
	w := quotedprintable.NewWriter(&b)
	_, _ = w.Write([]byte(s))
	_ = w.Close()
	return strings.ReplaceAll(b.String(), "\r\n", "\n")
}

// wide is text in UTF-16, little end first.
func wide(s string) string {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return string(b)
}

// widest is text in UTF-16, big end first.
func widest(s string) string {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.BigEndian.AppendUint16(b, u)
	}
	return string(b)
}

// office is a document that is an archive.
func office(files map[string]string) string {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range append([]string{"[Content_Types].xml"}, keys(files)...) {
		w, err := z.Create(name)
		if err == nil {
			_, err = fmt.Fprint(w, files[name]+strings.Repeat(" ", 300))
		}
		if err != nil {
			panic(err)
		}
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return b.String()
}

func keys(m map[string]string) (list []string) {
	for k := range m {
		list = append(list, k)
	}
	return list
}

// winmail is Outlook's envelope around one file, MS-OXTNEF 2.1.
func winmail(name, data, a string) string {
	attr := func(id uint32, v string) string {
		b := binary.LittleEndian.AppendUint32([]byte{2}, id)
		b = binary.LittleEndian.AppendUint32(b, uint32(len(v)))
		return string(b) + v + "\x00\x00"
	}
	return "\x78\x9f\x3e\x22\x01\x00" + attr(0x00068004, "canariuser "+a+"\x00") + attr(0x00069003, "X-CANARI: canarihost\x00") + attr(0x00069002, "xx") + attr(0x00018010, name+"\x00") + attr(0x0006800f, data)
}
