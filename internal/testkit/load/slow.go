package load

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// SlowOptions say how many keep a server waiting, and who is healthy meanwhile.
type SlowOptions struct {
	Options               // Addr, To and From; Mails of the healthy client, one connection each; Watch
	Slow    int           // connections that drip; 5000 when zero
	PerAddr int           // from each address of 127.1.0.0/16; 20 when zero
	Every   time.Duration // a byte; 10 s when zero
	Between time.Duration // two mails of the healthy client; 100 ms when zero
	Metrics string        // URL of the server's metrics, for its goroutines; "" is none
}

// SlowReport is what was measured.
type SlowReport struct {
	Took             []time.Duration // of each healthy mail, from connecting to its 250, with what had to be tried again
	Again            int             // times that the healthy client was sent away
	Lost             int             // healthy mails that were never taken
	Standing         int             // slow connections with a place, on average
	Came             int64           // connections that the slow made
	Refused          int64           // those of them that got no greeting
	PeakPSS          int64           // bytes
	CPU              time.Duration   // of the server, while the healthy client was served
	Descriptors      [3]int          // before, at most, and after
	Goroutines       [3]int          // likewise
	BackAfter, While time.Duration   // until the last two were as before; and of the measurement
}

// settle is how long the server may take to forget those who have gone.
const settle = 30 * time.Second

// Slow lets many clients drip, and one that is healthy hand over its mails. Those
// who drip connect within the time of one byte; the measurement begins then.
func Slow(ctx context.Context, o SlowOptions) (*SlowReport, error) {
	if o.PerAddr, o.Slow = positive(o.PerAddr, 20), positive(o.Slow, 5000); o.Slow > o.PerAddr*250*250 {
		return nil, errors.New("too many slow connections for the addresses that there are")
	}
	if o.Every <= 0 {
		o.Every = 10 * time.Second
	}
	if o.Between <= 0 {
		o.Between = 100 * time.Millisecond
	}
	if err := o.fill(); err != nil {
		return nil, err
	}
	letters, err := compose(o.Options)
	if err != nil {
		return nil, err
	}
	r := &SlowReport{}
	return r, r.run(ctx, o, letters)
}

func positive(n, otherwise int) int {
	if n <= 0 {
		return otherwise
	}
	return n
}

func (r *SlowReport) run(ctx context.Context, o SlowOptions, letters []letter) error {
	watch := newResources(o)
	meter := startMeter(o.Watch)
	slowCtx, stop := context.WithCancel(ctx)
	crowd := &crowd{o: o}
	var running sync.WaitGroup
	for i := range o.Slow {
		running.Go(func() { crowd.one(slowCtx, i) })
	}
	sleep(ctx, o.Every+o.Every/5)
	begin, busy := time.Now(), o.Watch.cpu()
	standing := 0
	for _, l := range letters {
		next := time.Now().Add(o.Between)
		r.healthy(ctx, o, l)
		standing += int(crowd.standing.Load())
		watch.look()
		sleep(ctx, time.Until(next))
	}
	r.While, r.CPU, r.Standing = time.Since(begin), o.Watch.cpu()-busy, standing/max(len(letters), 1)
	stop()
	running.Wait()
	r.BackAfter = watch.back(ctx)
	_, peak := meter.stop()
	r.PeakPSS, r.Came, r.Refused = peak.pss, crowd.came.Load(), crowd.refused.Load()
	r.Descriptors, r.Goroutines = watch.descriptors, watch.goroutines
	return ctx.Err()
}

// healthy hands over one mail, and tries again when it is sent away.
func (r *SlowReport) healthy(ctx context.Context, o SlowOptions, l letter) {
	var sessions atomic.Int64
	c := client{ctx: ctx, o: &o.Options, sessions: &sessions}
	start := time.Now()
	for ctx.Err() == nil {
		code, _ := c.transact(l)
		c.quit()
		if code == 250 {
			r.Took = append(r.Took, time.Since(start))
			return
		}
		if r.Again++; time.Since(start) > settle {
			break
		}
		sleep(ctx, 50*time.Millisecond)
	}
	r.Lost++
}

// Percentile is how long it took until p of the healthy mails were taken.
func (r *SlowReport) Percentile(p float64) time.Duration {
	if len(r.Took) == 0 {
		return 0
	}
	all := slices.Sorted(slices.Values(r.Took))
	return all[min(int(p*float64(len(all))), len(all)-1)]
}

