package pipeline

import (
	"time"

	"postdesk/internal/ticket"
)

// took is how long a customer waited for what has just happened; zero for what
// has not.
type took struct {
	team                   string
	firstReply, resolution time.Duration
}

// took compares a ticket's moments with now: one that is now has just come.
func (w *world) took(t *ticket.Ticket, now time.Time) took {
	d := took{team: w.teamOf(t).Address.String()}
	if t.FirstReply.Equal(now) {
		d.firstReply = now.Sub(t.Created)
	}
	if t.SolvedAt.Equal(now) {
		d.resolution = now.Sub(t.Created)
	}
	return d
}

// measure counts it, after the commit. What was solved as it came was no request.
func (p *Pipeline) measure(d took) {
	if d.firstReply > 0 {
		p.meters.FirstReply(d.team, d.firstReply)
	}
	if d.resolution > 0 {
		p.meters.Resolution(d.team, d.resolution)
	}
}
