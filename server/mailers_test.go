package server_test

import (
	"html"
	"mime/quotedprintable"
	"regexp"
	"strings"
)

// mailer is how a mail program writes an answer: its lines, "" for an empty one, above the mail that
// is answered.
type mailer struct {
	name  string
	write func(lines []string, quoted received) (contentType, body string)
}

// mailers are the programs that agents use, each with what it is known for.
var mailers = []mailer{
	{"Outlook for Windows", outlookDesktop},
	{"Outlook on the web", outlookWeb},
	{"Outlook for iOS", outlookMobile},
	{"Gmail", gmail},
	{"Gmail for Android", gmailApp},
	{"Apple Mail", appleMail},
	{"iPhone", iPhone},
	{"Thunderbird", thunderbird},
	{"Thunderbird, text", thunderbirdText},
	{"Samsung", samsung},
	{"K-9", k9},
	{"Roundcube", roundcube},
	{"Yahoo", yahoo},
	{"Exchange, HTML alone", exchange},
	{"mutt", mutt},
	{"bold and lists", emphasised},
}

// each writes every line through a format with one %s, and an empty one as empty.
func each(lines []string, before, after, empty string) string {
	var b strings.Builder
	for _, l := range lines {
		if l == "" {
			b.WriteString(empty)
			continue
		}
		b.WriteString(before + autolinked(l) + after)
	}
	return b.String()
}

var typedAddress = regexp.MustCompile(`[\w.]+@[\w.]+\.\w+`)

// autolinked is a line as HTML, addresses as links.
func autolinked(line string) string {
	return typedAddress.ReplaceAllString(html.EscapeString(line), `<a href="mailto:$0">$0</a>`)
}

// echoed is a line as text with the links that Outlook writes behind addresses.
func echoed(lines []string) string {
	return typedAddress.ReplaceAllString(strings.Join(lines, "\n"), `$0<mailto:$0>`)
}

func quotedBy(m received, attribution string) string {
	return attribution + "\n> " + strings.ReplaceAll(strings.TrimRight(m.text(), "\n"), "\n", "\n> ") + "\n"
}

func quotedHTML(m received) string {
	return strings.ReplaceAll(html.EscapeString(m.text()), "\n", "<br>\n")
}

func alternativeOf(plain, html string) (contentType, body string) {
	return "multipart/alternative; boundary=b", part("Content-Type: text/plain; charset=utf-8", plain) + part("Content-Type: text/html; charset=utf-8", html) + "--b--\n"
}

const wroteFR = "Le sam. 21 nov. 2026 à 10:00, Jean Client (via Relation Client) a écrit :"

// headFR is the header that Outlook writes above a quote.
func headFR(m received, sep string) string {
	return strings.Join([]string{"De : Jean Client (via Relation Client) <" + m.token() + ">", "Envoyé : samedi 21 novembre 2026 10:00", "À : Anne Durand <anne.durand@corp.example>", "Objet : Une question [#10000]"}, sep)
}

func outlookDesktop(lines []string, m received) (string, string) {
	sig := "\n\nAnne Durand\nRelation Client\nTél. : +33 1 02 03 04 05\n\n"
	plain := echoed(lines) + sig + headFR(m, "\n") + "\n\n" + m.text()
	const p = `<p class=MsoNormal><span style='font-size:11.0pt;font-family:"Calibri",sans-serif;mso-fareast-language:EN-US'>`
	page := "<html xmlns:v=\"urn:schemas-microsoft-com:vml\" xmlns:o=\"urn:schemas-microsoft-com:office:office\"><head><meta http-equiv=Content-Type content=\"text/html; charset=utf-8\"><meta name=Generator content=\"Microsoft Word 15 (filtered medium)\"><style><!--\np.MsoNormal, li.MsoNormal, div.MsoNormal\n\t{margin:0cm;\n\tfont-size:11.0pt;}\n--></style></head><body lang=FR link=\"#0563C1\" vlink=\"#954F72\"><div class=WordSection1>" +
		each(lines, p, "<o:p></o:p></span></p>", "<p class=MsoNormal><span\nstyle='mso-fareast-language:EN-US'><o:p>&nbsp;</o:p></span></p>") +
		`<p class=MsoNormal><span style='mso-fareast-language:EN-US'><o:p>&nbsp;</o:p></span></p><p class=MsoNormal><a name="_MailAutoSig"><span style='color:#1F497D'>Anne Durand</span></a><span style='mso-bookmark:_MailAutoSig'><br>Relation Client<br>Tél.&nbsp;: +33 1 02 03 04 05<o:p></o:p></span></p>` +
		`<div><div style='border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm'><p class=MsoNormal><b>De&nbsp;:</b> Jean Client (via Relation Client) &lt;` + m.token() + `&gt; <br><b>Envoyé&nbsp;:</b> samedi 21 novembre 2026 10:00<br><b>À&nbsp;:</b> Anne Durand &lt;anne.durand@corp.example&gt;<br><b>Objet&nbsp;:</b> Une question [#10000]<o:p></o:p></p></div></div><p class=MsoNormal>` + quotedHTML(m) + `<o:p></o:p></p></div></body></html>`
	return alternativeOf(plain, page)
}

