package server_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"postdesk/internal/testkit"
)

// series counts postdesk's own at /metrics.
func (d *desk) series() (n int) {
	d.Helper()
	r, err := http.Get("http://" + d.srv.Addr("http") + "/metrics")
	if err != nil {
		d.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusOK {
		d.Fatalf("%d, %v", r.StatusCode, err)
	}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "postdesk_") {
			n++
		}
	}
	return n
}

// Whoever writes, with whatever names, and whatever remote servers answer: there are as
// many series after it as before.
func (d *desk) manySenders(n int) {
	d.Helper()
	before := d.series()
	if before < 100 {
		d.Errorf("%d series at the start", before)
	}
	for i := range n {
		d.customers.SetScript(testkit.Script{testkit.AtRCPT: {Reply: fmt.Sprintf("5%02d 5.%d.%d no", i%60, i%9, i%99)}})
		from := fmt.Sprintf("s%d@client.example", i)
		if i%3 == 0 {
			from = fmt.Sprintf("s@d%d.nobody.example", i)
		}
		p := d.person(fmt.Sprintf("Name %d", i), from)
		if err := p.posts([]string{fmt.Sprintf("relationclient+x%d@example.com", i)}, p.mail(generic, fmt.Sprintf("Sujet %d", i), "Bonjour\n", fmt.Sprintf("X-Spam-Status: s%d", i))); err != nil {
			_ = p.posts([]string{generic}, p.mail(generic, fmt.Sprintf("Sujet %d", i), fmt.Sprintf("Bonjour %d\n", i)))
		}
		_ = d.send(from, []string{fmt.Sprintf("nobody%d@example.com", i)}, "x\n")
		if i%10 == 0 && i < 50 { // wrong passwords are answered slowly
			_ = d.submit(fmt.Sprintf("user%d", i), "wrong", from, []string{generic}, "x\n")
		}
	}
	d.drained()
	if after := d.series(); after != before {
		d.Errorf("%d series after %d senders, %d before", after, n, before)
	}
}

func TestSendersMakeNoSeriesInTheWholeServer(t *testing.T) {
	t.Parallel()
	newDesk(t, noCaps).manySenders(20) // make torture: ten thousand
}
