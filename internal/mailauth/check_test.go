package mailauth

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"net"
	"net/netip"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"
	"go.uber.org/goleak"

	"postdesk/internal/addr"
	"postdesk/internal/message"
	"postdesk/internal/testkit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(testkit.Settled{M: m}) }

// key is a signing key with its DNS record.
type key struct {
	signer crypto.Signer
	record string
}

func edKey(t testing.TB, flags string) key {
	t.Helper()
	pub, priv, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key{priv, testkit.TXT("v=DKIM1; k=ed25519; " + flags + "p=" + base64.StdEncoding.EncodeToString(pub))}
}

const plainMail = "From: Anne <anne@example.com>\r\nTo: relationclient@example.net\r\nSubject: Bonjour\r\nDate: Mon, 02 Nov 2026 09:00:00 +0100\r\n\r\nUne question.\r\n"

// sign signs with relaxed/relaxed unless o says otherwise.
func sign(t testing.TB, mail string, k key, domain string, change func(o *dkim.SignOptions)) string {
	t.Helper()
	o := &dkim.SignOptions{Domain: domain, Selector: "s1", Signer: k.signer, HeaderKeys: []string{"From", "To", "Subject", "Date"},
		HeaderCanonicalization: dkim.CanonicalizationRelaxed, BodyCanonicalization: dkim.CanonicalizationRelaxed}
	if change != nil {
		change(o)
	}
	var b bytes.Buffer
	if err := dkim.Sign(&b, strings.NewReader(mail), o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// signatureOf is the signature's own field.
func signatureOf(signed string) string { return signed[:strings.Index(signed, "\r\nFrom: ")+2] }

// input is a mail from 192.0.2.1 with the envelope sender that From names,
// unless changed afterwards.
func input(t testing.TB, mail string) In {
	t.Helper()
	m, err := message.Parse(message.BytesSource([]byte(mail)))
	if err != nil {
		t.Fatal(err)
	}
	in := In{RemoteIP: netip.MustParseAddr("192.0.2.1"), Helo: "mail.example.com", Source: m.Source}
	in.Authors, in.FromFields = m.Authors()
	if len(in.Authors) > 0 {
		in.MailFrom = in.Authors[0].Address
	}
	return in
}

func checker(d *testkit.DNS) *Checker {
	return New(Options{Resolver: d.Resolver(), Budget: time.Minute})
}

var anne = addr.Address{Local: "anne", Domain: "example.com"}

func TestBackedBySignatureOrSPF(t *testing.T) {
	k := edKey(t, "")
	d := testkit.NewDNS(t, map[string][]string{
		"s1._domainkey.example.com":      {k.record},
		"s1._domainkey.mail.example.com": {k.record},
		"s1._domainkey.other.example":    {k.record},
		"example.com":                    {testkit.TXT("v=spf1 ip4:192.0.2.9 -all")},
		"spf.example":                    {testkit.TXT("v=spf1 ip4:192.0.2.1 -all")},
	})
	c := checker(d)
	signed := sign(t, plainMail, k, "example.com", nil)
	for name, x := range map[string]struct {
		mail   string
		change func(*In)
		how    string
	}{
		"nothing":               {plainMail, nil, ""},
		"signed":                {signed, nil, "dkim example.com"},
		"signed, any case":      {strings.Replace(signed, "d=example.com", "d=EXAMPLE.com", 1), nil, ""}, // the d= is signed
		"signed by another":     {sign(t, plainMail, k, "other.example", nil), nil, ""},
		"body changed":          {signed + "more\r\n", nil, ""},
		"header changed":        {strings.Replace(signed, "Bonjour", "Bonsoir", 1), nil, ""},
		"second From on top":    {"From: boss@example.com\r\n" + signed, nil, ""},
		"second From below":     {strings.Replace(signed, "\r\n\r\n", "\r\nFrom : boss@example.com\r\n\r\n", 1), nil, ""},
		"two addresses in From": {sign(t, strings.Replace(plainMail, "<anne@example.com>", "<anne@example.com>, b@example.com", 1), k, "example.com", nil), nil, ""},
		"SPF of the sender":     {plainMail, func(in *In) { in.RemoteIP = netip.MustParseAddr("::ffff:192.0.2.9") }, "spf example.com"},
		"SPF of another":        {plainMail, func(in *In) { in.MailFrom.Domain = "spf.example" }, ""},
		"no From":               {strings.Replace(plainMail, "From:", "X-From:", 1), func(in *In) { in.RemoteIP = netip.MustParseAddr("192.0.2.9") }, ""},
		"subdomain, no record":  {sign(t, plainMail, k, "mail.example.com", nil), nil, ""}, // without a DMARC record each is its own organization
	} {
		in := input(t, x.mail)
		if x.change != nil {
			x.change(&in)
		}
		r := c.Check(t.Context(), in)
		if ok, how := r.Backed(anne); how != x.how || ok != (how != "") {
			t.Errorf("%s: %q; %+v", name, how, r)
		}
		if ok, _ := r.Backed(addr.Address{Local: "boss", Domain: "example.com"}); ok {
			t.Errorf("%s: backs somebody else", name)
		}
	}
}

func TestResultsAreJSON(t *testing.T) {
	k := edKey(t, "")
	d := testkit.NewDNS(t, map[string][]string{"s1._domainkey.example.com": {k.record}, "_dmarc.example.com": {testkit.TXT("v=DMARC1; p=reject")}})
	r := checker(d).Check(t.Context(), input(t, sign(t, plainMail, k, "example.com", nil)))
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var back Results
	if err := json.Unmarshal(text, &back); err != nil || !reflect.DeepEqual(r, back) {
		t.Errorf("%s: %v", text, err)
	}
}

// Valid by RFC 6376, and still no proof.
func TestSignaturesThatAreNoProof(t *testing.T) {
	k, strict, trial := edKey(t, ""), edKey(t, "t=s; "), edKey(t, "t=y; ")
	small, err := x509.MarshalPKIXPublicKey(&smallKey(t).PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	d := testkit.NewDNS(t, map[string][]string{
		"s1._domainkey.example.com":        {k.record},
		"s1._domainkey.strict.example.com": {strict.record},
		"s1._domainkey.test.example.com":   {trial.record},
		"s1._domainkey.small.example.com":  {testkit.TXT("v=DKIM1; p=" + base64.StdEncoding.EncodeToString(small))},
		"s1._domainkey.gone.example.com":   {testkit.TXT("v=DKIM1; k=ed25519; p=")},
		"s1._domainkey.many.example.com":   {testkit.TXT("not a key"), testkit.TXT("v=DKIM1; k=rsa; p=AAAA"), k.record},
		"s1._domainkey.huge.example.com":   {testkit.TXT("v=DKIM1; k=ed25519; n=" + strings.Repeat("x", 5000) + "; p=AAAA")},
	})
	d.SetMode("down.example.com", testkit.DNSServFail)
	c := checker(d)
	tag := func(domain, add string) string {
		s := regexp.MustCompile(`t=\d+;`).ReplaceAllString(sign(t, plainMail, k, domain, nil), "")
		return strings.Replace(s, "v=1;", "v=1; "+add+";", 1)
	}
	for name, x := range map[string]struct {
		mail string
		want Result
	}{
		"good":                     {sign(t, plainMail, k, "example.com", nil), Pass},
		"testing key":              {sign(t, plainMail, trial, "test.example.com", nil), Pass},
		"l=":                       {tag("example.com", "l=5"), Policy},
		"sha1":                     {strings.Replace(sign(t, plainMail, k, "example.com", nil), "ed25519-sha256", "rsa-sha1", 1), Policy},
		"x= past":                  {tag("example.com", "x=1700000000"), Policy},
		"t= future":                {tag("example.com", "t=4000000000"), Policy},
		"x= before t=":             {tag("example.com", "t=1793600000; x=1793600000"), Policy},
		"t= nonsense":              {tag("example.com", "t=soon"), PermError},
		"two d=":                   {tag("example.com", "d=example.com"), PermError},
		"short key":                {strings.Replace(sign(t, plainMail, k, "small.example.com", nil), "ed25519", "rsa", 1), PermError},
		"revoked key":              {sign(t, plainMail, k, "gone.example.com", nil), PermError},
		"no key":                   {sign(t, plainMail, k, "none.example.com", nil), PermError},
		"several records, one fit": {sign(t, plainMail, k, "many.example.com", nil), Pass},
		"huge record":              {sign(t, plainMail, k, "huge.example.com", nil), PermError},
		"DNS down":                 {sign(t, plainMail, k, "down.example.com", nil), TempError},
		"From not signed":          {sign(t, plainMail, k, "example.com", func(o *dkim.SignOptions) { o.HeaderKeys = []string{"From", "To"} }), Pass},
		"t=s and a subdomain in i=": {sign(t, plainMail, strict, "strict.example.com", func(o *dkim.SignOptions) {
			o.Identifier = "@sub.strict.example.com"
		}), PermError},
		"too many names in h=": {strings.Replace(sign(t, plainMail, k, "example.com", nil), " h=", " h="+strings.Repeat("x:", 300), 1), PermError},
		"no tags":              {"DKIM-Signature: nothing\r\n" + plainMail, PermError},
	} {
		r := c.Check(t.Context(), input(t, x.mail))
		if len(r.DKIM) != 1 || r.DKIM[0].Result != x.want {
			t.Errorf("%s: %+v; want %s", name, r.DKIM, x.want)
		}
	}
}

func smallKey(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	t.Setenv("GODEBUG", "rsa1024min=0")
	k, err := rsa.GenerateKey(rand.Reader, 512)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// Signatures of others do not crowd the author's out, and only five cost time.
func TestThousandSignatures(t *testing.T) {
	k := edKey(t, "")
	d := testkit.NewDNS(t, map[string][]string{"s1._domainkey.example.com": {k.record}, "s1._domainkey.list.example": {k.record}})
	mail := sign(t, plainMail, k, "example.com", nil)
	other := sign(t, plainMail, k, "list.example", nil)
	other = signatureOf(other)
	many := strings.Repeat(other, 900) + mail
	start := testkit.CPU()
	r := checker(d).Check(t.Context(), input(t, many))
	if ok, _ := r.Backed(anne); !ok || len(r.DKIM) != MaxVerifications || r.DKIMIgnored != 901-MaxVerifications {
		t.Errorf("%+v", r)
	}
	if took := testkit.CPU() - start; took > time.Second*testkit.RaceFactor {
		t.Errorf("took %s", took)
	}
}

// The header of a mail may be as large as it likes: it costs nothing.
func TestCPUBombs(t *testing.T) {
	k := edKey(t, "")
	d := testkit.NewDNS(t, map[string][]string{"s1._domainkey.example.com": {k.record}})
	signed := sign(t, plainMail, k, "example.com", nil)
	simple := sign(t, plainMail, k, "example.com", func(o *dkim.SignOptions) {
		o.HeaderCanonicalization, o.BodyCanonicalization = dkim.CanonicalizationSimple, dkim.CanonicalizationSimple
	})
	for name, x := range map[string]struct {
		mail string
		want Result
	}{
		"one folded field of 2 MB":      {"X-A: a\r\n" + strings.Repeat(" b\r\n", 500_000) + signed, ""},
		"one folded field of 31 KB":     {"X-A: a\r\n" + strings.Repeat(" b\r\n", 7_900) + signed, Pass},
		"a field of 100 KB":             {"X-A: " + strings.Repeat("x", 100_000) + "\r\n" + signed, PermError},
		"100,000 fields":                {strings.Repeat("X-A: a\r\n", 100_000) + signed, ""},
		"8 MB of line ends at the end":  {simple + strings.Repeat("\r\n", 4<<20), Pass},
		"8 MB of line ends inside":      {simple + strings.Repeat("\r\n", 4<<20) + "x\r\n", PermError},
		"8 MB of runs just allowed":     {simple + strings.Repeat(strings.Repeat("\r\n", 4000)+"x", 1000), Fail},
		"8 MB of bare LF":               {simple + strings.Repeat("\n", 8<<20), PermError},
		"relaxed, 8 MB of blanks":       {signed + strings.Repeat(" ", 8<<20), Pass},
		"relaxed, 8 MB of blank lines":  {signed + strings.Repeat(" \r\n", 3<<20), Pass},
		"30 MB in five signatures":      {strings.Repeat(signatureOf(signed), 5) + plainMail + strings.Repeat(strings.Repeat("x", 70)+"\r\n", 400_000), Fail},
		"h= with the most names signed": {strings.Repeat("X-A: a\r\n", 980) + strings.Replace(signed, " h=", " h="+strings.Repeat("x-a:", 250), 1), Fail},
	} {
		start := testkit.CPU()
		r := New(Options{Resolver: d.Resolver(), Budget: time.Minute * testkit.RaceFactor}).Check(t.Context(), input(t, x.mail)) // a busy machine takes its time
		took := testkit.CPU() - start
		most := 2 * time.Second * testkit.RaceFactor * time.Duration(max(1, len(x.mail)/(10<<20)))
		r.DKIM = append(r.DKIM, DKIM{}) // none at all is ""
		if r.DKIM[0].Result != x.want {
			t.Errorf("%s: %+v %s; want %s", name, r.DKIM, r.AuthorFault, x.want)
		}
		if took > most {
			t.Errorf("%s: took %s", name, took)
		}
	}
}

// A read error in the middle must not leave goroutines behind (TestMain looks
// for them), nor may it be taken for the end of the mail.
func TestReadErrorIsTemporary(t *testing.T) {
	k := edKey(t, "")
	d := testkit.NewDNS(t, map[string][]string{"s1._domainkey.example.com": {k.record}})
	mail := sign(t, plainMail+strings.Repeat("x\r\n", 100_000), k, "example.com", nil)
	mail = signatureOf(mail) + mail
	in := input(t, mail)
	whole := in.Source
	for _, at := range []int64{0, 100, 270_000} {
		in.Source = broken{whole, at}
		r := checker(d).Check(t.Context(), in)
		for _, s := range r.DKIM {
			if s.Result != TempError {
				t.Errorf("%d: %+v", at, s)
			}
		}
		if !r.TempError() {
			t.Errorf("%d: not temporary", at)
		}
	}
}

type broken struct {
	message.Source
	at int64
}

func (b broken) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > b.at {
		return 0, net.ErrClosed
	}
	return b.Source.ReadAt(p, off)
}

func TestDNSTrouble(t *testing.T) {
	k := edKey(t, "")
	d := testkit.NewDNS(t, map[string][]string{
		"s1._domainkey.example.com": {k.record}, "example.com": {testkit.TXT("v=spf1 ip4:192.0.2.1 -all")}, "_dmarc.example.com": {testkit.TXT("v=DMARC1; p=reject")},
	})
	mail := sign(t, plainMail, k, "example.com", nil)
	for name, x := range map[string]struct {
		mode testkit.DNSMode
		spf  Result
		dkim Result
		temp bool
	}{
		"up":        {testkit.DNSNormal, Pass, Pass, false},
		"slow":      {testkit.DNSSlow, Pass, Pass, false},
		"truncated": {testkit.DNSTruncated, Pass, Pass, false},
		"servfail":  {testkit.DNSServFail, TempError, TempError, true},
		"refused":   {testkit.DNSRefused, TempError, TempError, true},
		"dead":      {testkit.DNSTimeout, TempError, TempError, true},
		"lying":     {testkit.DNSLying, TempError, TempError, true},
		"garbage":   {testkit.DNSGarbage, TempError, TempError, true},
		"nxdomain":  {testkit.DNSNXDomain, None, PermError, false},
	} {
		d.SetMode(".", x.mode)
		budget := time.Minute // an answer that comes is in time, however busy the machine is
		if x.temp {
			budget = 400 * time.Millisecond
		}
		c := New(Options{Resolver: d.Resolver(), Budget: budget})
		start := time.Now()
		r := c.Check(t.Context(), input(t, mail))
		if took := time.Since(start); x.temp && took > 8*time.Second { // the resolver alone would wait 10 s for each name
			t.Errorf("%s: took %s", name, took)
		}
		if r.SPF.Result != x.spf || len(r.DKIM) != 1 || r.DKIM[0].Result != x.dkim || r.TempError() != x.temp {
			t.Errorf("%s: %+v", name, r)
		}
		if r.Requested() != DispositionNone {
			t.Errorf("%s: would be refused", name)
		}
	}
}

// Mails that wait for a dead DNS do not keep others from being verified.
func TestSlowMailsDoNotBlockOthers(t *testing.T) {
	k := edKey(t, "")
	d := testkit.NewDNS(t, map[string][]string{"s1._domainkey.example.com": {k.record}})
	d.SetMode("dead.example", testkit.DNSTimeout)
	c := New(Options{Resolver: d.Resolver(), Budget: time.Minute, Workers: 2})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var wg sync.WaitGroup
	for range 4 {
		in := input(t, sign(t, plainMail, k, "dead.example", nil))
		wg.Go(func() { c.Check(ctx, in) })
	}
	in := input(t, sign(t, plainMail, k, "example.com", nil))
	in.RemoteIP = netip.Addr{}
	for end := time.Now().Add(time.Minute); len(d.Queries()) < 4 && time.Now().Before(end); { // the slow ones are first
		time.Sleep(time.Millisecond)
	}
	r := c.Check(ctx, in) // one that waits for them has no time left of its own
	if ok, _ := r.Backed(anne); !ok || r.TempError() {
		t.Errorf("%+v", r)
	}
	cancel()
	wg.Wait()
}

// SPF names that ask for more names can't make us ask for ever.
func TestQueriesAreCounted(t *testing.T) {
	records := map[string][]string{}
	record := "v=spf1"
	for i := range 9 {
		host := string(rune('a' + i))
		record += " mx:" + host + ".example.com"
		var mx []string
		for j := range 10 {
			mx = append(mx, "MX 10 "+string(rune('a'+j))+host+".far.example.")
		}
		records[host+".example.com"] = mx
	}
	records["example.com"] = []string{testkit.TXT(record + " -all")}
	d := testkit.NewDNS(t, records)
	checker(d).Check(t.Context(), input(t, plainMail))
	if n := len(d.Queries()); n > 2*maxQueries {
		t.Errorf("%d queries", n)
	}
}
