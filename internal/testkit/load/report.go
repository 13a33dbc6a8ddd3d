package load

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Report is what one run measured.
type Report struct {
	Sent      []Entry
	Arrived   []Arrival
	Accepting time.Duration // from the first connect to the last reply
	Draining  time.Duration // from the first connect to the last mail at a sink
	CPU       time.Duration // that the watched processes used meanwhile, 0 when none were named
	PeakPSS   int64         // bytes, all of them together
	PeakAnon  int64         // bytes of it that are not of a file
	Missing   int           // mails that should have come to the sinks and did not
}

// Accepted counts the mails that got a 250.
func (r *Report) Accepted() (n int) {
	for i := range r.Sent {
		if r.Sent[i].Accepted() {
			n++
		}
	}
	return n
}

// Percentile is how long it took until p of the mails (0.5, 0.99) had their reply.
func (r *Report) Percentile(p float64) time.Duration {
	var all []time.Duration
	for i := range r.Sent {
		if r.Sent[i].Accepted() {
			all = append(all, r.Sent[i].Took)
		}
	}
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[min(int(p*float64(len(all))), len(all)-1)]
}

// Print writes the report for people.
func (r *Report) Print(w io.Writer) error {
	ok := r.Accepted()
	var b strings.Builder
	fmt.Fprintf(&b, "mails        %d sent, %d accepted, %d not\n", len(r.Sent), ok, len(r.Sent)-ok)
	fmt.Fprintf(&b, "accepted     %.1f/s in %.2f s\n", rate(ok, r.Accepting), r.Accepting.Seconds())
	fmt.Fprintf(&b, "reply        p50 %.1f ms, p99 %.1f ms\n", millis(r.Percentile(0.5)), millis(r.Percentile(0.99)))
	if len(r.Arrived) > 0 {
		fmt.Fprintf(&b, "went out     %d mails, the last after %.2f s: %.1f mails in/s end to end\n", len(r.Arrived), r.Draining.Seconds(), rate(ok, r.Draining))
	}
	if r.CPU > 0 {
		fmt.Fprintf(&b, "server       %.2f ms of CPU per mail, %.1f MB of memory (PSS) at most, %.1f MB of it anonymous\n", millis(r.CPU)/float64(max(ok, 1)), megabytes(r.PeakPSS), megabytes(r.PeakAnon))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func rate(n int, d time.Duration) float64 {
	if d <= 0 {
		return 0
	}
	return float64(n) / d.Seconds()
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func megabytes(n int64) float64 { return float64(n) / (1 << 20) }
