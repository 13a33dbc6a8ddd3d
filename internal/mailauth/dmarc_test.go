package mailauth

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"postdesk/internal/addr"
	"postdesk/internal/testkit"
)

func dmarcZone(t *testing.T, records map[string]string) *testkit.DNS {
	zone := map[string][]string{}
	for name, txt := range records {
		zone["_dmarc."+name] = append(zone["_dmarc."+name], testkit.TXT(txt))
	}
	return testkit.NewDNS(t, zone)
}

// RFC 9989 §4.10: which names are asked, and which domain is the organization.
func TestTreeWalk(t *testing.T) {
	for name, x := range map[string]struct {
		records map[string]string
		domain  string
		asked   string
		org     string
	}{
		"no record": {nil, "mail.example.com", "mail.example.com example.com com", "mail.example.com"},
		"parent":    {map[string]string{"example.com": "v=DMARC1; p=none"}, "mail.example.com", "mail.example.com example.com com", "example.com"},
		"own and parent": {map[string]string{"mail.example.com": "v=DMARC1; p=none", "example.com": "v=DMARC1; p=none"},
			"mail.example.com", "mail.example.com example.com com", "example.com"},
		"psd=n stops":        {map[string]string{"mail.example.com": "v=DMARC1; psd=n", "example.com": "v=DMARC1"}, "mail.example.com", "mail.example.com", "mail.example.com"},
		"psd=y above":        {map[string]string{"bank": "v=DMARC1; psd=y", "giant.bank": "v=DMARC1"}, "mail.giant.bank", "mail.giant.bank giant.bank bank", "giant.bank"},
		"psd=y, gap":         {map[string]string{"bank": "v=DMARC1; psd=y"}, "a.mail.giant.bank", "a.mail.giant.bank mail.giant.bank giant.bank bank", "giant.bank"},
		"psd=y at the start": {map[string]string{"gov.example": "v=DMARC1; psd=y", "example": "v=DMARC1"}, "gov.example", "gov.example example", "example"},
		"eight labels and more": {map[string]string{"example.com": "v=DMARC1"}, "a.b.c.d.e.f.g.h.i.j.example.com",
			"a.b.c.d.e.f.g.h.i.j.example.com f.g.h.i.j.example.com g.h.i.j.example.com h.i.j.example.com i.j.example.com j.example.com example.com com", "example.com"},
		"twenty labels": {nil, strings.Repeat("x.", 18) + "example.com",
			strings.Repeat("x.", 18) + "example.com x.x.x.x.x.example.com x.x.x.x.example.com x.x.x.example.com x.x.example.com x.example.com example.com com", strings.Repeat("x.", 18) + "example.com"},
		"other versions are none": {map[string]string{"example.com": "v=DMARC2; p=reject", "com": "p=reject; v=DMARC1"}, "example.com", "example.com com", "example.com"},
	} {
		d := dmarcZone(t, x.records)
		found, err := walk(t.Context(), newLookups(d.Resolver()), x.domain)
		if err != nil {
			t.Fatal(err)
		}
		if org := orgDomain(x.domain, found); org != x.org {
			t.Errorf("%s: organization %s", name, org)
		}
		var want []string
		for _, n := range strings.Fields(x.asked) {
			want = append(want, "_dmarc."+n+". TXT")
		}
		if got := d.Queries(); !slices.Equal(got, want) || len(got) > maxWalk {
			t.Errorf("%s: asked %q", name, got)
		}
	}
}

func TestSeveralRecordsAreNone(t *testing.T) {
	d := testkit.NewDNS(t, map[string][]string{"_dmarc.example.com": {testkit.TXT("v=DMARC1; p=reject"), testkit.TXT("v=DMARC1; p=none"), testkit.TXT("v=spf1 -all")}})
	if _, ok, err := lookupRecord(t.Context(), newLookups(d.Resolver()), "example.com"); ok || err != nil {
		t.Error(ok, err)
	}
}

