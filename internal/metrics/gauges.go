package metrics

import "github.com/prometheus/client_golang/prometheus"

// gauges asks for what is true now, at each scrape.
type gauges struct {
	o                                       Options
	teams, status, state, why               *labels
	tickets, outbox, held, oldest, diskFree *prometheus.Desc
	certificate                             *prometheus.Desc
}

func newGauges(o Options, teams *labels) *gauges {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	return &gauges{
		o: o, teams: teams,
		status:   newLabels("new", "open", "pending", "hold", "solved", "closed"),
		state:    newLabels("ready", "sending", "delivered", "failed", "held", "dropped"),
		why:      newLabels(o.Why...),
		tickets:  desc("postdesk_tickets", "Tickets by team and status.", "team", "status"),
		outbox:   desc("postdesk_outbox", "Mails of the outbox by state.", "state"),
		held:     desc("postdesk_held", "Mails that wait for a person, by why.", "why"),
		oldest:   desc("postdesk_outbox_oldest_seconds", "Age of the oldest mail of the outbox that is not yet delivered."),
		diskFree: desc("postdesk_disk_free_bytes", "Free space of the data directory's file system."),

		certificate: desc("postdesk_certificate_expires_seconds", "Time until the listeners' certificate expires."),
	}
}

// Describe implements prometheus.Collector.
func (g *gauges) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{g.tickets, g.outbox, g.held, g.oldest, g.diskFree, g.certificate} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (g *gauges) Collect(ch chan<- prometheus.Metric) {
	g.collectTickets(ch)
	collectBy(ch, g.outbox, g.state, g.o.Outbox)
	collectBy(ch, g.held, g.why, g.o.Held)
	if g.o.OldestDue != nil {
		if d, err := g.o.OldestDue(); err == nil {
			ch <- gauge(g.oldest, d.Seconds())
		}
	}
	if g.o.DiskFree != nil {
		if n, err := g.o.DiskFree(); err == nil {
			ch <- gauge(g.diskFree, float64(n))
		}
	}
	if g.o.CertificateLeft != nil {
		if d, ok := g.o.CertificateLeft(); ok {
			ch <- gauge(g.certificate, d.Seconds())
		}
	}
}

func gauge(desc *prometheus.Desc, value float64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
}

func (g *gauges) collectTickets(ch chan<- prometheus.Metric) {
	if g.o.Tickets == nil {
		return
	}
	counts, err := g.o.Tickets()
	if err != nil {
		return
	}
	sums := map[TeamStatus]int{}
	for _, team := range g.teams.all() {
		for _, status := range g.status.all() {
			sums[TeamStatus{team, status}] = 0
		}
	}
	for k, n := range counts { // several may become "other"
		sums[TeamStatus{g.teams.clamp(k.Team), g.status.clamp(k.Status)}] += n
	}
	for k, n := range sums {
		ch <- gauge(g.tickets, float64(n), k.Team, k.Status)
	}
}

// collectBy writes a gauge of one label.
func collectBy(ch chan<- prometheus.Metric, desc *prometheus.Desc, values *labels, ask func() (map[string]int, error)) {
	if ask == nil {
		return
	}
	counts, err := ask()
	if err != nil {
		return
	}
	sums := map[string]int{}
	for _, value := range values.all() {
		sums[value] = 0
	}
	for k, n := range counts {
		sums[values.clamp(k)] += n
	}
	for k, n := range sums {
		ch <- gauge(desc, float64(n), k)
	}
}
