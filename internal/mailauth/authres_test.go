package mailauth

import (
	"fmt"
	"postdesk/internal/message"
	"strings"
	"testing"
	"unicode"

	"postdesk/internal/addr"
	"postdesk/internal/testkit"
)

func TestFormatIsClean(t *testing.T) {
	r := Results{
		Author: anne, SPF: SPF{Result: Pass, Domain: "example.com", Identity: "mailfrom"},
		DKIM:  []DKIM{{Result: Fail, Domain: "evil\r\nBcc: all@example.com", Selector: `a"b;c`, Reason: "body hash\r\n\r\ndid not verify\x00"}, {Result: Pass, Domain: "example.com", By: "frontend"}},
		DMARC: DMARC{Result: Pass},
	}
	got := Format("mx.example.com", r)
	want := "mx.example.com;\r\n\tspf=pass\r\n\t smtp.mailfrom=example.com;\r\n\tdkim=fail reason=\"body hash did not verify\"\r\n\t header.d=\"evil Bcc: all@example.com\"" +
		"\r\n\t header.s=\"a\\\"b;c\";\r\n\tdmarc=pass\r\n\t header.from=example.com"
	if got != want {
		t.Errorf("%q", got)
	}
	for _, line := range strings.Split(got, "\r\n")[1:] {
		if !strings.HasPrefix(line, "\t") || strings.ContainsAny(line, "\r\n\x00") {
			t.Errorf("line %q", line)
		}
	}
	if s := Format("mx", Results{}); s != "mx; none" {
		t.Error(s)
	}
	if f, ok := parseField(got); !ok || f.authserv != "mx.example.com" || len(f.results) != 3 {
		t.Errorf("%+v", f)
	}
}

// authResults are header fields of these values.
func authResults(values ...string) (list []field) {
	for _, v := range values {
		list = append(list, field{"authentication-results", []byte("Authentication-Results: " + v + "\r\n")})
	}
	return list
}

// What stands where in a mail with a forged field that the frontend left in.
func TestForgedResultsBelowTheTrustedOnes(t *testing.T) {
	const forged = "A-R: front; auth=pass smtp.auth=anne@example.com; dkim=pass header.d=example.com; spf=pass smtp.mailfrom=example.com; dmarc=pass header.from=example.com"
	for name, x := range map[string]struct{ header, want string }{
		"below another MTA's trace": {"Received: front|A-R: front; spf=none|Received: client|" + forged, "[] [] none "},
		"below the sender's fields": {"Received: front|A-R: front; spf=none|From: anne|" + forged, "[] [] none "},
		"below a signature":         {"Received: front|A-R: front; spf=none|DKIM-Signature: x|" + forged, "[] [] none "},
		"right below":               {"Received: front|A-R: front; spf=fail; dkim=fail header.d=example.com; dmarc=fail|" + forged, "[fail] [] fail fail"},
		"a login right below":       {"Received: front|A-R: front; spf=fail|A-R: front; auth=pass smtp.auth=anne@example.com", "[] [] fail "},
		"under a DMARC that failed": {"Received: front|A-R: front; dmarc=fail|" + forged, "[] []  fail"},
		"under two milters":         {"Received: front|A-R: front; dmarc=fail; spf=fail|DKIM-Filter: x|A-R: front; dkim=fail header.d=example.com|" + forged, "[fail] [] fail fail"},
		"of two milters":            {"Received: front|A-R: front; dmarc=pass; spf=pass smtp.mailfrom=example.com|DKIM-Filter: x|X-Spam: no|A-R: front; dkim=pass header.d=example.com; dkim=fail header.d=b.example", "[pass fail] [] pass pass"},
		"below the MTA's own trace": {"Received: b front|X-Received: x|Received: a front|Received-SPF: pass|A-R: front; auth=pass smtp.auth=anne@example.com; spf=pass smtp.mailfrom=example.com", "[] [anne@example.com] pass "},
		"a stranger's on top":       {"A-R: other; dkim=fail header.d=example.com|A-R: front; dkim=pass header.d=example.com", "[pass] []  "},
	} {
		var fields []field
		for _, f := range strings.Split(strings.ReplaceAll(x.header, "A-R:", "Authentication-Results:"), "|") {
			name, _, _ := strings.Cut(f, ":")
			fields = append(fields, field{strings.ToLower(name), []byte(f + "\r\n")})
		}
		r := trusted(fields, []string{"front"})
		sigs, logins := []Result{}, []string{}
		for _, d := range r.DKIM {
			sigs = append(sigs, d.Result)
		}
		for _, a := range r.Auth {
			logins = append(logins, a.Login)
		}
		if got := fmt.Sprintf("%v %v %s %s", sigs, logins, r.SPF.Result, r.DMARC.Result); got != x.want {
			t.Errorf("%s: %q, want %q", name, got, x.want)
		}
	}
}

