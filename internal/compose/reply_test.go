package compose

import (
	"encoding/base64"
	"fmt"
	"html"
	"strings"
	"testing"

	"postdesk/internal/addr"
	"postdesk/internal/message"
)

// canaries are what must never reach a customer: login, addresses, host, address in the
// LAN, client, user of the machine.
var canaries = []string{
	private, "a.durand@corp.example", "adurand-login", "PC-ANNE-0815", "10.11.12.13", "CanaryMUA/7.3", `C:\Users\canaryuser`, "canaryuser",
	tokenAddr, "tabcdefghijklmnopqrst", "rdx73r", "canary-note-text",
}

func testReplyIn(t testing.TB, raw string) ReplyIn {
	in := ReplyIn{
		Head: testHead(t, "jean@client.example", "Re: Panne"), Team: testTeam("fr"), Agent: "Anne Durand", Mail: parse(t, raw),
		Rewrite: testRewrite(t),
		Secrets: []string{private, "a.durand@corp.example", "adurand-login@corp.example", "canary-note-text"},
		IsToken: func(w string) bool { return strings.Contains(strings.ToLower(w), "tabcdefghijklmnopqrst") },
	}
	return in
}

func testRewrite(t testing.TB) func(addr.Address) (addr.Address, bool) {
	team, jean := mustAddr(t, "relationclient@example.com"), mustAddr(t, "jean@client.example")
	return func(a addr.Address) (addr.Address, bool) {
		switch strings.ToLower(a.String()) {
		case private, "a.durand@corp.example", "adurand-login@corp.example":
			return team, true
		case tokenAddr:
			return jean, true
		}
		return a, false
	}
}

// client is the way in which a mail program answers a copy.
type client struct {
	name  string
	write func(t testing.TB, own, ownHTML string) string
}

const agentHeader = `Received: from PC-ANNE-0815 (10.11.12.13) by mail.corp.example
From: Anne Durand <anne.durand@corp.example>
To: "Jean Client (via Relation Client)" <relationclient+tabcdefghijklmnopqrst@example.com>
Subject: Re: Panne [#10000]
Date: Sun, 22 Nov 2026 09:15:00 +0100
Message-ID: <canary-id@PC-ANNE-0815.corp.example>
In-Reply-To: <m.abc@example.com>
User-Agent: CanaryMUA/7.3
X-Mailer: CanaryMUA/7.3
X-Originating-IP: [10.11.12.13]
Thread-Index: AdCanary
Reply-To: a.durand@corp.example
Organization: adurand-login
Sender: adurand-login@corp.example
MIME-Version: 1.0
`

