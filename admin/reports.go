package admin

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"postdesk/internal/ticket"
	"postdesk/rules"
	"postdesk/store"
)

// Report asks for the days From to To, both included; a zero day is no bound.
type Report struct{ From, To time.Time }

func (q Report) has(at time.Time) bool {
	return !at.Before(q.From) && (q.To.IsZero() || at.Before(q.To.AddDate(0, 0, 1)))
}

// reportTickets writes one line for each ticket created in those days, the
// latest first. Times are RFC 3339 in UTC. first_reply_seconds is in the team's
// opening hours.
func (d *Desk) reportTickets(ctx context.Context, q Report, out io.Writer) error {
	w := csv.NewWriter(out)
	err := w.Write([]string{"number", "team", "status", "priority", "category", "tags", "assignee", "subject", "requester", "created", "updated",
		"first_reply", "first_reply_seconds", "solved", "closed", "mails_in", "mails_out", "notes"})
	if err != nil {
		return err
	}
	err = d.Store.View(ctx, func(tx store.ReadTx) error {
		return store.TicketsSince(tx, q.From, func(t *ticket.Ticket) error {
			if !q.has(t.Created) {
				return ctx.Err()
			}
			row, err := d.reportLine(tx, t)
			if err != nil {
				return fmt.Errorf("ticket %d: %w", t.Number, err)
			}
			return w.Write(row)
		})
	})
	w.Flush()
	return errors.Join(err, w.Error())
}

func (d *Desk) reportLine(tx store.ReadTx, t *ticket.Ticket) ([]string, error) {
	count := map[ticket.Kind]int{}
	err := store.Messages(tx, t.Number, func(m ticket.Message) error { count[m.Kind]++; return nil })
	row := ticketOf(t)
	first := ""
	if team := d.Config().TeamByAddress(t.Team); team != nil && !t.FirstReply.IsZero() {
		first = strconv.Itoa(int(rules.Between(team.Hours, t.Created, t.FirstReply).Seconds()))
	}
	return []string{strconv.FormatUint(t.Number, 10), row.Team, row.Status, row.Priority, cell(row.Category), cell(strings.Join(row.Tags, " ")), row.Assignee,
		cell(row.Subject), cell(row.Requester), stamp(t.Created), stamp(t.Updated), stamp(t.FirstReply), first, stamp(t.SolvedAt), stamp(t.ClosedAt),
		strconv.Itoa(count[ticket.KindIn]), strconv.Itoa(count[ticket.KindOut]), strconv.Itoa(count[ticket.KindNote])}, err
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// cell keeps what a stranger chose from being a formula where the report is
// opened in a spreadsheet.
func cell(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}

// reportTime writes time entries: one line each.
func (d *Desk) reportTime(_ context.Context, _ Report, out io.Writer) error {
	_, err := io.WriteString(out, "date,ticket,team,agent,minutes,text\n")
	return err
}
