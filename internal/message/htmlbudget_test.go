package message

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"postdesk/internal/testkit"
)

// numbered repeats a format with a number.
func numbered(format string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

// htmlBombs are what makes html.Parse quadratic, or hold much memory.
func htmlBombs() map[string]string {
	many := func(s string, n int) string { return strings.Repeat(s, n) }
	return map[string]string{
		"formatting made again":       "<p>" + numbered("<b id=%d>", 400) + many("<p>x", 16000),
		"with ends in cells":          numbered("<b id=%d>", 120) + "<table><tr><td>" + many("</b>", 120) + "</table>" + many("<p>x", 16000),
		"ends that leave it open":     many(numbered("<b id=%d>", 1)+many("<div>", 9)+"</b>"+many("</div>", 9), 1) + numbered("<b id=%d>"+many("<div>", 9)+"</b>"+many("</div>", 9), 200) + many("<p>x", 16000),
		"with many attributes":        "<p><b " + numbered("a%d=1 ", 190) + ">" + many("<p>x", 16000),
		"texts joined":                many("a</x>", 300000),
		"texts joined before a table": "<table>" + many("a<tr>", 100000),
		"texts joined in a table":     "<table>" + many(" <div></div>", 90000),
		"texts joined in a head":      "<head></head>" + many(" <meta>", 99000),
		"texts joined in a select":    "<select>" + many("a<div>", 50000),
		"body again":                  "<body " + numbered("a%d=1 ", 190) + ">" + numbered("<body b%d=1>", 20000),
		"attributes":                  "<p " + numbered("a%d=1 ", 100000) + ">",
		"deep":                        many("<div>", 100000),
		"deep and closed":             many("<div>", 490) + many("<div></div>", 49000),
		"deep tables":                 many("<table><td>", 240) + many("<table></table>", 45000),
		"links in links":              many("<a href=x>", 90000),
		"ends without start":          many("<a>", 50000) + many("</b>", 49000),
		"unclosed font":               many("<font color=red><p>", 50000),
		"one comment":                 "<!--" + many("a", 2<<20),
		"entities":                    many("&amp;", 400000),
		"formatting in rows":          "<table>" + numbered("<b id=%d>", 100) + many("<tr><td>x", 30000),
		"cells and objects":           numbered("<table><td><b id=%d><object></td></object>", 60) + many("<p>x", 16000),
	}
}

func TestHTMLBudgetStopsBombs(t *testing.T) {
	for name, src := range htmlBombs() {
		start := testkit.CPU()
		_, err := NewHTMLBudget(2 << 20).Parse(src)
		if d := testkit.CPU() - start; d > time.Second*testkit.RaceFactor {
			t.Errorf("%s: %d KB took %v", name, len(src)>>10, d)
		} else {
			t.Logf("%-28s %4d KB %8v %v", name, len(src)>>10, d.Round(time.Microsecond), err)
		}
		if err == nil && name == "formatting made again" {
			t.Errorf("%s: parsed", name)
		}
	}
}

func TestHTMLBudgetAllowsWhatMailProgramsWrite(t *testing.T) {
	row := "<tr><td style='x'><p class=MsoNormal><b><span>Réf</span></b><o:p></o:p></p></td><td><font size=2>12</font></td></tr>\n"
	for name, src := range map[string]string{
		"Word":          "<html><head><style>p{}</style></head><body><div><table>" + strings.Repeat(row, 3000) + "</table></div></body></html>",
		"a long thread": strings.Repeat("<div><font face=x><p>Bonjour <b>Jean</b>,<br>merci.<blockquote>", 40) + strings.Repeat("<p>Ligne <i>une</i></p>\n", 3000),
		"old markup":    "<body>" + strings.Repeat("<p><font size=2>une ligne<p><b>deux</p>\n<li><p>point", 2000),
		"misnested":     strings.Repeat("<b><i>x</b></i> <font><p>y</font></p>\n", 3000),
		"plain cells":   "<table>" + strings.Repeat("<tr> <td>1<td>2<td>trois</tr>\n", 8000) + "</table>",
		"an image":      "<p>x<img src='data:image/png;base64," + strings.Repeat("A", 4<<20) + "'></p>",
	} {
		if _, err := NewHTMLBudget(2 << 20).Parse(src); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestHTMLBudgetIsForAllOfAMail(t *testing.T) {
	b := NewHTMLBudget(1000)
	src := "<p>" + strings.Repeat("x", 600)
	if _, err := b.Parse(src); err != nil {
		t.Error(err)
	}
	if _, err := b.Parse(src); !errors.Is(err, ErrHTMLBudget) {
		t.Error(err)
	}
}

// countFormatting counts the formatting elements of a tree.
func countFormatting(n *html.Node) int {
	count := 0
	for c := range n.Descendants() {
		if c.Type == html.ElementNode && isFormatting(c.DataAtom) {
			count++
		}
	}
	return count
}

// underestimates says by how much a document has more formatting elements than its
// starts and what was paid for.
func underestimates(src string) int {
	b := NewHTMLBudget(2 << 20)
	root, err := b.Parse(src)
	if err != nil {
		return 0
	}
	starts := 0
	z := html.NewTokenizer(strings.NewReader(src))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return countFormatting(root) - starts - (maxHTMLCopies - b.copies)
		case html.StartTagToken, html.SelfClosingTagToken, html.EndTagToken:
			starts++
		}
	}
}

var scanTags = strings.Fields("<b> <b> <b> </b> </b> <i> </i> <a> </a> <font> </font> <p> <p> </p> <div> <div> </div> </div> <table> <table> </table> </table> " +
	"<tr> </tr> <td> <td> </td> <th> </th> <tbody> </tbody> <caption> </caption> <object> </object> <li> </li> <ul> </ul> <span> </span> <h1> </h1> <h2> </h3> </form> <dl> </dl> </dd> <center> </center> <pre> <rt> <option> </option> <meta> <style></style> <select> </select> x x y <br> " +
	"<form> </form> <button> </button> <body> </body> <o:p> </o:p> <dd> <dt> <col> <thead> </thead> <blockquote> </blockquote> <nobr> </nobr> <svg> </svg> <input> <hr>")

func TestHTMLBudgetNeverUnderestimates(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 9))
	for range 3000 {
		var b strings.Builder
		for i := range 20 + r.IntN(100) {
			tag := scanTags[r.IntN(len(scanTags))]
			if strings.HasPrefix(tag, "<b>") || strings.HasPrefix(tag, "<font>") {
				tag = tag[:len(tag)-1] + fmt.Sprintf(" id=%d>", i)
			}
			b.WriteString(tag)
		}
		src := b.String()
		src += strings.Repeat("<p>x", 300)
		if n := underestimates(src); n > 100 {
			t.Fatalf("%d too many: %s", n, src[:len(src)-1200])
		}
	}
}

func FuzzHTMLBudget(f *testing.F) {
	for _, src := range htmlBombs() {
		f.Add(src[:min(len(src), 2000)])
	}
	f.Fuzz(func(t *testing.T, src string) {
		if n := underestimates(src + strings.Repeat("<p>x", 300)); n > 300 {
			t.Errorf("%d too many", n)
		}
	})
}
