package load

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Report is what one run measured.
type Report struct {
	Sent      []Entry
	Arrived   []Arrival
	Accepting time.Duration // from the first connect to the last reply
	Draining  time.Duration // from the first connect to the last mail at a sink
	CPU       time.Duration // that the process used meanwhile, 0 when none was named
	PeakPSS   int64         // bytes
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
		fmt.Fprintf(&b, "server       %.2f ms of CPU per mail, %.1f MB of memory (PSS) at most\n", millis(r.CPU)/float64(max(ok, 1)), float64(r.PeakPSS)/(1<<20))
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

// meter watches a process.
type meter struct {
	pid   int
	begin time.Duration
	peak  int64
	end   chan struct{}
	done  sync.WaitGroup
}

// startMeter samples the memory of a process five times a second until stop.
func startMeter(pid int) *meter {
	m := &meter{pid: pid, end: make(chan struct{})}
	if pid == 0 {
		return m
	}
	m.begin = cpuTime(pid)
	m.done.Go(func() {
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for {
			m.peak = max(m.peak, memory(pid))
			select {
			case <-m.end:
				return
			case <-tick.C:
			}
		}
	})
	return m
}

func (m *meter) stop() (cpu time.Duration, peak int64) {
	close(m.end)
	m.done.Wait()
	if m.pid == 0 {
		return 0, 0
	}
	return max(cpuTime(m.pid)-m.begin, 0), m.peak
}

// clockTick is USER_HZ, which is 100 on every Linux that Go runs on.
const clockTick = 10 * time.Millisecond

// cpuTime is user and system time of a process, from proc(5).
func cpuTime(pid int) time.Duration {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0
	}
	// The name, in parentheses, may hold anything.
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * clockTick
}

// memory is the proportional set size of a process, bytes.
func memory(pid int) int64 {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/smaps_rollup")
	if err != nil {
		return 0
	}
	for l := range strings.Lines(string(text)) {
		if f := strings.Fields(l); len(f) == 3 && f[0] == "Pss:" {
			kb, _ := strconv.ParseInt(f[1], 10, 64)
			return kb << 10
		}
	}
	return 0
}
