package rules

import (
	"testing"
	"time"

	"postdesk/internal/config"
)

// One domain cannot trip the breaker for all others: it is stopped at a tenth.
func TestOneDomainHasATenthOfTheBreaker(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	limits := config.Acknowledge{PerDomain: config.Rate{N: 600, Per: time.Hour}, Breaker: config.Rate{N: 300, Per: time.Minute}}
	c := Caps{Limits: limits, Domain: new(Window), All: new(Pulse)}
	sent := 0
	for range 1000 {
		if c.domainFull(now) {
			break
		}
		c.Domain.Add(now)
		c.All.Add(now)
		sent++
	}
	if sent != 30 || c.breakerOpen(now) {
		t.Errorf("%d acknowledgements to one domain in a minute, breaker open: %v", sent, c.breakerOpen(now))
	}
	if c.domainFull(now.Add(2 * time.Minute)) {
		t.Error("the domain is still stopped two minutes later")
	}
}
