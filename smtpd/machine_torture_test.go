//go:build torture

package smtpd

import (
	"os"
	"strconv"
	"testing"
	"time"
)

// A tenth of a million sessions, other ones each time: the seeds begin at POSTDESK_SEED, or
// at the moment. POSTDESK_SEQUENCES=1000000 is all of them.
func TestAMillionSessions(t *testing.T) {
	seed, n := uint64(time.Now().UnixNano()), 100_000
	if text := os.Getenv("POSTDESK_SEED"); text != "" {
		v, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seed = v
	}
	if text := os.Getenv("POSTDESK_SEQUENCES"); text != "" {
		v, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		n = v
	}
	begin := time.Now()
	playMany(t, seed, n)
	t.Logf("%d sessions in %v", n, time.Since(begin).Round(time.Second))
}
