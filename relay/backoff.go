package relay

import (
	"math/rand/v2"
	"time"
)

// backoff is the time from the n-th attempt (from 1) to the next; the last of
// the schedule repeats.
func backoff(retry []time.Duration, n int) time.Duration {
	return retry[min(max(n, 1), len(retry))-1]
}

// waited is how long a mail has waited at its n-th attempt, by the schedule:
// the sum of the backoffs before it. It is what expiry and lateness are measured
// by, because no clock is involved: a clock that jumps by a month, or a server
// that was off for a week, gives up no mail. It never exceeds the real time by
// more than the jitter.
func waited(retry []time.Duration, n int) time.Duration {
	var sum time.Duration
	for i := 1; i < n; i++ {
		if i >= len(retry) {
			return sum + time.Duration(n-i)*retry[len(retry)-1]
		}
		sum += retry[i-1]
	}
	return sum
}

// jittered spreads d by a tenth each way, so that what failed together does not
// come back together.
func jittered(d time.Duration) time.Duration {
	return d + time.Duration((rand.Float64()*0.2-0.1)*float64(d))
}
