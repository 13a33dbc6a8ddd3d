// Package metrics counts what postdesk does, for Prometheus. Labels have values
// from fixed lists and from the configuration only: what a peer sends never
// makes a new series.
package metrics

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Options are the lists of label values and the functions that gauges ask. An
// empty list and a nil function are allowed.
type Options struct {
	Teams   []string // addresses, see SetTeams
	Reasons []string // of acknowledgements: "sent" and the names of the table's lines
	Events  []string // kinds of event
	Why     []string // why mails are held

	// The functions are called for each scrape, from any goroutine. When one
	// fails its series are absent from that scrape.
	Tickets   func() (map[TeamStatus]int, error)
	Outbox    func() (map[string]int, error)   // rows by state
	OldestDue func() (time.Duration, error)    // how long the oldest mail of the outbox has been waiting, 0 for none
	Held      func() (map[string]int, error)   // held mails by why
	DiskFree  func() (bytes uint64, err error) // of the data directory's file system

	// CertificateLeft is how long the listeners' certificate is still good, negative when it has
	// expired; false when there is none to look after.
	CertificateLeft func() (time.Duration, bool)
}

// TeamStatus is the labels of postdesk_tickets.
type TeamStatus struct{ Team, Status string }

// Metrics is one registry. Its methods may be called by many goroutines.
type Metrics struct {
	registry *prometheus.Registry
	gauges   *gauges
	teams    *labels

	sessions, mails, authFailures, authentication *counter
	acknowledgements, events, deliveries          *counter

	firstReply           *prometheus.HistogramVec
	resolution           *prometheus.HistogramVec
	delivery             prometheus.Histogram
	commit, commitBatch  prometheus.Histogram
	lastReloadSuccessful prometheus.Gauge
}

// Buckets. A commit is two syncs; a delivery takes seconds or, with retries,
// days; a first reply takes hours or days, a resolution up to months.
func commitBuckets() []float64 {
	return []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5}
}

func batchBuckets() []float64 { return []float64{1, 2, 4, 8, 16, 32, 64, 128, 256} }

func deliveryBuckets() []float64 {
	return []float64{.1, .5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 4 * 3600, 24 * 3600, 5 * 24 * 3600}
}

func firstReplyBuckets() []float64 {
	const hour = 3600
	return []float64{300, 900, hour / 2, hour, 2 * hour, 4 * hour, 8 * hour, 24 * hour, 48 * hour, 72 * hour, 7 * 24 * hour}
}

func resolutionBuckets() []float64 {
	const hour, day = 3600, 24 * 3600
	return []float64{hour / 2, hour, 4 * hour, 8 * hour, day, 2 * day, 3 * day, 7 * day, 14 * day, 30 * day, 90 * day, 365 * day}
}

// New makes a registry with all series of fixed labels at zero, and Go's and
// the process's own metrics.
func New(o Options) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry(), teams: newLabels(o.Teams...)}
	listener := newLabels("mx", "submission", "submissions", "lmtp")
	m.sessions = m.counter("postdesk_smtp_sessions_total", "SMTP and LMTP connections that were greeted.", dim{"listener", listener})
	m.mails = m.counter("postdesk_mails_total", "Mails that came in, by what the client was told (LMTP: by recipient).",
		dim{"listener", listener}, dim{"verdict", newLabels("accepted", "refused", "deferred", "aborted")})
	m.authFailures = m.counter("postdesk_auth_failures_total", "Refused logins.", dim{"listener", listener})
	m.authentication = m.counter("postdesk_authentication_total", "Results of SPF, DKIM and DMARC, one each per mail.",
		dim{"check", newLabels("spf", "dkim", "dmarc")},
		dim{"result", newLabels("none", "pass", "fail", "softfail", "neutral", "policy", "temperror", "permerror")})
	m.acknowledgements = m.counter("postdesk_acknowledgements_total", "Acknowledgements sent, or why not.", dim{"reason", newLabels(o.Reasons...)})
	m.events = m.counter("postdesk_events_total", "Entries of the tickets' histories.", dim{"kind", newLabels(o.Events...)})
	m.deliveries = m.counter("postdesk_deliveries_total", "Attempts to deliver, one per recipient.", dim{"result", newLabels("delivered", "deferred", "failed")})
	m.histograms()
	m.gauges = newGauges(o, m.teams)
	m.registry.MustRegister(m.gauges, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.SetTeams(o.Teams)
	return m
}

