package compose

import (
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/net/html"

	"postdesk/internal/addr"
	"postdesk/internal/message"
	"postdesk/internal/ticket"
)

func hostilePage() *Page {
	evil := "<script>x</script>\r\nBcc: a@b\x15\x12y\x14 & \"q\""
	return &Page{Title: evil, Lines: []string{evil}, Notes: []string{evil}, Sections: []Section{{
		Heading: evil, Lines: []string{evil},
		Table: &Table{Columns: []Column{{Name: evil}, {Name: "B"}, {Name: "C", Below: true}},
			Rows: []Row{{Cells: []string{evil, strings.Repeat("é", 200), evil}, Links: []Link{{Label: evil, Command: "#show", To: addr.Address{Local: "a+t", Domain: "example.com"},
				Subject: "x&cc=evil@x.example&body=#close"}}}, {Cells: []string{"one cell"}}}},
		Entries: []Entry{{Head: evil, Text: evil + "\n" + evil, Files: []string{evil}, Inside: true}},
	}}}
}

func TestAPageHoldsNothingButItsText(t *testing.T) {
	p := hostilePage()
	text, doc := p.text(), p.html()
	for _, s := range []string{text, doc} {
		if strings.ContainsAny(s, "\r\x11\x12\x13\x14\x15") {
			t.Errorf("control characters in\n%q", s)
		}
	}
	if strings.Contains(doc, "<script") || strings.Contains(doc, `href="mailto:a+t@example.com?subject=Re:%20x&amp;cc`) {
		t.Errorf("the HTML is\n%s", doc)
	}
	if !strings.Contains(doc, "subject=Re:%20x%26cc=evil@x.example%26body=%23close&amp;body=%23show%0D%0A") {
		t.Errorf("a subject begins a field of a link:\n%s", doc)
	}
	z := html.NewTokenizer(strings.NewReader(doc))
	open := 0
	for tt := z.Next(); tt != html.ErrorToken; tt = z.Next() {
		switch tt {
		case html.StartTagToken:
			open++
			if name, _ := z.TagName(); string(name) == "br" {
				open--
			}
		case html.EndTagToken:
			open--
		}
	}
	if open != 0 {
		t.Errorf("%d tags are open at the end of\n%s", open, doc)
	}
}

func TestThePageIsAlignedInText(t *testing.T) {
	p := &Page{Sections: []Section{{Heading: "À nous (2)", Table: &Table{
		Columns: []Column{{Name: "N°"}, {Name: "État"}, {Name: "Objet", Below: true}},
		Rows:    []Row{{Cells: []string{"10000", "à traiter", "Une question"}}, {Cells: []string{"9", "nouvelle", strings.Repeat("long ", 40)}}},
	}}}}
	want := "À nous (2)\n----------\nN°     État\n10000  à traiter\n       Une question\n9      nouvelle\n       long long"
	if got := p.text(); !strings.HasPrefix(got, want) {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	for line := range strings.Lines(p.text()) {
		if utf8.RuneCountInString(line) > pageWidth+1 {
			t.Errorf("a line of %d: %s", utf8.RuneCountInString(line), line)
		}
	}
}

// Every command has its place on the page of help, in both languages.
func TestHelpKnowsEveryCommand(t *testing.T) {
	for _, lang := range []string{"fr", "en"} {
		text := HelpPage(lang).text()
		for _, n := range ticket.Names() {
			h := helpOf(lang, n)
			if h.usage == "" || h.line == "" || !strings.Contains(strings.Join(strings.Fields(text), " "), strings.Join(strings.Fields(h.usage+" "+strings.Split(h.line, " ")[0]), " ")) {
				t.Errorf("%s: #%s is not in the help", lang, n)
			}
			word, _, _ := strings.Cut(h.usage, " ")
			if got, ok := ticket.NameOf(word); !ok || got != n {
				t.Errorf("%s: %s is not what is typed for #%s", lang, word, n)
			}
			if one := HelpOn(lang, n); one.text() == "" {
				t.Errorf("%s: no page for #%s", lang, n)
			}
		}
	}
}

func TestAPageInANotice(t *testing.T) {
	c, team := testComposer(t), testTeam("fr")
	src, err := c.Notice(NoticeIn{Head: testHead(t, "anne@corp.example", ""), Team: team, Kind: NoticePage, Data: NoticeData{Page: hostilePage(), Lines: []string{"fait"}}})
	if err != nil {
		t.Fatal(err)
	}
	m, err := message.Parse(src)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := m.TextBody(1 << 20)
	if strings.Contains(text, markPage) || !strings.Contains(text, "one cell") || m.Header.Count("Bcc") != 0 {
		t.Errorf("the notice says\n%s", text)
	}
}

// Whatever a page is made of, its text has no control characters and its HTML
// as many ends of tags as beginnings, and nothing that runs.
func FuzzPage(f *testing.F) {
	f.Add("Une question", "a\x15b\n\x12c")
	f.Add("<script>", "</td></table><img src=x onerror=y>")
	f.Fuzz(func(t *testing.T, a, b string) {
		p := &Page{Title: a, Lines: []string{b}, Sections: []Section{{Heading: a, Lines: []string{b},
			Table:   &Table{Columns: []Column{{Name: a}, {Name: b, Below: true}, {Wide: true}}, Rows: []Row{{Cells: []string{a, b, a}, Links: []Link{{Label: a, Command: "#show", Subject: b, InReplyTo: a}}}}},
			Entries: []Entry{{Head: a, Text: b, Files: []string{a}}}}}}
		text, doc := p.text(), p.html()
		if strings.ContainsAny(text+doc, "\r\x00\x11\x12\x13\x14\x15") {
			t.Errorf("control characters in %q", text)
		}
		open := 0
		z := html.NewTokenizer(strings.NewReader(doc))
		for tt := z.Next(); tt != html.ErrorToken; tt = z.Next() {
			name, _ := z.TagName()
			switch {
			case string(name) == "script" || string(name) == "img":
				t.Errorf("a tag %s in %q", name, doc)
			case tt == html.StartTagToken && string(name) != "br":
				open++
			case tt == html.EndTagToken:
				open--
			}
		}
		if open != 0 {
			t.Errorf("%d tags are open at the end of %q", open, doc)
		}
	})
}
