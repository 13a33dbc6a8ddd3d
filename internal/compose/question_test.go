package compose

import (
	"strings"
	"testing"

	"postdesk/internal/addr"
	"postdesk/internal/message"
)

// What an agent quotes of an aside does not leave with a public answer, from
// whatever client it comes; the agent's own words all do.
func TestTheQuoteIsLeftOut(t *testing.T) {
	for _, c := range clients {
		t.Run(c.name, func(t *testing.T) {
			in := testReplyIn(t, c.write(t, "Bonjour Jean, PREMIER mot.\n\nDERNIER mot.\n", "<div>Bonjour Jean, PREMIER mot.</div><div><br></div><div>DERNIER mot.</div>"))
			in.DropQuote = true
			out, err := testComposer(t).Reply(in)
			if err != nil || len(out.Findings) > 0 {
				t.Fatalf("%v, %v", out.Findings, err)
			}
			m, err := message.Parse(out.Source)
			if err != nil {
				t.Fatal(err)
			}
			m.Walk(func(p *message.Part) bool {
				if len(p.Children) > 0 {
					return true
				}
				text := p.Text(1 << 20)
				for _, want := range []string{"PREMIER", "DERNIER", "Anne Durand"} {
					if !strings.Contains(text, want) {
						t.Errorf("%s lacks %q:\n%s", p.MediaType, want, text)
					}
				}
				for _, leak := range []string{"Ça ne marche pas", "a écrit", "Envoyé :", "> ", "blockquote"} {
					if strings.Contains(text, leak) && !(leak == "> " && p.MediaType == "text/html") {
						t.Errorf("%s still has %q:\n%s", p.MediaType, leak, text)
					}
				}
				return true
			})
		})
	}
}

// Words between the quoted lines can't be told from an answer to them: all stays, and the
// guard has its say.
func TestWordsWithinTheQuoteStay(t *testing.T) {
	in := testReplyIn(t, agentHeader+"Content-Type: text/html; charset=utf-8\n\n<div>Voici.</div><blockquote type=\"cite\">Question un ?</blockquote><div>Réponse UN.</div><blockquote type=\"cite\">Question deux ?</blockquote>\n")
	in.DropQuote = true
	out, err := testComposer(t).Reply(in)
	if err != nil {
		t.Fatal(err)
	}
	if all := decodeAll(t, out.Source); !strings.Contains(all, "Réponse UN") || !strings.Contains(all, "Question deux") {
		t.Errorf("words are gone:\n%s", all)
	}
}

// A picture that only the quote shows leaves with the quote.
func TestThePicturesOfAQuoteAreLeftOut(t *testing.T) {
	part := func(id string) string {
		return "--b\nContent-Type: image/png; name=" + id + ".png\nContent-ID: <" + id + "@x>\nContent-Disposition: inline\nContent-Transfer-Encoding: base64\n\n" + wrap64("\x89PNG"+id)
	}
	in := testReplyIn(t, agentHeader+"Content-Type: multipart/related; boundary=b; type=\"text/html\"\n\n--b\nContent-Type: text/html\n\n<p>Bonjour<img src=\"cid:mine@x\"></p>"+
		"<blockquote type=\"cite\">Le plan<img src=\"cid:theirs@x\"></blockquote>\n"+part("mine")+part("theirs")+"--b--\n")
	in.DropQuote = true
	out, err := testComposer(t).Reply(in)
	if err != nil {
		t.Fatal(err)
	}
	m, err := message.Parse(out.Source)
	if err != nil {
		t.Fatal(err)
	}
	var images []string
	m.Walk(func(p *message.Part) bool {
		if p.MediaType == "image/png" {
			images = append(images, p.FileName())
		}
		return true
	})
	if len(images) != 1 || images[0] != "mine.png" {
		t.Errorf("pictures: %v", images)
	}
}

// A request for a decision says what is asked above the agent's words, in text and
// HTML, with links to the address that it comes from; the guard lets that one
// address pass and no other.
func TestAQuestionStandsAboveTheText(t *testing.T) {
	own := mustAddr(t, "relationclient+tzyxwvutsrqponmlkjihg@example.com")
	for _, c := range clients {
		t.Run(c.name, func(t *testing.T) {
			in := testReplyIn(t, c.write(t, "Puis-je rembourser ?\n", "<div>Puis-je rembourser ?</div>"))
			in.Head.From, in.Decision, in.Ticket = addr.Mailbox{Address: own}, true, Ticket{Number: 10000, Subject: "Panne"}
			in.IsToken = func(w string) bool {
				return strings.Contains(w, "tabcdefghijklmnopqrst") || strings.Contains(w, "tzyxwvutsrqponmlkjihg") && w != own.String()
			}
			out, err := testComposer(t).Reply(in)
			if err != nil || len(out.Findings) > 0 {
				t.Fatalf("%v, %v", out.Findings, err)
			}
			if found := leaks(t, out.Source); len(found) > 0 {
				t.Errorf("leaks %v", found)
			}
			m, err := message.Parse(out.Source)
			if err != nil {
				t.Fatal(err)
			}
			m.Walk(func(p *message.Part) bool {
				if len(p.Children) > 0 {
					return true
				}
				text := p.Text(1 << 20)
				asked, said := strings.Index(text, "vous demande une décision"), strings.Index(text, "Puis-je rembourser")
				if asked < 0 || said < asked || strings.Count(text, "mailto:"+own.String()) != 2 || !strings.Contains(text, "body=oui") || !strings.Contains(text, "body=non") {
					t.Errorf("%s:\n%s", p.MediaType, text)
				}
				if sign := strings.LastIndex(text, "Anne Durand"); sign < said {
					t.Errorf("no signature below the text in %s:\n%s", p.MediaType, text)
				}
				return true
			})
		})
	}
}

func TestCourtesyIsNoSecret(t *testing.T) {
	for line, want := range map[string]bool{
		"Bien cordialement,": true, "Je reste à votre disposition pour toute question.": true, "Bonjour Madame Durand,": true, "N’hésitez pas à me rappeler.": true,
		"Kind regards": true, "Please do not hesitate to call.": true, "Merci beaucoup, à bientôt": true, "Cordialement, Dr Expert": true,
		"Il faut remplacer la pile.": false, "Le client exagère.": false, "Highly confidential": false, "Cherchez la fuite": false,
		"Merci de ne surtout pas dire au client que la pièce que nous lui avons vendue est défectueuse.": false,
	} {
		if got := Courtesy(line); got != want {
			t.Errorf("%q: %v", line, got)
		}
	}
}

func TestLabelsAreTakenOutOfTheQuote(t *testing.T) {
	in := testReplyIn(t, agentHeader+"Content-Type: text/plain; charset=utf-8\n\nMerci.\n\nLe 21/11/2026 à 22:30, AVIS – Dr Expert (Relation Client) a écrit :\n> AVIS – sans suite (autre)\n> Oui.\n")
	out, err := testComposer(t).Reply(in)
	if err != nil {
		t.Fatal(err)
	}
	if all := decodeAll(t, out.Source); !strings.Contains(all, "22:30, Dr Expert a écrit") || !strings.Contains(all, "AVIS – sans suite (autre)") {
		t.Errorf("the quote:\n%s", all)
	}
}