func TestDMARCRecord(t *testing.T) {
	for txt, want := range map[string]string{
		"v=DMARC1; p=reject": "reject   false false false u",
		"v=DMARC1;p=quarantine;sp=none;np=reject;adkim=s;aspf=s;t=y;psd=n": "quarantine none reject true true true n",
		"v=DMARC1 ; P=Reject ; T=Y":                                        "reject   false false true u",
		"v=DMARC1; rua=mailto:x@example.com":                               "none   false false false u", // RFC 9989 §4.7: no p is none
		"v=DMARC1; p=bogus; sp=bogus; adkim=x; pct=900; rf=x; fo":          "none   false false false u", // what is unknown is ignored
		"v=DMARC1":               "none   false false false u",
		"v=DMARC1; p=none; p=x":  "none   false false false u",
		"v=dmarc1; p=reject":     "",
		"v=DMARC10; p=reject":    "",
		"p=reject; v=DMARC1":     "",
		"":                       "",
		"v=spf1 include:x -all":  "",
		" v = DMARC1 ; p=reject": "reject   false false false u",
	} {
		r, ok := parseRecord("example.com", txt)
		got := fmt.Sprintf("%s %s %s %v %v %v %c", r.p, r.sp, r.np, r.dkimStrict, r.spfStrict, r.testing, r.psd)
		if !ok {
			got = ""
		}
		if got != want {
			t.Errorf("%q: %q; want %q", txt, got, want)
		}
	}
}

// From is anne@<author>; DKIM passes for dkim, SPF for spf.
func TestDMARCVerdict(t *testing.T) {
	for name, x := range map[string]struct {
		records           map[string]string
		author, dkim, spf string
		want              Result
		policy            Disposition
		asks              Disposition
		backed            bool
	}{
		"aligned signature":            {map[string]string{"example.com": "v=DMARC1; p=reject"}, "example.com", "example.com", "", Pass, "reject", "none", true},
		"aligned SPF":                  {map[string]string{"example.com": "v=DMARC1; p=reject"}, "example.com", "", "example.com", Pass, "reject", "none", true},
		"nothing":                      {map[string]string{"example.com": "v=DMARC1; p=reject"}, "example.com", "", "", Fail, "reject", "reject", false},
		"another's signature and SPF":  {map[string]string{"example.com": "v=DMARC1; p=reject"}, "example.com", "evil.example", "evil.example", Fail, "reject", "reject", false},
		"relaxed subdomain":            {map[string]string{"example.com": "v=DMARC1; p=reject"}, "example.com", "mail.example.com", "", Pass, "reject", "none", true},
		"relaxed parent":               {map[string]string{"example.com": "v=DMARC1; p=reject"}, "a.example.com", "example.com", "", Pass, "reject", "none", true},
		"relaxed sibling":              {map[string]string{"example.com": "v=DMARC1; p=reject"}, "a.example.com", "", "b.example.com", Pass, "reject", "none", true},
		"strict DKIM subdomain":        {map[string]string{"example.com": "v=DMARC1; p=reject; adkim=s"}, "example.com", "mail.example.com", "", Fail, "reject", "reject", false},
		"strict DKIM, SPF relaxed":     {map[string]string{"example.com": "v=DMARC1; p=reject; adkim=s"}, "example.com", "mail.example.com", "mail.example.com", Pass, "reject", "none", true},
		"strict SPF subdomain":         {map[string]string{"example.com": "v=DMARC1; p=reject; aspf=s"}, "example.com", "", "mail.example.com", Fail, "reject", "reject", false},
		"sp":                           {map[string]string{"example.com": "v=DMARC1; p=none; sp=reject"}, "exists.example.com", "", "", Fail, "reject", "reject", false},
		"np for one that is not":       {map[string]string{"example.com": "v=DMARC1; p=none; sp=none; np=reject"}, "ghost.example.com", "", "", Fail, "reject", "reject", false},
		"np not for one that exists":   {map[string]string{"example.com": "v=DMARC1; p=none; sp=none; np=reject"}, "exists.example.com", "", "", Fail, "none", "none", false},
		"t=y reject":                   {map[string]string{"example.com": "v=DMARC1; p=reject; t=y"}, "example.com", "", "", Fail, "reject", "quarantine", false},
		"t=y quarantine":               {map[string]string{"example.com": "v=DMARC1; p=quarantine; t=y"}, "example.com", "", "", Fail, "quarantine", "none", false},
		"no record, same domain":       {nil, "example.com", "example.com", "", None, "", "none", true},
		"no record, subdomain":         {nil, "example.com", "mail.example.com", "mail.example.com", None, "", "none", false},
		"own organization inside":      {map[string]string{"example.com": "v=DMARC1; p=reject", "tenant.example.com": "v=DMARC1; p=none; psd=n"}, "example.com", "tenant.example.com", "", Fail, "reject", "reject", false},
		"two tenants of a suffix":      {map[string]string{"host.example": "v=DMARC1; p=reject; psd=y"}, "a.host.example", "b.host.example", "", Fail, "reject", "reject", false},
		"public suffix has the record": {map[string]string{"bank": "v=DMARC1; p=reject; psd=y"}, "giant.bank", "mail.giant.bank", "", Pass, "reject", "none", true},
		"suffix's sp":                  {map[string]string{"bank": "v=DMARC1; p=none; sp=quarantine; psd=y"}, "giant.bank", "", "", Fail, "quarantine", "quarantine", false},
		"name that only ends the same": {map[string]string{"example.com": "v=DMARC1; p=reject"}, "example.com", "badexample.com", "", Fail, "reject", "reject", false},
	} {
		d := dmarcZone(t, x.records)
		_ = d.Set("exists.example.com", "A 192.0.2.1")
		author := addr.Address{Local: "anne", Domain: x.author}
		r := Results{Author: author, SPF: SPF{Result: None}, DKIM: []DKIM{{Result: Fail, Domain: x.author}}}
		if x.dkim != "" {
			r.DKIM = append(r.DKIM, DKIM{Result: Pass, Domain: x.dkim})
		}
		if x.spf != "" {
			r.SPF = SPF{Result: Pass, Domain: x.spf}
		}
		c := checker(d)
		c.checkDMARC(t.Context(), newLookups(c.resolver), In{}, &r)
		if ok, _ := r.Backed(author); r.DMARC.Result != x.want || r.DMARC.Policy != x.policy || r.Requested() != x.asks || ok != x.backed {
			t.Errorf("%s: %+v asks %s, backed %v", name, r.DMARC, r.Requested(), ok)
		}
	}
}

