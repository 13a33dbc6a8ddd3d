package server_test

import (
	"bytes"
	"encoding/csv"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"postdesk/admin"
	"postdesk/internal/ticket"
)

// runs a command of the admin.
func (d *desk) admin(operation string, request any) string {
	d.Helper()
	c, err := admin.Dial(d.Context(), "unix:"+filepath.Join(d.dir, "admin.sock"))
	if err != nil {
		d.Fatal(err)
	}
	defer c.Close()
	var out bytes.Buffer
	if err := c.Run(d.Context(), operation, request, &out); err != nil {
		d.Fatal(err)
	}
	return out.String()
}

// metric is the value of a series, "" when there is none.
func (d *desk) metric(series string) string {
	d.Helper()
	resp, err := http.Get("http://" + d.srv.Addr("http") + "/metrics")
	if err != nil {
		d.Fatal(err)
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	if err != nil {
		d.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "\n"+series+" ")
	value, _, _ := strings.Cut(rest, "\n")
	return value
}

func TestTimeSpent(t *testing.T) {
	t.Parallel()
	d := newDesk(t, withTimers())
	d.at("Mon 2030-11-18 10:00")
	jean, anne := d.jean(), d.anne()
	_, copy := d.ask(jean, anne, "Une panne", "Bonjour\n")
	d.drained()
	anne.answers(copy, "#temps 1 h 30 =analyse\n")
	d.says(anne.reads(), "1\u00a0h\u00a030 ajoutées")
	jean.hearsNothing()
	d.later(24 * time.Hour)
	anne.answers(copy, "#time 15m\n\nC’est réparé.\n")
	d.without(jean.reads(), "#time", "15m", "analyse")
	if tk := d.ticket(10000); tk.Minutes != 105 || len(d.happened(10000, ticket.TimeSpent)) != 2 {
		t.Errorf("%d minutes in %d entries", tk.Minutes, len(d.happened(10000, ticket.TimeSpent)))
	}
	anne.answers(copy, "#time long\n\nNous avons cherché.\n") // all or none
	d.says(anne.reads(), "«\u00a0long\u00a0» n’est pas une durée")
	jean.hearsNothing()

	day := d.paris("Tue 2030-11-19 00:00")
	want := "date,ticket,team,agent,minutes,text\n"
	all := d.admin("report/time", admin.Report{})
	if lines := strings.Split(all, "\n"); len(lines) != 4 || !strings.HasSuffix(lines[1], ",10000,relationclient@example.com,anne,90,'=analyse") {
		t.Errorf("report:\n%s", all)
	}
	if one := d.admin("report/time", admin.Report{From: day, To: day}); !strings.HasPrefix(one, want+"2030-11-19T09:0") || strings.Count(one, "\n") != 2 {
		t.Errorf("report of Tuesday:\n%s", one)
	}
	if none := d.admin("report/time", admin.Report{From: day.AddDate(0, 0, 1)}); none != want {
		t.Errorf("report of Wednesday:\n%s", none)
	}
}

func TestFirstReplyAndResolutionAreMeasured(t *testing.T) {
	t.Parallel()
	d := newDesk(t, withTimers())
	d.at("Mon 2030-11-18 10:00")
	jean, anne := d.jean(), d.anne()
	_, copy := d.ask(jean, anne, "Une panne", "Bonjour\n")
	first, solved := `postdesk_first_reply_seconds_count{team="relationclient@example.com"}`, `postdesk_resolution_seconds_count{team="relationclient@example.com"}`
	d.later(2 * time.Hour)
	anne.answers(copy, "Bonjour, nous cherchons.\n")
	jean.reads()
	if d.metric(first) != "1" || d.metric(solved) != "0" {
		t.Errorf("after the answer: %s, %s", d.metric(first), d.metric(solved))
	}
	d.later(20 * time.Hour)
	anne.answers(copy, "#solved\n\nC’est réparé.\n")
	jean.reads()
	d.later(30 * 24 * time.Hour)
	d.timers() // closing what is solved resolves nothing again
	d.expect(10000, ticket.Closed, "anne")
	if d.metric(first) != "1" || d.metric(solved) != "1" || d.metric(`postdesk_resolution_seconds_bucket{team="relationclient@example.com",le="86400"}`) != "1" {
		t.Errorf("at the end: %s, %s", d.metric(first), d.metric(solved))
	}
	rows, err := csv.NewReader(strings.NewReader(d.admin("report/tickets", admin.Report{}))).ReadAll()
	if err != nil || len(rows) != 2 {
		t.Fatalf("report: %v, %v", rows, err)
	}
	for column, want := range map[string]int{"first_reply_seconds": 7200, "resolution_seconds": 28800} { // Monday from 10 to 18
		got, err := strconv.Atoi(rows[1][slices.Index(rows[0], column)])
		if err != nil || got < want-120 || got > want+120 {
			t.Errorf("%s: %d, want about %d; %v", column, got, want, err)
		}
	}
}
