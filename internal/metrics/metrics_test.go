package metrics

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

func options() Options {
	return Options{
		Teams:     []string{"desk@example.com"},
		Reasons:   []string{"sent", "null-sender"},
		Events:    []string{"created", "assigned"},
		Why:       []string{"guard", "not-believed"},
		Tickets:   func() (map[TeamStatus]int, error) { return map[TeamStatus]int{{"desk@example.com", "new"}: 3}, nil },
		Outbox:    func() (map[string]int, error) { return map[string]int{"ready": 2}, nil },
		OldestDue: func() (time.Duration, error) { return 90 * time.Second, nil },
		Held:      func() (map[string]int, error) { return map[string]int{"guard": 1}, nil },
		DiskFree:  func() (uint64, error) { return 5 << 30, nil },

		CertificateLeft: func() (time.Duration, bool) { return -time.Minute, true },
	}
}

func scrape(t *testing.T, m *Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != 200 {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}

func wantLines(t *testing.T, page string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains(page, "\n"+line+"\n") {
			t.Errorf("no line %q", line)
		}
	}
}

func TestSeriesOfFixedLabelsBeginAtZero(t *testing.T) {
	wantLines(t, scrape(t, New(options())),
		`postdesk_smtp_sessions_total{listener="lmtp"} 0`,
		`postdesk_mails_total{listener="mx",verdict="refused"} 0`,
		`postdesk_auth_failures_total{listener="submissions"} 0`,
		`postdesk_authentication_total{check="dmarc",result="temperror"} 0`,
		`postdesk_acknowledgements_total{reason="null-sender"} 0`,
		`postdesk_events_total{kind="assigned"} 0`,
		`postdesk_deliveries_total{result="failed"} 0`,
		`postdesk_tickets{status="closed",team="desk@example.com"} 0`,
		`postdesk_tickets{status="new",team="desk@example.com"} 3`,
		`postdesk_outbox{state="failed"} 0`,
		`postdesk_outbox{state="ready"} 2`,
		`postdesk_held{why="guard"} 1`,
		`postdesk_outbox_oldest_seconds 90`,
		`postdesk_disk_free_bytes 5.36870912e+09`,
		`postdesk_certificate_expires_seconds -60`,
		`postdesk_first_reply_seconds_count{team="desk@example.com"} 0`,
		`postdesk_resolution_seconds_count{team="desk@example.com"} 0`,
		`postdesk_delivery_seconds_count 0`,
		`postdesk_commit_seconds_count 0`,
		`postdesk_commit_batch_count 0`,
		`postdesk_config_last_reload_successful 1`)
}

func TestMethodsCount(t *testing.T) {
	m := New(options())
	m.Session("mx")
	m.Mail("mx", "accepted")
	m.AuthFailure("submission")
	m.Authentication("spf", "pass")
	m.Acknowledgement("sent")
	m.Event("created")
	m.Delivery("delivered")
	m.DeliverySeconds(2 * time.Second)
	m.FirstReply("desk@example.com", time.Hour)
	m.Resolution("desk@example.com", 2*time.Hour)
	m.Commit(7, 3*time.Millisecond)
	m.Reload(false)
	wantLines(t, scrape(t, m),
		`postdesk_smtp_sessions_total{listener="mx"} 1`,
		`postdesk_mails_total{listener="mx",verdict="accepted"} 1`,
		`postdesk_auth_failures_total{listener="submission"} 1`,
		`postdesk_authentication_total{check="spf",result="pass"} 1`,
		`postdesk_acknowledgements_total{reason="sent"} 1`,
		`postdesk_events_total{kind="created"} 1`,
		`postdesk_deliveries_total{result="delivered"} 1`,
		`postdesk_delivery_seconds_sum 2`,
		`postdesk_first_reply_seconds_sum{team="desk@example.com"} 3600`,
		`postdesk_resolution_seconds_sum{team="desk@example.com"} 7200`,
		`postdesk_commit_batch_sum 7`,
		`postdesk_commit_seconds_bucket{le="0.005"} 1`,
		`postdesk_config_last_reload_successful 0`)
}

