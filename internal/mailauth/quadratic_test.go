package mailauth

import (
	"strings"
	"testing"
	"time"

	"postdesk/internal/testkit"
)

// checkCost is what the signatures of a mail cost in processor time, and how many
// results there are.
func checkCost(t *testing.T, mail func(signed string) string) (took time.Duration, results []DKIM) {
	t.Helper()
	k := edKey(t, "")
	d := testkit.NewDNS(t, map[string][]string{"s1._domainkey.example.com": {k.record}})
	in := input(t, mail(sign(t, plainMail, k, "example.com", nil)))
	c := New(Options{Resolver: d.Resolver(), Budget: time.Minute * testkit.RaceFactor})
	began := testkit.CPU()
	results = c.Check(t.Context(), in).DKIM
	return testkit.CPU() - began, results
}

// The library needs 0.9 s for a folded field of 128 KB.
func TestAFoldedFieldOf128KBIsNotVerified(t *testing.T) {
	took, results := checkCost(t, func(signed string) string { return "X-A: a\r\n" + strings.Repeat(" b\r\n", 32<<10) + signed })
	if took > 300*time.Millisecond*testkit.RaceFactor || len(results) > 0 && results[0].Result == Pass {
		t.Errorf("%v, %+v", took, results)
	}
}

// Half a million fields: nothing beyond the first 1000 is read.
func TestHalfAMillionFieldsAreNotVerified(t *testing.T) {
	took, results := checkCost(t, func(signed string) string { return strings.Repeat("X: y\r\n", 500_000) + signed })
	if took > time.Second*testkit.RaceFactor || len(results) > 0 {
		t.Errorf("%v, %+v", took, results)
	}
}

// Twenty signatures on a large body: the library canonicalises it for each of them,
// and needs 7 s and 2 GB for 50 MB. Five at most are verified.
func TestTwentySignaturesOnALargeBody(t *testing.T) {
	const size = 8 << 20
	took, results := checkCost(t, func(signed string) string {
		return strings.Repeat(signatureOf(signed), 20) + plainMail + strings.Repeat(strings.Repeat("x", 70)+"\r\n", size/72)
	})
	judged := 0
	for _, r := range results {
		if r.Result == Fail || r.Result == Pass {
			judged++
		}
	}
	if took > 3*time.Second*testkit.RaceFactor || judged > 5 {
		t.Errorf("%v, %d verified of %+v", took, judged, results)
	}
}