func outlookWeb(lines []string, m received) (string, string) {
	plain := echoed(lines) + "\n\nAnne Durand\nRelation Client\n________________________________\n" + headFR(m, "\n") + "\n\n" + m.text()
	const style = `style="font-family: Aptos, Aptos_EmbeddedFont, Calibri, sans-serif; font-size: 12pt; color: rgb(0, 0, 0);"`
	page := `<html><head><style type="text/css" style="display:none;"> P {margin-top:0;margin-bottom:0;} </style></head><body dir="ltr">` +
		each(lines, `<div class="elementToProof" `+style+">\r\n", "</div>\r\n", `<div class="elementToProof" `+style+"><br></div>\r\n") +
		`<div id="Signature"><div ` + style + `><br></div><p>Anne Durand</p><p>Relation Client</p></div><div id="appendonsend"></div><hr style="display:inline-block;width:98%" tabindex="-1"><div id="divRplyFwdMsg" dir="ltr"><font face="Calibri, sans-serif" style="font-size:11pt" color="#000000"><b>De&nbsp;:</b> Jean Client (via Relation Client) &lt;` + m.token() + `&gt;<br><b>Envoyé&nbsp;:</b> samedi 21 novembre 2026 10:00<br><b>À&nbsp;:</b> Anne Durand &lt;anne.durand@corp.example&gt;<br><b>Objet&nbsp;:</b> Une question [#10000]</font><div>&nbsp;</div></div><div>` + quotedHTML(m) + `</div></body></html>`
	return alternativeOf(plain, page)
}

func outlookMobile(lines []string, m received) (string, string) {
	plain := echoed(lines) + "\n\nObtenir Outlook pour iOS<https://aka.ms/o0ukef>\n________________________________\n" + headFR(m, "\n") + "\n\n" + m.text()
	page := `<html><head><meta http-equiv="Content-Type" content="text/html; charset=utf-8"></head><body>` +
		each(lines, `<div dir="ltr" style="font-family: Aptos; font-size: 12pt;">`, "</div>", `<div dir="ltr"><br></div>`) +
		`<div id="ms-outlook-mobile-signature"><div><br></div><div dir="ltr">Obtenir <a href="https://aka.ms/o0ukef">Outlook pour iOS</a></div></div><div id="mail-editor-reference-message-container" class="ms-outlook-mobile-reference-message"><hr style="display: inline-block; width: 98%;"><div class="ms-outlook-mobile-reference-message skipProofing"><b>De&nbsp;:</b> Jean Client &lt;` + m.token() + `&gt;<br><b>Envoyé&nbsp;:</b> samedi 21 novembre 2026 10:00<br><b>À&nbsp;:</b> Anne Durand<br><b>Objet&nbsp;:</b> Une question [#10000]</div><div>` + quotedHTML(m) + `</div></div></body></html>`
	return alternativeOf(plain, page)
}

func gmail(lines []string, m received) (string, string) {
	plain := strings.Join(lines, "\n") + "\n\n" + quotedBy(m, strings.Replace(wroteFR, " a écrit", "\n<"+m.token()+"> a écrit", 1))
	page := `<div dir="ltr">` + autolinked(lines[0]) + each(lines[1:], "<div>", "</div>", "<div><br></div>") + `</div><br><div class="gmail_quote gmail_quote_container"><div dir="ltr" class="gmail_attr">Le&nbsp;sam. 21 nov. 2026 à&nbsp;10:00, Jean Client (via Relation Client) &lt;<a href="mailto:` + m.token() + `">` + m.token() + `</a>&gt; a écrit&nbsp;:<br></div><blockquote class="gmail_quote" style="margin:0px 0px 0px 0.8ex;border-left:1px solid rgb(204,204,204);padding-left:1ex">` + quotedHTML(m) + "</blockquote></div>\n"
	return alternativeOf(plain, page)
}

func gmailApp(lines []string, m received) (string, string) {
	plain := strings.Join(lines, "\n") + "\n\n" + quotedBy(m, wroteFR)
	page := `<div dir="auto">` + autolinked(lines[0]) + each(lines[1:], `<div dir="auto">`, "</div>", `<div dir="auto"><br></div>`) + `</div><br><div class="gmail_quote"><div dir="ltr" class="gmail_attr">` + html.EscapeString(wroteFR) + `<br></div><blockquote class="gmail_quote">` + quotedHTML(m) + "</blockquote></div>\n"
	return alternativeOf(plain, page)
}