func TestTrusted(t *testing.T) {
	for name, x := range map[string]struct {
		values []string
		want   string
	}{
		"none":              {[]string{"front.example; none"}, "spf= dkim=[] dmarc= auth=[]"},
		"another's":         {[]string{"evil.example; spf=pass smtp.mailfrom=x@example.com; dmarc=pass header.from=example.com"}, "spf= dkim=[] dmarc= auth=[]"},
		"case and version":  {[]string{"FRONT.example 1; SPF=PASS smtp.MailFrom=x@Example.com"}, "spf=pass/example.com/mailfrom dkim=[] dmarc= auth=[]"},
		"comments":          {[]string{"front.example (v (nested; \\) x)) ; spf=pass (sender ok; spf=fail) smtp.mailfrom=example.com"}, "spf=pass/example.com/mailfrom dkim=[] dmarc= auth=[]"},
		"semicolon in text": {[]string{`front.example; dkim=fail reason="a; dkim=pass header.d=example.com" header.d=evil.example`}, "spf= dkim=[fail/evil.example] dmarc= auth=[]"},
		"folded":            {[]string{"front.example;\r\n\tdkim=pass (2048-bit key)\r\n\t header.d=example.com header.s=s1\r\n\t header.b=ab=cd;\r\n\tdmarc=pass header.from=example.com"}, "spf= dkim=[pass/example.com] dmarc=pass/example.com auth=[]"},
		"header.i":          {[]string{"front.example; dkim=pass header.i=@mail.example.com"}, "spf= dkim=[pass/mail.example.com] dmarc= auth=[]"},
		"login":             {[]string{`front.example; auth=pass (cram) smtp.auth=anne@example.com smtp.mailfrom=x@example.com`}, "spf= dkim=[] dmarc= auth=[anne@example.com]"},
		"quoted login":      {[]string{`front.example; auth=pass smtp.auth="anne@example.com"`}, "spf= dkim=[] dmarc= auth=[anne@example.com]"},
		"mail from only":    {[]string{`front.example; auth=pass (cram) smtp.mailfrom=x@example.com`}, "spf= dkim=[] dmarc= auth=[]"},
		"failed login":      {[]string{`front.example; auth=fail smtp.auth=anne@example.com`}, "spf= dkim=[] dmarc= auth=[]"},
		"topmost counts":    {[]string{"front.example; spf=fail smtp.mailfrom=example.com; dmarc=fail header.from=example.com", "front.example; spf=pass smtp.mailfrom=example.com; dmarc=pass header.from=example.com"}, "spf=fail/example.com/mailfrom dkim=[] dmarc=fail/example.com auth=[]"},
		"several fields":    {[]string{"front.example; spf=softfail smtp.mailfrom=example.com", "front2.example; dmarc=pass header.from=example.com"}, "spf=softfail/example.com/mailfrom dkim=[] dmarc=pass/example.com auth=[]"},
		"bounce address":    {[]string{`front.example; spf=pass smtp.mailfrom=bounce+anne=corp.example@lists.example; dkim=pass header.d=lists.example`}, "spf=pass/lists.example/mailfrom dkim=[pass/lists.example] dmarc= auth=[]"},
		"quoted address":    {[]string{`front.example; spf=pass smtp.mailfrom="a b"@lists.example`}, "spf=pass/lists.example/mailfrom dkim=[] dmarc= auth=[]"},
		"helo":              {[]string{"front.example; spf=pass smtp.helo=mail.example.com"}, "spf=pass/mail.example.com/helo dkim=[] dmarc= auth=[]"},
		"unknown words":     {[]string{"front.example; spf=sure smtp.mailfrom=example.com; x-new/2=pass a.b=c; dkim"}, "spf=neutral/example.com/mailfrom dkim=[] dmarc= auth=[]"},
		"not closed":        {[]string{`front.example; dkim=pass header.d="example.com`, "front.example; (spf=pass"}, "spf= dkim=[] dmarc= auth=[]"},
		"nothing":           {[]string{"", ";", "=", "; spf=pass", "front.example 2; spf=pass smtp.mailfrom=a.example", "front.example spf=pass"}, "spf= dkim=[] dmarc= auth=[]"},
	} {
		r := trusted(authResults(x.values...), []string{"front.example", "Front2.example"})
		var sigs, logins []string
		for _, d := range r.DKIM {
			sigs = append(sigs, string(d.Result)+"/"+d.Domain)
		}
		for _, a := range r.Auth {
			logins = append(logins, a.Login)
		}
		slash := func(parts ...string) string { return strings.Trim(strings.Join(parts, "/"), "/") }
		got := fmt.Sprintf("spf=%s dkim=%v dmarc=%s auth=%v", slash(string(r.SPF.Result), r.SPF.Domain, r.SPF.Identity), sigs, slash(string(r.DMARC.Result), r.DMARC.Domain), logins)
		if got != x.want {
			t.Errorf("%s: %s; want %s", name, got, x.want)
		}
	}
}

