package mailauth

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"

	"postdesk/internal/message"
	"postdesk/internal/testkit"
)

// elsewhere is a mail that has to be read: from a file, say.
type elsewhere struct{ message.Source }

// Pieces of a body end where memory or a buffer ends: at these sizes a line end, or a run of them, is cut in two.
func TestMailsInMemoryAndElsewhereAreVerifiedAlike(t *testing.T) {
	k := edKey(t, "")
	d := testkit.NewDNS(t, map[string][]string{"s1._domainkey.example.com": {k.record}})
	for _, canonical := range []dkim.Canonicalization{dkim.CanonicalizationSimple, dkim.CanonicalizationRelaxed} {
		for _, size := range []int{0, 1, headerBuffer, pieceSize - 1, pieceSize, pieceSize + 1, 3 * pieceSize, 70_000} {
			body := strings.Repeat("x", size%900) + strings.Repeat("\r\n\r\nsome  text \t", size/16)
			mail := sign(t, plainMail+body+"\r\nend\r\n", k, "example.com", func(o *dkim.SignOptions) { o.BodyCanonicalization = canonical })
			for what, c := range map[string]struct {
				mail string
				want Result
			}{
				"as signed": {mail, Pass},
				"changed":   {strings.TrimSuffix(mail, "end\r\n") + "END\r\n", Fail},
				"longer":    {mail + "more\r\n", Fail},
			} {
				in := input(t, c.mail)
				memory := in.Source
				for where, src := range map[string]message.Source{"in memory": memory, "elsewhere": elsewhere{memory}} {
					in.Source = src
					r := checker(d).Check(t.Context(), in)
					if len(r.DKIM) != 1 || r.DKIM[0].Result != c.want {
						t.Errorf("%s body of %d, %s, %s: %+v", canonical, size, what, where, r.DKIM)
					}
				}
			}
		}
	}
}

func TestBodyInMemoryEndsWhenTheTimeIsOver(t *testing.T) {
	ctx, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancel()
	src := message.BytesSource([]byte(strings.Repeat("x", 3*pieceSize)))
	for _, s := range []message.Source{src, elsewhere{src}} {
		r := &bodyReader{ctx: ctx, src: s, end: s.Size()}
		var b strings.Builder
		if n, err := r.WriteTo(&b); n != 0 || err != nil || !r.cut || b.Len() != 0 {
			t.Errorf("%d bytes, %v, cut %v", n, err, r.cut)
		}
	}
}