func appleMail(lines []string, m received) (string, string) {
	plain := strings.Join(lines, "\n") + "\n\n" + quotedBy(m, "> "+wroteFR)
	page := `<html><head><meta http-equiv="content-type" content="text/html; charset=utf-8"></head><body style="overflow-wrap: break-word; -webkit-nbsp-mode: space; line-break: after-white-space;">` +
		strings.TrimSuffix(each(lines, "", "<br>", "<br>"), "<br>") + `<br id="lineBreakAtBeginningOfMessage"><div><br><blockquote type="cite"><div>` + html.EscapeString(wroteFR) + `</div><br class="Apple-interchange-newline"><div><div>` + quotedHTML(m) + `</div></div></blockquote></div><br></body></html>`
	return alternativeOf(plain, page)
}

func iPhone(lines []string, m received) (string, string) {
	plain := strings.Join(lines, "\n") + "\n\nEnvoyé de mon iPhone\n\n" + quotedBy(m, "> "+wroteFR)
	page := `<html><head><meta http-equiv="content-type" content="text/html; charset=utf-8"></head><body dir="auto">` + autolinked(lines[0]) + each(lines[1:], "<div>", "</div>", "<div><br></div>") +
		`<div><br id="lineBreakAtBeginningOfSignature"><div dir="ltr">Envoyé de mon iPhone</div><div dir="ltr"><br><blockquote type="cite">` + html.EscapeString(wroteFR) + "<br><br></blockquote></div><blockquote type=\"cite\"><div dir=\"ltr\">\ufeff" + quotedHTML(m) + `</div></blockquote></div></body></html>`
	return alternativeOf(plain, page)
}

func thunderbird(lines []string, m received) (string, string) {
	plain := strings.Join(lines, "\n") + "\n\n" + quotedBy(m, "Le 21/11/2026 à 10:00, Jean Client (via Relation Client) a écrit :")
	page := `<!DOCTYPE html><html><head><meta http-equiv="Content-Type" content="text/html; charset=UTF-8"></head><body>` + each(lines, "<p>", "</p>\n    ", "<p><br>\n    </p>\n    ") +
		`<div class="moz-cite-prefix">Le 21/11/2026 à 10:00, Jean Client (via Relation Client) a écrit&nbsp;:<br></div><blockquote type="cite" cite="mid:` + m.id() + `">` + quotedHTML(m) + `</blockquote><pre class="moz-signature" cols="72">-- 
Anne Durand
Relation Client</pre></body></html>`
	return alternativeOf(plain, page)
}

func thunderbirdText(lines []string, m received) (string, string) {
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(flowed(l) + "\n")
	}
	return "text/plain; charset=utf-8; format=flowed; delsp=no", b.String() + "\n" + quotedBy(m, "Le 21/11/2026 à 10:00, Jean Client a écrit :") + "\n-- \nAnne Durand\n"
}

// flowed breaks a line at 40 characters, RFC 3676 §4.
func flowed(line string) string {
	var b strings.Builder
	n := 0
	for _, word := range strings.SplitAfter(line, " ") {
		if n > 0 && n+len(word) > 40 {
			b.WriteByte('\n')
			n = 0
		}
		b.WriteString(word)
		n += len(word)
	}
	return b.String()
}

func samsung(lines []string, m received) (string, string) {
	plain := strings.Join(lines, "\n") + "\n\nEnvoyé depuis mon appareil Galaxy\n\n-------- Message d'origine --------\n" + headFR(m, "\n") + "\n\n" + m.text()
	page := `<html><head><meta http-equiv="Content-Type" content="text/html; charset=UTF-8"></head><body dir="auto">` + each(lines, `<div dir="auto">`, "</div>", `<div dir="auto"><br></div>`) +
		`<div dir="auto"><br></div><div id="composer_signature" dir="auto"><div style="font-size:12px;color:#575757" dir="auto">Envoyé depuis mon appareil Galaxy</div></div><div dir="auto"><br></div><div><br></div><div align="left" dir="auto" style="font-size:100%;color:#000000"><div>-------- Message d'origine --------</div><div>De : Jean Client (via Relation Client) &lt;` + m.token() + `&gt; </div><div>Date : 21/11/2026  10:00  (GMT+01:00) </div><div>À : Anne Durand &lt;anne.durand@corp.example&gt; </div><div>Objet : Une question [#10000] </div><div><br></div></div>` + quotedHTML(m) + `</body></html>`
	return alternativeOf(plain, page)
}

