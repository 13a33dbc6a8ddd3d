//go:build torture

package smtpd

import (
	"os"
	"strconv"
	"testing"
	"time"
)

// A million sessions, other ones each time: the seeds begin at POSTDESK_SEED, or
// at the moment. POSTDESK_SEQUENCES is another number of them.
func TestAMillionSessions(t *testing.T) {
	seed, n := uint64(time.Now().UnixNano()), 1_000_000
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