func (m *Metrics) histograms() {
	m.firstReply = prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "postdesk_first_reply_seconds",
		Help: "Time from a request to the first reply of an agent.", Buckets: firstReplyBuckets()}, []string{"team"})
	m.resolution = prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "postdesk_resolution_seconds",
		Help: "Time from a request to its resolution; one that is reopened counts again.", Buckets: resolutionBuckets()}, []string{"team"})
	m.delivery = prometheus.NewHistogram(prometheus.HistogramOpts{Name: "postdesk_delivery_seconds",
		Help: "Time from a mail's entry in the outbox to its delivery.", Buckets: deliveryBuckets()})
	m.commit = prometheus.NewHistogram(prometheus.HistogramOpts{Name: "postdesk_commit_seconds",
		Help: "Time of a durable commit.", Buckets: commitBuckets()})
	m.commitBatch = prometheus.NewHistogram(prometheus.HistogramOpts{Name: "postdesk_commit_batch",
		Help: "Transactions that shared a commit.", Buckets: batchBuckets()})
	m.lastReloadSuccessful = prometheus.NewGauge(prometheus.GaugeOpts{Name: "postdesk_config_last_reload_successful",
		Help: "1 if the last reload of the configuration was taken, 0 if the old one stayed."})
	m.lastReloadSuccessful.Set(1)
	m.registry.MustRegister(m.firstReply, m.resolution, m.delivery, m.commit, m.commitBatch, m.lastReloadSuccessful)
}

// Handler serves the registry for /metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 20 * time.Second})
}

// SetTeams tells the addresses of the teams after a reload. Series of teams that
// are gone stay until the next start.
func (m *Metrics) SetTeams(teams []string) {
	m.teams.set(teams)
	for _, team := range teams {
		m.firstReply.WithLabelValues(team)
		m.resolution.WithLabelValues(team)
	}
}

// Session counts a connection. Listener is mx, submission, submissions or lmtp.
func (m *Metrics) Session(listener string) { m.sessions.add(listener) }

// Mail counts what a client was told about a mail: accepted, refused, deferred
// or aborted.
func (m *Metrics) Mail(listener, verdict string) { m.mails.add(listener, verdict) }

// AuthFailure counts a refused login.
func (m *Metrics) AuthFailure(listener string) { m.authFailures.add(listener) }

// Authentication counts a mail's result of spf, dkim or dmarc in the words of
// RFC 8601 §2.7.
func (m *Metrics) Authentication(check, result string) { m.authentication.add(check, result) }

// Acknowledgement counts an acknowledgement, with reason "sent", or one that
// was not sent.
func (m *Metrics) Acknowledgement(reason string) { m.acknowledgements.add(reason) }

// Event counts an entry of a ticket's history.
func (m *Metrics) Event(kind string) { m.events.add(kind) }

// Delivery counts an attempt for one recipient: delivered, deferred or failed.
func (m *Metrics) Delivery(result string) { m.deliveries.add(result) }

// DeliverySeconds notes how long a delivered mail was in the outbox.
func (m *Metrics) DeliverySeconds(d time.Duration) { m.delivery.Observe(d.Seconds()) }

// FirstReply notes how long a customer waited for a team's first reply.
func (m *Metrics) FirstReply(team string, d time.Duration) {
	m.firstReply.WithLabelValues(m.teams.clamp(team)).Observe(d.Seconds())
}

// Resolution notes how long a team's ticket took until it was solved, or closed
// without being solved first.
func (m *Metrics) Resolution(team string, d time.Duration) {
	m.resolution.WithLabelValues(m.teams.clamp(team)).Observe(d.Seconds())
}

// Commit notes one durable commit: how many transactions shared it, and how
// long it took.
func (m *Metrics) Commit(batch int, d time.Duration) {
	m.commitBatch.Observe(float64(batch))
	m.commit.Observe(d.Seconds())
}

// Reload notes whether the last reload of the configuration was taken.
func (m *Metrics) Reload(ok bool) {
	if ok {
		m.lastReloadSuccessful.Set(1)
	} else {
		m.lastReloadSuccessful.Set(0)
	}
}