// received is the copy as a client shows it: text, and what is in the body of the HTML.
func received(t testing.TB) (text, body string) {
	out, err := testComposer(t).Copy(testCopyIn(t, "fr"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := message.Parse(out.Source)
	if err != nil {
		t.Fatal(err)
	}
	text, h := m.TextPart().Text(1<<20), m.HTMLPart().Text(1<<20)
	_, body, _ = strings.Cut(h, "<body>")
	body, _, _ = strings.Cut(body, "</body>")
	return text, body
}

func quoteLines(s string) string {
	return "> " + strings.ReplaceAll(strings.TrimRight(s, "\n"), "\n", "\n> ") + "\n"
}

func alternative(text, html string) string {
	return agentHeader + "Content-Type: multipart/alternative; boundary=\"canaryuser-b\"\n\n--canaryuser-b\nContent-Type: text/plain; charset=utf-8\n" +
		"Content-Transfer-Encoding: base64\n\n" + wrap64(text) + "--canaryuser-b\nContent-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: base64\n\n" +
		wrap64(html) + "--canaryuser-b--\n"
}

func wrap64(s string) string {
	var b strings.Builder
	for e := base64.StdEncoding.EncodeToString([]byte(s)); e != ""; {
		n := min(76, len(e))
		b.WriteString(e[:n] + "\n")
		e = e[n:]
	}
	return b.String()
}

var clients = []client{
	{"thunderbird-text", func(t testing.TB, own, _ string) string {
		text, _ := received(t)
		return agentHeader + "Content-Type: text/plain; charset=utf-8; format=flowed\nContent-Transfer-Encoding: base64\n\n" + wrap64(own+
			"\n\nLe 21/11/2026 à 22:30, Jean Client (via Relation Client) <"+tokenAddr+"> a écrit :\n"+quoteLines(text))
	}},
	{"thunderbird-html", func(t testing.TB, own, ownHTML string) string {
		text, body := received(t)
		return alternative(own+"\n\nLe 21/11/2026 à 22:30, Jean Client (via Relation Client) a écrit :\n"+quoteLines(text),
			`<!DOCTYPE html><html><head><meta http-equiv="Content-Type" content="text/html; charset=UTF-8"></head><body>`+ownHTML+
				`<div class="moz-cite-prefix">Le 21/11/2026 à 22:30, Jean Client (via Relation Client) a écrit :<br></div><blockquote type="cite" cite="mid:m.abc@example.com">`+
				body+`</blockquote></body></html>`)
	}},
	{"gmail", func(t testing.TB, own, ownHTML string) string {
		text, body := received(t)
		return alternative(own+"\n\nLe sam. 21 nov. 2026 à 22:30, Jean Client (via Relation Client) <\n"+tokenAddr+"> a écrit :\n\n"+quoteLines(text),
			`<div dir="ltr">`+ownHTML+`</div><br><div class="gmail_quote gmail_quote_container"><div dir="ltr" class="gmail_attr">Le sam. 21 nov. 2026 à 22:30, Jean Client (via Relation Client) &lt;<a href="mailto:`+
				html.EscapeString(strings.Replace(tokenAddr, "+", "%2B", 1))+`">`+tokenAddr+`</a>&gt; a écrit :<br></div><blockquote class="gmail_quote" style="margin:0px 0px 0px 0.8ex;border-left:1px solid rgb(204,204,204);padding-left:1ex">`+
				body+`</blockquote></div>`)
	}},
	{"outlook", func(t testing.TB, own, ownHTML string) string {
		text, body := received(t)
		head := "De : Jean Client (via Relation Client) <" + tokenAddr + ">\nEnvoyé : samedi 21 novembre 2026 22:30\nÀ : Anne Durand <" + private + ">\nObjet : Panne [#10000]\n\n"
		return alternative(own+"\n\n"+head+text,
			`<html xmlns:v="urn:schemas-microsoft-com:vml" xmlns:o="urn:schemas-microsoft-com:office:office"><head><meta name="Generator" content="CanaryMUA/7.3"><!--[if gte mso 9]><xml><o:Author>canaryuser</o:Author></xml><![endif]-->`+
				`<style><!-- /* canaryuser */ p.MsoNormal {margin:0cm; mso-style-name:canaryuser;} --></style></head><body lang="FR" link="#0563C1"><div class="WordSection1">`+
				ownHTML+`<p class="MsoNormal" id="canaryuser" data-canaryuser="1"><img src="file:///C:/Users/canaryuser/logo.png" alt="`+private+`"></p>`+
				`<div style="border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm"><p class="MsoNormal"><b>De :</b> Jean Client (via Relation Client) &lt;`+tokenAddr+`&gt; <br><b>Envoyé :</b> samedi 21 novembre 2026 22:30<br><b>À :</b> Anne Durand &lt;<a href="mailto:anne%2Edurand@corp.example" title="`+private+`">anne.du<span>rand@corp.</span>example</a>&gt;<br><b>Objet :</b> Panne</p></div>`+
				body+`</div></body></html>`)
	}},
	{"apple", func(t testing.TB, own, ownHTML string) string {
		text, body := received(t)
		return alternative(own+"\n\n> Le 21 nov. 2026 à 22:30, Jean Client (via Relation Client) <"+tokenAddr+"> a écrit :\n> \n"+quoteLines(text),
			`<html><head><meta http-equiv="content-type" content="text/html; charset=utf-8"></head><body style="overflow-wrap: break-word; -webkit-nbsp-mode: space;">`+ownHTML+
				`<div id="canaryuser"><br><blockquote type="cite"><div>Le 21 nov. 2026 à 22:30, Jean Client (via Relation Client) &lt;`+tokenAddr+`&gt; a écrit :</div><br class="Apple-interchange-newline"><div>`+body+`</div></blockquote></div></body></html>`)
	}},
	{"iphone", func(t testing.TB, own, ownHTML string) string {
		text, body := received(t)
		return alternative(own+"\n\nEnvoyé de mon iPhone\n\n> Le 21 nov. 2026 à 22:30, Jean Client (via Relation Client) <"+tokenAddr+"> a écrit :\n> \n"+quoteLines(text),
			`<html><head></head><body dir="auto">`+ownHTML+`<br id="lineBreakAtBeginningOfSignature"><div dir="ltr">Envoyé de mon iPhone</div><div dir="ltr"><br><blockquote type="cite">Le 21 nov. 2026 à 22:30, Jean Client (via Relation Client) &lt;`+
				tokenAddr+`&gt; a écrit :<br><br></blockquote></div><blockquote type="cite"><div dir="ltr">`+body+`</div></blockquote></body></html>`)
	}},
}

// decodeAll is every part's text and header, decoded, HTML as shown too.
func decodeAll(t testing.TB, src message.Source) string {
	m, err := message.Parse(src)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	m.Walk(func(p *message.Part) bool {
		for _, f := range p.Header.Fields {
			fmt.Fprintf(&b, "%s\n%s\n", f.Raw, p.Header.Text(f.Name))
		}
		if len(p.Children) == 0 {
			text := p.Text(1 << 20)
			b.WriteString(text + "\n" + unescapeAll(text) + "\n")
		}
		return true
	})
	return b.String()
}

func leaks(t testing.TB, src message.Source) []string {
	all := strings.ToLower(decodeAll(t, src))
	var out []string
	for _, c := range canaries {
		if strings.Contains(all, strings.ToLower(c)) {
			out = append(out, c)
		}
	}
	return out
}

const (
	ownText = "#solved Réinstallé\n#tag +panne\n\nBonjour Jean,\n\nC’est réparé.\n"
	ownHTML = "<div>#solved&nbsp;Réinstallé</div><div>#tag +panne<br></div><p>Bonjour Jean,</p><p>C’est réparé.</p>"
)

// newTextOf is what the guard takes for the agent's own text.
func newTextOf(t *testing.T, c *Composer, in ReplyIn) string {
	t.Helper()
	k, err := c.replyCleaner(in)
	if err != nil {
		t.Fatal(err)
	}
	(&tree{k: k, m: in.Mail}).rebuild(in.Mail.Root)
	return k.newText()
}

func TestReplyFromEveryClient(t *testing.T) {
	c := testComposer(t)
	for _, client := range clients {
		t.Run(client.name, func(t *testing.T) {
			in := testReplyIn(t, client.write(t, ownText, ownHTML))
			in.Commands = []string{"#solved Réinstallé", "#tag +panne"}
			out, err := c.Reply(in)
			if err != nil {
				t.Fatal(err)
			}
			if len(out.Findings) > 0 {
				t.Errorf("findings: %v", out.Findings)
			}
			if found := leaks(t, out.Source); len(found) > 0 {
				t.Errorf("leaks: %v", found)
			}
			if own := newTextOf(t, c, in); own != "Bonjour Jean,\n\nC’est réparé." && own != "Bonjour Jean,\nC’est réparé." {
				t.Errorf("new text: %q", own)
			}
			all := decodeAll(t, out.Source)
			for _, want := range []string{"C’est réparé.", "ma machine est cassée", "jean@client.example", "Anne Durand\nRelation Client\nrelationclient@example.com"} {
				if !strings.Contains(all, want) {
					t.Errorf("lost %q", want)
				}
			}
			for _, gone := range []string{"#solved", "#tag", "iPhone", "via Relation Client", "[== "} {
				if strings.Contains(all, gone) {
					t.Errorf("%q is still there", gone)
				}
			}
			golden(t, "reply-"+client.name, bytesOf(t, out.Source))
		})
	}
}

func plainReply(own string) string {
	return agentHeader + "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n" + own
}

func kinds(list []Finding) string {
	var out []string
	for _, f := range list {
		out = append(out, string(f.Kind))
	}
	return strings.Join(out, " ")
}

func TestReplyFindings(t *testing.T) {
	begin, end := testComposer(t).marks(10000)
	for name, tc := range map[string]struct{ text, want string }{
		"plain":                {"Bonjour, c'est fait.\n", ""},
		"thumb":                {"👍\n", ""},
		"empty":                {"\n\n", "empty"},
		"only a signature":     {"-- \nAnne Durand\n", "empty"},
		"attachment":           {"Vous trouverez ci-joint le devis.\n", "attachment"},
		"attachment (en)":      {"Please find attached the quote.\n", "attachment"},
		"their attachment":     {"J'ai bien reçu votre pièce jointe.\n", ""},
		"quoted attachment":    {"Bonjour, merci.\n\nLe 1 janvier 2026 à 10:00, Jean <jean@client.example> a écrit :\n> la facture est ci-jointe\n", ""},
		"wrapped address":      {"Écrivez à anne.durand@\ncorp.example directement.\n", "secret"},
		"entity address":       {"Écrivez à anne.durand&#64;corp.example directement.\n", ""},
		"encoded address":      {"http://x.example/?u=anne%2Edurand%40corp%2Eexample ici\n", "secret"},
		"longer address":       {"Voir joanne.durand@corp.example et anne.durand@corp.example.org.\n", ""},
		"note":                 {"Bonjour,\n> canary-\n> note-text\n", "secret"},
		"token":                {"Écrivez à x+tabcdefghijklmnopqrst@other.example\n", "token"},
		"half a block":         {"Bonjour\n" + begin + "\nTicket\n", "block"},
		"the other half":       {"Bonjour\n" + end + "\n", "block"},
		"someone's own marks":  {"Bonjour\n[== postdesk 1 aaaaaa ==]\ngardé\n[== /postdesk 1 aaaaaa ==]\n", ""},
		"an opaque attachment": {"-----BEGIN PGP MESSAGE-----\n\nabc\n-----END PGP MESSAGE-----\n", "encrypted"},
	} {
		out, err := testComposer(t).Reply(testReplyIn(t, plainReply(tc.text)))
		if err != nil {
			t.Fatal(err)
		}
		if got := kinds(out.Findings); got != tc.want {
			t.Errorf("%s: %v, want %q", name, out.Findings, tc.want)
		}
		if name == "someone's own marks" && !strings.Contains(decodeAll(t, out.Source), "gardé") {
			t.Error("text between marks that are not ours was taken out")
		}
	}
}

func TestBlockSurvivesQuotingAndWrapping(t *testing.T) {
	text, _ := received(t)
	block := text[strings.Index(text, "[== "):]
	wrapped := strings.NewReplacer("postdesk 10000", "postdesk\n> > 10000", " ==]", "\u00a0= =]").Replace(quoteLines(quoteLines(block)))
	out, err := testComposer(t).Reply(testReplyIn(t, plainReply("Bonjour.\n\n> avant\n"+wrapped+"> après\n")))
	if err != nil {
		t.Fatal(err)
	}
	all := decodeAll(t, out.Source)
	if len(out.Findings) > 0 || strings.Contains(all, "Demande n°") || !strings.Contains(all, "avant") || !strings.Contains(all, "après") {
		t.Errorf("%v\n%s", out.Findings, all)
	}
}

func TestCommandIsMissingInHTML(t *testing.T) {
	in := testReplyIn(t, alternative("#solved\nBonjour\n", "<div>#solved et puis Bonjour</div>"))
	in.Commands = []string{"#solved"}
	out, err := testComposer(t).Reply(in)
	if err != nil {
		t.Fatal(err)
	}
	if kinds(out.Findings) != "command" {
		t.Errorf("%v", out.Findings)
	}
}
