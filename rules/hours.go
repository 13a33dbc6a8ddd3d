package rules

import (
	"time"

	"postdesk/internal/config"
)

// maxDays bounds every walk through the calendar: a team that is closed for
// ever must not keep us busy for ever.
const maxDays = 366 * 100

// Open says whether a team is at work at t. The zero Hours are always open.
func Open(h config.Hours, t time.Time) bool {
	if alwaysOpen(h) {
		return true
	}
	day := dayOf(h, t)
	for _, d := range []date{day.plus(-1), day} { // a night shift began yesterday
		from, to, ok := d.shift(h)
		if ok && !t.Before(from) && t.Before(to) {
			return true
		}
	}
	return false
}

// Add gives the moment that is d after t in the team's own measure: first the
// working days, to the same clock time, then the opening hours. With the zero
// Hours a day is a day and an hour is an hour. Daylight saving time moves no
// clock time; one that does not exist on that day is moved as time.Date does.
func Add(h config.Hours, t time.Time, d config.Delay) time.Time {
	return addOpen(h, addDays(h, t, d.Days), d.Time)
}

// Between is the opening time from a to b, 0 if b is not after a.
func Between(h config.Hours, a, b time.Time) time.Duration {
	if !b.After(a) {
		return 0
	}
	if alwaysOpen(h) {
		return b.Sub(a)
	}
	var sum time.Duration
	day := dayOf(h, a).plus(-1)
	for range maxDays {
		from, to, ok := day.shift(h)
		if day.midnight(h).After(b) {
			break
		}
		if ok {
			sum += overlap(from, to, a, b)
		}
		day = day.plus(1)
	}
	return sum
}

func overlap(from, to, a, b time.Time) time.Duration {
	if from.Before(a) {
		from = a
	}
	if to.After(b) {
		to = b
	}
	return max(0, to.Sub(from))
}

func addDays(h config.Hours, t time.Time, n int) time.Time {
	if n <= 0 {
		return t
	}
	local := t.In(zone(h))
	day := dayOf(h, t)
	for range maxDays {
		day = day.plus(1)
		if alwaysOpen(h) || day.working(h) {
			n--
		}
		if n == 0 {
			break
		}
	}
	return time.Date(day.year, day.month, day.day, local.Hour(), local.Minute(), local.Second(), local.Nanosecond(), zone(h))
}

func addOpen(h config.Hours, t time.Time, d time.Duration) time.Time {
	if d <= 0 {
		return t
	}
	if alwaysOpen(h) {
		return t.Add(d)
	}
	day := dayOf(h, t).plus(-1)
	for range maxDays {
		from, to, ok := day.shift(h)
		day = day.plus(1)
		if from.Before(t) {
			from = t
		}
		if !ok || !from.Before(to) {
			continue
		}
		if left := to.Sub(from); d > left {
			d -= left
			continue
		}
		return from.Add(d).In(zone(h))
	}
	return day.midnight(h) // a hundred years on
}

// alwaysOpen says that the team has no hours at all.
func alwaysOpen(h config.Hours) bool { return h.Days == [7]bool{} }

func zone(h config.Hours) *time.Location {
	if h.Zone == nil {
		return time.UTC
	}
	return h.Zone
}

// date is a day of the calendar, without a time.
type date struct {
	year  int
	month time.Month
	day   int
}

func dayOf(h config.Hours, t time.Time) date {
	y, m, d := t.In(zone(h)).Date()
	return date{y, m, d}
}

// plus counts in UTC, where every day has 24 hours.
func (d date) plus(n int) date {
	y, m, day := time.Date(d.year, d.month, d.day+n, 0, 0, 0, 0, time.UTC).Date()
	return date{y, m, day}
}

func (d date) midnight(h config.Hours) time.Time {
	return time.Date(d.year, d.month, d.day, 0, 0, 0, 0, zone(h))
}

// working says whether the team works on this day.
func (d date) working(h config.Hours) bool {
	if !h.Days[time.Date(d.year, d.month, d.day, 0, 0, 0, 0, time.UTC).Weekday()] {
		return false
	}
	for _, holiday := range h.Holidays {
		if dayOf(h, holiday) == d {
			return false
		}
	}
	return true
}

// shift is the opening time that begins on this day. One that ends before it
// begins goes on into the next day; from 0:00 to 0:00 is the whole day.
func (d date) shift(h config.Hours) (from, to time.Time, ok bool) {
	end := h.To
	if end <= h.From {
		end += 24 * time.Hour
	}
	return d.at(h, h.From), d.at(h, end), d.working(h)
}

// at gives a clock time of the day, daylight saving time or not; 24:00 is the
// next midnight.
func (d date) at(h config.Hours, clock time.Duration) time.Time {
	sec := int(clock / time.Second)
	return time.Date(d.year, d.month, d.day, sec/3600, sec/60%60, sec%60, 0, zone(h))
}
