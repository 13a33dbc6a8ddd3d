package mailauth

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"net"
	"strings"
	"testing"
	"time"

	"postdesk/internal/addr"
	"postdesk/internal/message"
)

// liar is a DNS in which every name has the same records.
type liar struct{ txt, host string }

func (l liar) LookupTXT(context.Context, string) ([]string, error) {
	return strings.Split(l.txt, "\n"), nil
}
func (l liar) LookupMX(context.Context, string) ([]*net.MX, error) {
	return []*net.MX{{Host: l.host, Pref: 1}, {Host: l.host + ".", Pref: 1}}, nil
}
func (l liar) LookupIPAddr(context.Context, string) ([]net.IPAddr, error) {
	return []net.IPAddr{{IP: net.ParseIP("198.51.100.1")}, {IP: net.ParseIP("2001:db8::1")}}, nil
}
func (l liar) LookupAddr(context.Context, string) ([]string, error) { return []string{l.host}, nil }

// FuzzCheck checks any mail against any records: no panic, an end in time, and
// what is written of it is one header field.
func FuzzCheck(f *testing.F) {
	k := edKey(f, "")
	public, _ := k.signer.Public().(ed25519.PublicKey)
	record := "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(public)
	signed := sign(f, plainMail, k, "example.com", nil)
	f.Add(signed, record+"\nv=spf1 a mx ptr exists:%{ir}.%{v}._spf.%{d2} include:x.example -all\nv=DMARC1; p=reject; adkim=s", "mail.example.com")
	f.Add(strings.Replace(signed, "bh=", "l=3; x=1; bh=", 1), record, "x..y")
	f.Add("DKIM-Signature: v=1; a=rsa-sha256; d=x; s=y; h=from:from; c=simple/relaxed; b=;bh=\r\nFrom: a@b.example\r\n\r\n", "v=DKIM1; p=", "")
	f.Add("From: a@x.example, b@y.example\r\nFrom: c@z.example\r\n\r\n\r\n\r\n", "v=spf1 redirect=%{l1r-}.example exp=%{h}.x", "h")
	f.Fuzz(func(t *testing.T, mail, txt, host string) {
		src := message.BytesSource([]byte(mail))
		m, err := message.Parse(src)
		if err != nil {
			t.Fatal(err)
		}
		in := In{Helo: host, Source: src, MailFrom: addr.Address{Local: "a", Domain: "b.example"}}
		in.Authors, in.FromFields = m.Authors()
		c := New(Options{Resolver: liar{txt, host}, Now: func() time.Time { return time.Unix(1_795_000_000, 0) }, Budget: time.Minute})
		out := Format("mx.example.com", c.Check(t.Context(), in))
		for line := range strings.SplitSeq(out, "\r\n") {
			if strings.ContainsAny(line, "\r\n\x00") || len(line) > 998 {
				t.Fatalf("%q", out)
			}
		}
	})
}