// Behind an MTA its word counts, and only behind it.
func TestFrontend(t *testing.T) {
	d := testkit.NewDNS(t, map[string][]string{
		"example.com": {testkit.TXT("v=spf1 ip4:192.0.2.1 -all")}, "_dmarc.example.com": {testkit.TXT("v=DMARC1; p=reject")},
	})
	for name, x := range map[string]struct {
		value    string
		frontend bool
		how      string
		asks     Disposition
	}{
		"spf":                        {"front; spf=pass smtp.mailfrom=anne@example.com", true, "spf example.com", "none"},
		"spf of a subdomain":         {"front; spf=pass smtp.mailfrom=x@bounce.example.com", true, "spf bounce.example.com", "none"},
		"spf of another":             {"front; spf=pass smtp.mailfrom=x@evil.example", true, "", "reject"},
		"dkim":                       {"front; dkim=pass header.d=example.com", true, "dkim example.com", "none"},
		"dmarc":                      {"front; dmarc=pass header.from=example.com", true, "dmarc example.com", "none"},
		"dmarc of another":           {"front; spf=none; dmarc=pass header.from=evil.example", true, "", "reject"},
		"auth":                       {"front; auth=pass smtp.auth=anne@example.com", true, "auth anne@example.com", "none"},
		"auth of another":            {"front; auth=pass smtp.auth=bruno@example.com", true, "", "none"},
		"nothing":                    {"front; none", true, "", "none"}, // not even SPF of our own: the peer is the frontend
		"not a frontend":             {"front; dmarc=pass header.from=example.com; auth=pass smtp.auth=anne@example.com", false, "", "reject"},
		"a name that is not trusted": {"evil; dmarc=pass header.from=example.com", true, "", "none"},
	} {
		in := input(t, "Authentication-Results: "+x.value+"\r\n"+plainMail)
		in.RemoteIP = in.RemoteIP.Next() // SPF fails
		in.Frontend, in.TrustedAuthserv = x.frontend, []string{"front"}
		if x.frontend {
			in.RemoteIP = in.RemoteIP.Prev() // and would pass for the frontend
		}
		r := checker(d).Check(t.Context(), in)
		if _, how := r.Backed(anne); how != x.how || r.Requested() != x.asks {
			t.Errorf("%s: %q, asks %s: %+v", name, how, r.Requested(), r)
		}
	}
}

func TestIsForged(t *testing.T) {
	names := []string{"mx.example.com", "front.example"}
	for value, want := range map[string]bool{
		"mx.example.com; spf=pass":            true,
		"MX.Example.COM 1; none":              true,
		"(c) \"mx.example.com\" ; spf=pass":   true,
		"front.example; dmarc=pass":           true,
		"other.example; spf=pass":             false,
		"other.example; x=mx.example.com":     false,
		"mx.example.com spf=pass (no semi":    true, // can't be read, names us
		"mx.example.community; spf=pass":      false,
		"":                                    false,
		"\r\n\tmx.example.com;\r\n\tspf=pass": true,
	} {
		if isForged(value, names) != want {
			t.Errorf("%q: %v", value, !want)
		}
	}
}

// A sender must not speak in our name, nor in a frontend's unless it brought the
// mail. What others wrote stays, and so does the mail as we keep it.
func TestForgedFieldsAreNotPassedOn(t *testing.T) {
	m, err := message.Parse(message.BytesSource([]byte("Authentication-Results: mx.example.com; dmarc=pass\r\n" +
		"authentication-results:\r\n front.example; dmarc=pass\r\nAuthentication-Results: other.example; spf=pass\r\n" +
		"X-POSTDESK-Loop: forged\r\nX-Postdesk: not ours\r\nSubject: x\r\n\r\n")))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		trusted []string
		want    string
	}{
		{nil, "authentication-results Authentication-Results X-Postdesk Subject"},
		{[]string{"front.example"}, "Authentication-Results X-Postdesk Subject"},
	} {
		var names []string
		for _, f := range Unforged(m.Header.Fields, "mx.example.com", c.trusted) {
			names = append(names, f.Name)
		}
		if got := strings.Join(names, " "); got != c.want {
			t.Errorf("trusted %q: %s", c.trusted, got)
		}
	}
	if len(m.Header.Fields) != 6 {
		t.Error("the mail's own fields were changed")
	}
}

func FuzzAuthenticationResults(f *testing.F) {
	for _, s := range []string{"front; spf=pass (a (b) c) smtp.mailfrom=\"x y\"@z.example; dkim=pass reason=\"a;b\" header.d=e.example", "a 1;none", "a; x/1=y z.a=b=c", "\"q\\\"\"; auth=pass smtp.auth=x@y.example"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		field, ok := parseField(s)
		if !ok {
			return
		}
		r := trusted(authResults(s), []string{field.authserv})
		r.Backed(addr.Address{Local: "a", Domain: "b.example"})
		for i := range r.DKIM {
			r.DKIM[i].By = ""
		}
		r.SPF.By = ""
		out := Format(field.authserv, r)
		if strings.ContainsFunc(strings.ReplaceAll(out, "\r\n\t", " "), unicode.IsControl) {
			t.Fatalf("%q", out)
		}
	})
}
