package pipeline

import (
	"fmt"
	"testing"
	"time"

	"postdesk/internal/testkit"
)

func TestAnswersAreRememberedForAShortTime(t *testing.T) {
	dns := testkit.NewDNS(t, map[string][]string{"client.example": {testkit.TXT("v=spf1 -all")}})
	now := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	a := newAnswers(dns.Resolver(), func() time.Time { return now })
	ask := func(name string, want int) {
		t.Helper()
		txt, err := a.LookupTXT(t.Context(), name)
		if len(txt) != want || (err != nil) != (want == 0) {
			t.Fatalf("%s: %q, %v", name, txt, err)
		}
	}
	for range 3 {
		ask("client.example.", 1)
		ask("nothing.client.example.", 0)
	}
	if n := len(dns.Queries()); n != 2 {
		t.Errorf("%d questions: %q", n, dns.Queries())
	}
	if err := dns.Set("nothing.client.example", testkit.TXT("now there is")); err != nil {
		t.Fatal(err)
	}
	now = now.Add(answerLife)
	ask("nothing.client.example.", 1)
	now = now.Add(-time.Hour) // the clock went back
	ask("client.example.", 1)
	if n := len(dns.Queries()); n != 4 {
		t.Errorf("%d questions: %q", n, dns.Queries())
	}
}

func TestAFailureOfDNSIsNotRemembered(t *testing.T) {
	dns := testkit.NewDNS(t, map[string][]string{"client.example": {testkit.TXT("v=spf1 -all")}})
	a := newAnswers(dns.Resolver(), time.Now)
	dns.SetMode(".", testkit.DNSServFail)
	if _, err := a.LookupTXT(t.Context(), "client.example."); err == nil {
		t.Fatal("an answer of a name server that fails")
	}
	dns.SetMode(".", testkit.DNSNormal)
	if txt, err := a.LookupTXT(t.Context(), "client.example."); len(txt) != 1 {
		t.Fatalf("%q, %v", txt, err)
	}
}

func TestAnswersAreBounded(t *testing.T) {
	a := newAnswers(nil, time.Now)
	now := time.Now()
	for i := range 3 * maxAnswers {
		a.remember(fmt.Sprint(i), answer{at: now})
	}
	if len(a.known) > maxAnswers {
		t.Errorf("%d answers", len(a.known))
	}
}
