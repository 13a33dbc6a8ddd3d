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

	"postdesk/internal/config"
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
// latest first. Times are RFC 3339 in UTC. first_reply_seconds and
// resolution_seconds are in the team's opening hours.
func (d *Desk) reportTickets(ctx context.Context, q Report, out io.Writer) error {
	w := csv.NewWriter(out)
	err := w.Write([]string{"number", "team", "status", "priority", "category", "tags", "assignee", "subject", "requester", "created", "updated",
		"first_reply", "first_reply_seconds", "solved", "closed", "mails_in", "mails_out", "notes", "resolution_seconds", "minutes"})
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
	team := d.Config().TeamByAddress(t.Team)
	return []string{strconv.FormatUint(t.Number, 10), row.Team, row.Status, row.Priority, cell(row.Category), cell(strings.Join(row.Tags, " ")), row.Assignee,
		cell(row.Subject), cell(row.Requester), stamp(t.Created), stamp(t.Updated), stamp(t.FirstReply), openSeconds(team, t.Created, t.FirstReply), stamp(t.SolvedAt), stamp(t.ClosedAt),
		strconv.Itoa(count[ticket.KindIn]), strconv.Itoa(count[ticket.KindOut]), strconv.Itoa(count[ticket.KindNote]),
		openSeconds(team, t.Created, t.SolvedAt), strconv.Itoa(t.Minutes)}, err
}

// openSeconds is the time from a to b in a team's opening hours, "" when b has
// not come or the team is gone.
func openSeconds(team *config.Team, a, b time.Time) string {
	if team == nil || b.IsZero() {
		return ""
	}
	return strconv.Itoa(int(rules.Between(team.Hours, a, b).Seconds()))
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

// reportTime writes one line for each entry of time spent in those days, the
// earliest first. Dates are RFC 3339 in UTC.
func (d *Desk) reportTime(ctx context.Context, q Report, out io.Writer) error {
	w := csv.NewWriter(out)
	if err := w.Write([]string{"date", "ticket", "team", "agent", "minutes", "text"}); err != nil {
		return err
	}
	end := q.To
	if !end.IsZero() {
		end = end.AddDate(0, 0, 1)
	}
	err := d.Store.View(ctx, func(tx store.ReadTx) error {
		return store.TimeSpent(tx, q.From, end, func(e store.TimeEntry) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			data := e.Event.Data
			return w.Write([]string{stamp(e.Event.At), strconv.FormatUint(e.Ticket.Number, 10), e.Ticket.Team.String(), e.Event.By.ID, data["minutes"], cell(data["text"])})
		})
	})
	w.Flush()
	return errors.Join(err, w.Error())
}