// A second From is no way around a policy.
func TestDMARCSeveralAuthors(t *testing.T) {
	k := edKey(t, "")
	d := testkit.NewDNS(t, map[string][]string{
		"_dmarc.example.com": {testkit.TXT("v=DMARC1; p=reject")}, "_dmarc.evil.example": {testkit.TXT("v=DMARC1; p=none")}, "s1._domainkey.evil.example": {k.record},
	})
	evil := sign(t, strings.Replace(plainMail, "anne@example.com", "x@evil.example", 1), k, "evil.example", nil)
	for name, mail := range map[string]string{
		"two fields":    "From: anne@example.com\r\n" + evil,
		"two addresses": strings.Replace(evil, "<x@evil.example>", "<x@evil.example>, anne@example.com", 1),
		"none at all":   strings.Replace(evil, "From: Anne <x@evil.example>\r\n", "", 1),
		"empty group":   strings.Replace(evil, "Anne <x@evil.example>", "undisclosed:;", 1),
	} {
		r := checker(d).Check(t.Context(), input(t, mail))
		want := DispositionReject
		if name == "none at all" || name == "empty group" {
			want = DispositionNone
		}
		if r.Requested() != want || r.AuthorFault == "" || !r.Author.IsZero() {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func FuzzRecords(f *testing.F) {
	for _, s := range []string{"v=DMARC1; p=reject; sp=none; t=y; psd=n", "v=spf1 a:%{d} mx/24//64 ip4:1.2.3.4/8 exp=x.example redirect=_spf.example.com", "v=spf1 exists:%{ir}.%{v}._spf.%{d2}", "v=DKIM1; k=rsa; p="} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		parseRecord("example.com", s)
		validSPF("v=spf1 " + s)
		tagList(s)
	})
}