func k9(lines []string, m received) (string, string) {
	sig := "-- \nEnvoyé de mon appareil Android avec K-9 Mail. Veuillez excuser ma brièveté."
	plain := strings.Join(lines, "\n") + "\n" + sig + "\n\n" + quotedBy(m, "Le 21 novembre 2026 10:00:00 GMT+01:00, Jean Client a écrit :")
	page := `<!DOCTYPE html><html><body>` + each(lines, "", "<br>", "<br>") + `-- <br>Envoyé de mon appareil Android avec K-9 Mail. Veuillez excuser ma brièveté.<br><br><div class="gmail_quote">Le 21 novembre 2026 10:00:00 GMT+01:00, Jean Client a écrit&nbsp;:<blockquote class="gmail_quote">` + quotedHTML(m) + `</blockquote></div></body></html>`
	return alternativeOf(plain, page)
}

func roundcube(lines []string, m received) (string, string) {
	plain := strings.Join(lines, "\n\n") + "\n\n" + quotedBy(m, "Le 2026-11-21 10:00, Jean Client a écrit :")
	page := `<html><head><meta http-equiv="Content-Type" content="text/html; charset=UTF-8" /></head><body style='font-size: 10pt; font-family: Verdana,Geneva,sans-serif'>` + each(lines, "<p>", "</p>\n", "<p><br /></p>\n") +
		`<div id="signature"></div><p id="reply-intro">Le 2026-11-21 10:00, Jean Client a écrit&nbsp;:</p><blockquote type="cite" style="padding: 0 0.4em; border-left: #1010ff 2px solid; margin: 0"><div id="replybody1">` + quotedHTML(m) + `</div></blockquote></body></html>`
	return alternativeOf(plain, page)
}

func yahoo(lines []string, m received) (string, string) {
	plain := " " + strings.Join(lines, "\n") + "\n\n    " + wroteFR + "  \n \n " + m.text()
	page := `<html><head></head><body><div class="ydp1a2b3c4dyahoo-style-wrap" style="font-family:Helvetica Neue, Helvetica, Arial, sans-serif;font-size:13px;"><div></div>` + each(lines, `<div dir="ltr" data-setdir="false">`, "</div>", `<div dir="ltr" data-setdir="false"><br></div>`) +
		`<div><br></div></div><div id="yahoo_quoted_1234567890" class="yahoo_quoted"><div style="font-size:13px;color:#26282a;"><div>` + html.EscapeString(wroteFR) + `</div><div><br></div><div><br></div>` + quotedHTML(m) + `</div></div></body></html>`
	return alternativeOf(plain, page)
}

func exchange(lines []string, m received) (string, string) {
	return "text/html; charset=utf-8", `<html><head><!-- converted from rtf --><style><!-- .EmailQuote { margin-left: 1pt; padding-left: 4pt; border-left: #800000 2px solid; } --></style></head><body><font face="Calibri" size="2"><span style="font-size:11pt;">` +
		each(lines, "<div>", "</div>\n", "<div>&nbsp;</div>\n") + `<div>&nbsp;</div><div>Cordialement,</div><div><b>Anne Durand</b> | Relation Client</div><div>&nbsp;</div></span></font><div>-----Message d'origine-----</div><div>` + strings.ReplaceAll(html.EscapeString(headFR(m, "\n")), "\n", "<br>") + `</div><div>` + quotedHTML(m) + `</div></body></html>`
}

func mutt(lines []string, m received) (string, string) {
	var b strings.Builder
	w := quotedprintable.NewWriter(&b)
	_, _ = w.Write([]byte(quotedBy(m, wroteFR) + "\n"))
	_ = w.Close()
	quoted := b.String()
	b.Reset()
	w = quotedprintable.NewWriter(&b)
	_, _ = w.Write([]byte(strings.Join(lines, "\n") + "\n\n"))
	_ = w.Close()
	return "text/plain; charset=utf-8\nX-Encoding: quoted-printable", b.String() + quoted
}

// emphasised are commands in bold and in a list, and the text that clients make of it.
func emphasised(lines []string, m received) (string, string) {
	var plain, page strings.Builder
	for _, l := range lines {
		if strings.HasPrefix(l, "#") {
			plain.WriteString("   - *" + l + "*\n")
			page.WriteString("<ul><li><b>" + autolinked(l) + "</b></li></ul>")
			continue
		}
		plain.WriteString(l + "\n")
		page.WriteString("<div>" + autolinked(l) + "</div>")
	}
	return alternativeOf(plain.String()+"\n"+quotedBy(m, wroteFR), page.String()+`<blockquote type="cite">`+quotedHTML(m)+"</blockquote>")
}