// The number of series must not depend on what peers send.
func TestSendersMakeNoSeries(t *testing.T) {
	m := New(options())
	everything := func(s string) {
		m.Session(s)
		m.Mail(s, s)
		m.AuthFailure(s)
		m.Authentication(s, s)
		m.Acknowledgement(s)
		m.Event(s)
		m.Delivery(s)
		m.FirstReply(s, time.Second)
		m.Resolution(s, time.Second)
	}
	everything("first")
	before := countSeries(scrape(t, m))
	for i := range 10000 {
		everything(fmt.Sprintf("sender%d@example.net\n\"}", i))
	}
	page := scrape(t, m)
	if after := countSeries(page); after != before {
		t.Errorf("%d series became %d", before, after)
	}
	if strings.Contains(page, "example.net") {
		t.Error("a label has a sender's value")
	}
	wantLines(t, page, `postdesk_events_total{kind="other"} 10001`)
}

func countSeries(page string) int {
	n := 0
	for line := range strings.Lines(page) {
		if strings.HasPrefix(line, "postdesk_") {
			n++
		}
	}
	return n
}

func TestTeamsOfAReload(t *testing.T) {
	m := New(options())
	m.SetTeams([]string{"desk@example.com", "export@example.com"})
	m.FirstReply("export@example.com", time.Second)
	wantLines(t, scrape(t, m), `postdesk_tickets{status="open",team="export@example.com"} 0`,
		`postdesk_first_reply_seconds_count{team="export@example.com"} 1`)
}

// A gauge that cannot be asked is absent: a wrong zero would hide the fault.
func TestGaugeThatFailsIsAbsent(t *testing.T) {
	o := options()
	o.Outbox = func() (map[string]int, error) { return nil, errors.New("closed") }
	o.DiskFree = func() (uint64, error) { return 0, errors.New("no such folder") }
	page := scrape(t, New(o))
	if strings.Contains(page, "\npostdesk_outbox{") || strings.Contains(page, "\npostdesk_disk_free_bytes") {
		t.Error("a failing gauge has a value")
	}
	wantLines(t, page, `postdesk_held{why="guard"} 1`)
	scrape(t, New(Options{})) // nothing given: no panic
}

// The names are what dashboards and alerts of other people rely on.
func TestNames(t *testing.T) {
	m := New(options())
	var names []string
	for _, match := range regexp.MustCompile(`(?m)^# TYPE (postdesk_\S+)`).FindAllStringSubmatch(scrape(t, m), -1) {
		names = append(names, match[1])
	}
	want := []string{"postdesk_acknowledgements_total", "postdesk_auth_failures_total", "postdesk_authentication_total", "postdesk_certificate_expires_seconds",
		"postdesk_commit_batch", "postdesk_commit_seconds", "postdesk_config_last_reload_successful", "postdesk_deliveries_total",
		"postdesk_delivery_seconds", "postdesk_disk_free_bytes", "postdesk_events_total", "postdesk_first_reply_seconds", "postdesk_held",
		"postdesk_mails_total", "postdesk_outbox", "postdesk_outbox_oldest_seconds", "postdesk_resolution_seconds", "postdesk_smtp_sessions_total", "postdesk_tickets"}
	if !slices.Equal(names, want) {
		t.Errorf("names are\n%s\nwant\n%s", strings.Join(names, "\n"), strings.Join(want, "\n"))
	}
	for _, name := range []string{"go_goroutines", "process_open_fds"} {
		if !strings.Contains(scrape(t, m), "\n"+name+" ") {
			t.Errorf("no %s", name)
		}
	}
}

func TestPromtoolFindsNothing(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not installed")
	}
	cmd := exec.Command(promtool, "check", "metrics")
	cmd.Stdin = strings.NewReader(scrape(t, New(options())))
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v: %s", err, out)
	}
}

func TestPromtoolAcceptsTheAlerts(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not installed")
	}
	if out, err := exec.Command(promtool, "check", "rules", "../../docs/alerts.yml").CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
