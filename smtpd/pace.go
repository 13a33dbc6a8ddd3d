package smtpd

import "time"

// pace says until when the next read may wait. go-smtp's own ReadTimeout covers
// a whole DATA, so that a steady slow sender is cut off; here silence, total
// time and rate are bounded apart.
type pace struct {
	end   time.Time     // of the whole line or DATA
	idle  time.Duration // between two reads; 0: only end counts
	bytes int64         // since the window began

	window    time.Duration // 0: no minimum rate
	windowEnd time.Time
	min       int64 // bytes per window
}

// dataPace is the pace of a DATA that begins now.
func dataPace(t Timeouts, now time.Time) pace {
	p := pace{end: now.Add(t.DataTotal), idle: t.Data}
	if t.MinRate > 0 {
		p.window, p.windowEnd = t.RateWindow, now.Add(t.RateWindow)
		p.min = int64(t.RateWindow.Seconds() * float64(t.MinRate))
	}
	return p
}

// next is the deadline of the read that begins now. ok is false when the time
// is up or the client too slow.
func (p *pace) next(now time.Time) (deadline time.Time, ok bool) {
	if p.window > 0 && !now.Before(p.windowEnd) {
		if p.bytes < p.min {
			return now, false
		}
		p.bytes, p.windowEnd = 0, now.Add(p.window)
	}
	deadline = p.end
	if p.idle > 0 {
		deadline = earlier(deadline, now.Add(p.idle))
	}
	return deadline, now.Before(p.end)
}
