package addr

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestParse(t *testing.T) {
	for in, want := range map[string]string{
		"jean@client.example":          "jean@client.example",
		"Jean.Client@CLIENT.Example":   "Jean.Client@client.example",
		`"jean client"@client.example`: `"jean client"@client.example`,
		`"jean"@client.example`:        "jean@client.example",
		`"a\"b\\c"@x.example`:          `"a\"b\\c"@x.example`,
		`"v@other.test> X"@ours.test`:  `"v@other.test> X"@ours.test`,
		"a@[127.0.0.1]":                "a@[127.0.0.1]",
		"a@[IPV6:2001:DB8:0::1]":       "a@[IPv6:2001:db8::1]",
		"a@bücher.example":             "a@xn--bcher-kva.example",
		"a@BÜCHER.example":             "a@xn--bcher-kva.example",
		"a@xn--bcher-kva.example":      "a@xn--bcher-kva.example",
		"a@r3---sn.example":            "a@r3---sn.example",
		"jos\u0065\u0301@x.example":    "jos\u00e9@x.example",
		"用户@例子.广告":                     "用户@xn--fsqu00a.xn--4rr70v",
		"a!b#$%&'*+-/=?^_`{|}~@x.fr":   "a!b#$%&'*+-/=?^_`{|}~@x.fr",
		"a@localhost":                  "a@localhost",
		"x%y@us.example":               "x%y@us.example",
	} {
		a, err := Parse(in)
		if err != nil || a.String() != want {
			t.Errorf("%q: %q, %v; want %q", in, a, err, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, in := range []string{
		"", "@", "a", "a@", "@b.example", "a b@c.example", ".a@b.example", "a.@b.example", "a..b@c.example",
		"a@b@c.example", "a@b.example.", "a@.b.example", "a@b..example", "a@-b.example", "a@b-.example", "a@b_c.example", "a@b c.example",
		"<a@b.example>", "a@b.example>", "@us.example:a@b.example", "a(comment)@b.example", "Jean <a@b.example>", "a,b@c.example",
		"\"a\x00b\"@c.example", "\"a\rb\"@c.example", "\"a\nb\"@c.example", "\"a\ab\"@c.example", "a\x7f@b.example", "\"a\\\x00\"@b.example",
		"\"a@b.example", `""@b.example`, `"a"b@c.example`, `a"b"@c.example`, "\"a\u0085\"@b.example", "\"a\u2028\"@b.example", "a\u202e@b.example",
		"a@1.2.3.4", "a@[1.2.3]", "a@[1.2.3.4", "a@[::1]", "a@[IPv6:1.2.3.4]", "a@[IPv6:fe80::1%eth0]", "a@[01.2.3.4]", "a@[x]", "a@[]",
		"a@b.example\x00", "a@b\r\n.example", "a@xn--zzzzzzzzzzzzzz--.example", "a@\uff20.example", "a\xff@b.example", "a@b.example。",
		strings.Repeat("a", 65) + "@b.example", "a@" + strings.Repeat("a", 64) + ".example", "a@" + strings.Repeat("a.", 127) + "example",
	} {
		if a, err := Parse(in); err == nil {
			t.Errorf("%q was accepted as %q", in, a)
		}
	}
}

func TestParseSenderTakesLongLocalPart(t *testing.T) {
	long := "bounces+" + strings.Repeat("x", 80) + "=client@lists.example"
	if a, err := ParseSender(long); err != nil || a.String() != long {
		t.Errorf("%q, %v", a, err)
	}
	if _, err := ParseSender(strings.Repeat("x", 250) + "@b.example"); err == nil {
		t.Error("a path above 256 octets was accepted")
	}
}

// The SMTP library strips the quotes and does not put them back; written raw,
// this one would end the command's path early.
func TestAddressSmuggling(t *testing.T) {
	a := Address{Local: "v@other.test> X", Domain: "ours.test"}
	if got := a.String(); got != `"v@other.test> X"@ours.test` {
		t.Error(got)
	}
}

func TestKeyIgnoresCase(t *testing.T) {
	for _, p := range [][2]string{
		{"Jean@Client.example", "jean@client.EXAMPLE"},
		{"JOS\u00c9@x.example", "jos\u0065\u0301@x.example"},
		{"a@BÜCHER.example", "a@xn--bcher-kva.example"},
	} {
		a, err1 := Parse(p[0])
		b, err2 := Parse(p[1])
		if err1 != nil || err2 != nil || a.Key() != b.Key() || !a.Equal(b) {
			t.Errorf("%q and %q differ: %q %q", p[0], p[1], a.Key(), b.Key())
		}
	}
	long, _ := Parse("ma\u017ftro@x.example") // long s folds to s, but is another address
	short, _ := Parse("mastro@x.example")
	if long.Key() == short.Key() {
		t.Error("two different addresses have one key")
	}
}

func TestExtension(t *testing.T) {
	a, _ := Parse("sav+fr+2026@example.com")
	base, ext := a.SplitExt()
	if base.String() != "sav@example.com" || ext != "fr+2026" || base.WithExt(ext) != a {
		t.Error(base, ext)
	}
	for _, s := range []string{"sav@example.com", "+x@example.com"} {
		a, _ := Parse(s)
		if base, ext := a.SplitExt(); base != a || ext != "" {
			t.Error(s, base, ext)
		}
	}
}

func TestOrgDomainAndFreemail(t *testing.T) {
	for d, want := range map[string]string{
		"mail.corp.example.co.uk": "example.co.uk", "Client.Example": "client.example", "a.b.client.example": "client.example",
		"co.uk": "co.uk", "localhost": "localhost", "[127.0.0.1]": "[127.0.0.1]", "": "",
	} {
		if got := OrgDomain(d); got != want {
			t.Errorf("%q: %q", d, got)
		}
	}
	for d, want := range map[string]bool{
		"gmail.com": true, "GMAIL.com": true, "orange.fr": true, "laposte.net": true, "yahoo.co.uk": true, "hotmail.fr": true, "gmx.at": true,
		"client.example": false, "yahoo.client.example": false, "mail.gmail.com.evil.example": false, "outlook.example": false, "live": false,
	} {
		if IsFreemail(d) != want {
			t.Error(d)
		}
	}
}

// An alef sign is mapped to a Hebrew letter only after its direction was looked
// at: the A-label of the name is one that nobody accepts.
func TestDomainWhoseALabelIsRefused(t *testing.T) {
	if d, err := ParseDomain("\u2135A.example"); err == nil {
		t.Errorf("taken as %q", d)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"a@b.example", `"a\"b"@c.example`, "a@[IPv6:::1]", "用户@例子.广告", "jos\u0065\u0301@x.example", "\"a\u037e\"@x.example", "\u212a@x.example",
		"a@xn--bcher-kva.example", "İ@x.example", "a+t7777@desk.example"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := ParseSender(s)
		if err != nil {
			return
		}
		w := a.String()
		if strings.ContainsFunc(w, unicode.IsControl) || !utf8.ValidString(w) || len(w) > maxMailbox {
			t.Fatalf("%q: bad wire form %q", s, w)
		}
		b, err := ParseSender(w)
		if err != nil || b != a {
			t.Fatalf("%q: %q does not come back: %q, %v", s, w, b, err)
		}
		k, err := ParseSender(a.Key())
		if err == nil && k.Key() != a.Key() {
			t.Fatalf("%q: key is not stable: %q %q", s, a.Key(), k.Key())
		}
	})
}