// Print writes the report for people.
func (r *SlowReport) Print(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "slow         %d have a place on average; %d connections, %d of them refused\n", r.Standing, r.Came, r.Refused)
	fmt.Fprintf(&b, "healthy      %d mails, %d lost, sent away %d times; p50 %.1f ms, p99 %.1f ms, at most %.1f ms\n", len(r.Took), r.Lost, r.Again,
		millis(r.Percentile(0.5)), millis(r.Percentile(0.99)), millis(r.Percentile(1)))
	fmt.Fprintf(&b, "server       %.1f MB of memory (PSS) at most, %.1f %% of one processor\n", megabytes(r.PeakPSS), 100*r.CPU.Seconds()/max(r.While.Seconds(), 0.001))
	fmt.Fprintf(&b, "descriptors  %d before, %d at most, %d after\n", r.Descriptors[0], r.Descriptors[1], r.Descriptors[2])
	fmt.Fprintf(&b, "goroutines   %d before, %d at most, %d after; back within %.1f s\n", r.Goroutines[0], r.Goroutines[1], r.Goroutines[2], r.BackAfter.Seconds())
	_, err := io.WriteString(w, b.String())
	return err
}

// crowd is those who drip.
type crowd struct {
	o             SlowOptions
	standing      atomic.Int64
	came, refused atomic.Int64
}

// one is one who drips, and comes again when sent away: a third says a command
// without an end, a third nothing, a third a mail.
func (c *crowd) one(ctx context.Context, i int) {
	sleep(ctx, c.o.Every*time.Duration(i)/time.Duration(c.o.Slow))
	for ctx.Err() == nil {
		c.drip(ctx, i)
		sleep(ctx, c.o.Every)
	}
}

func (c *crowd) drip(ctx context.Context, i int) {
	a := i / c.o.PerAddr
	d := net.Dialer{Timeout: patience, LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 1, byte(a/250), byte(1+a%250))}}
	conn, err := d.DialContext(ctx, "tcp", c.o.Addr)
	if err != nil {
		c.refused.Add(1)
		return
	}
	defer conn.Close()
	c.came.Add(1)
	one := client{ctx: ctx, o: &c.o.Options, nc: conn, r: bufio.NewReaderSize(conn, 512)}
	if code, _, err := one.reply(); err != nil || code != 220 {
		c.refused.Add(1)
		return
	}
	c.standing.Add(1)
	defer c.standing.Add(-1)
	if i%3 == 2 {
		for _, command := range []string{"EHLO slow.test", "MAIL FROM:<slow@slow.test>", "RCPT TO:<" + c.o.To + ">", "DATA"} {
			if code, _, err := one.command(command); err != nil || code >= 400 {
				return
			}
		}
	}
	for ctx.Err() == nil {
		if i%3 != 1 {
			if _, err := conn.Write([]byte("x")); err != nil {
				return
			}
		}
		if !stays(ctx, conn, c.o.Every) {
			return
		}
	}
}

// stays waits, and is false when the server has said something or hung up.
func stays(ctx context.Context, conn net.Conn, d time.Duration) bool {
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	_ = conn.SetReadDeadline(time.Now().Add(d))
	var one [1]byte
	_, err := conn.Read(one[:])
	return errors.Is(err, os.ErrDeadlineExceeded)
}

// resources are what the server holds beside memory: before, at most, and now.
type resources struct {
	o                       SlowOptions
	descriptors, goroutines [3]int
	looked                  time.Time
}

func newResources(o SlowOptions) *resources {
	w := &resources{o: o}
	w.descriptors[0], w.goroutines[0] = w.count()
	return w
}

func (w *resources) count() (descriptors, goroutines int) {
	for _, pid := range w.o.Watch.processes() {
		list, _ := os.ReadDir("/proc/" + strconv.Itoa(pid) + "/fd") // gone: none
		descriptors += len(list)
	}
	return descriptors, w.gauge("go_goroutines")
}

// look counts, at most once a second.
func (w *resources) look() {
	if time.Since(w.looked) < time.Second {
		return
	}
	d, g := w.count()
	w.descriptors[1], w.goroutines[1], w.looked = max(w.descriptors[1], d), max(w.goroutines[1], g), time.Now()
}

// back waits until all is as before, but for a few that a server keeps for the
// work that it does anyway.
func (w *resources) back(ctx context.Context) time.Duration {
	start := time.Now()
	for {
		w.descriptors[2], w.goroutines[2] = w.count()
		if w.descriptors[2] <= w.descriptors[0]+10 && w.goroutines[2] <= w.goroutines[0]+20 || time.Since(start) > settle || ctx.Err() != nil {
			return time.Since(start)
		}
		sleep(ctx, 100*time.Millisecond)
	}
}

// gauge reads one value of the metrics; 0 when there is none.
func (w *resources) gauge(name string) int {
	if w.o.Metrics == "" {
		return 0
	}
	c := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := c.Get(w.o.Metrics)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	sc := bufio.NewScanner(resp.Body)
	for sc.Scan() {
		if text, ok := strings.CutPrefix(sc.Text(), name+" "); ok {
			n, _ := strconv.ParseFloat(text, 64)
			return int(n)
		}
	}
	return 0
}
