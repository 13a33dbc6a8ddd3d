package rules

import (
	"slices"
	"time"

	"postdesk/internal/config"
)

// The breaker also opens when a day brings many times more than is usual: a slow
// loop, with a new address for each mail, stays below every rate.
const (
	surgeFactor = 10
	// leastUsual is what counts as a usual day where less is: a small desk, and one
	// that has no past yet, may have a thousand in a day.
	leastUsual = 100
	keptHours  = 25 // a whole day whatever the minute is
	keptDays   = 28 // before today
	fewestDays = 7  // that make a median: else a loop would be what is usual on its second day
)

// Pulse is what the breaker looks at: all mails that the desk wrote by itself
// because of new requests. It is plain data of bounded size, for JSON. The zero
// Pulse is empty.
type Pulse struct {
	Window
	Hour  int64 `json:"h,omitempty"` // of Hours[0], counted from 1970
	Hours []int `json:"c,omitempty"` // of the latest hours, the newest first
	Days  []int `json:"d,omitempty"` // of the days, UTC, on which there were any, the newest first
	Usual int   `json:"u,omitempty"` // what an admin let pass on one day
}

// Add counts one more at now.
func (p *Pulse) Add(now time.Time) {
	p.Window.Add(now)
	p.turn(hourOf(now))
	p.Hours[0]++
	p.Days[0]++
}

func hourOf(at time.Time) int64 { return at.Unix() / 3600 }

// turn makes room for what happens in an hour. A clock that was set back by less
// than a day goes on with the hour that it had reached.
func (p *Pulse) turn(hour int64) {
	ahead := hour - p.Hour
	switch {
	case len(p.Hours) == 0 || ahead >= keptHours || ahead <= -keptHours:
		p.Hours = []int{0}
	case ahead > 0:
		p.Hours = append(make([]int, ahead), p.Hours[:min(len(p.Hours), keptHours-int(ahead))]...)
	default:
		return
	}
	if len(p.Days) == 0 || hour/24 != p.Hour/24 {
		p.Days = append([]int{0}, p.Days[:min(len(p.Days), keptDays)]...)
	}
	p.Hour = hour
}

// Day is how many there were in the day before now, an hour more at most.
func (p *Pulse) Day(now time.Time) (n int) {
	age := hourOf(now) - p.Hour
	if age <= -keptHours || age >= keptHours {
		return 0
	}
	for i, c := range p.Hours {
		if int(age)+i < keptHours {
			n += c
		}
	}
	return n
}

// UsualDay is the median of the days before now's, or more: what is usual for any
// desk, and what an admin let pass.
func (p *Pulse) UsualDay(now time.Time) int {
	days := slices.Clone(p.Days)
	if len(days) > 0 && hourOf(now)/24 == p.Hour/24 {
		days = days[1:]
	}
	slices.Sort(days)
	usual := max(leastUsual, p.Usual)
	if len(days) >= fewestDays {
		usual = max(usual, days[(len(days)-1)/2])
	}
	return usual
}

// Surge says that one more at now would be over ten times what is usual.
func (p *Pulse) Surge(now time.Time) bool { return p.Day(now) >= surgeFactor*p.UsualDay(now) }

// Begin starts the count of a day anew, after an admin has looked. allowed says
// that what was counted is all right, and so is as much on other days.
func (p *Pulse) Begin(now time.Time, allowed bool) {
	if allowed {
		p.Usual = max(p.Usual, p.Day(now))
	}
	p.Window, p.Hours = Window{}, nil
}

// Full says why one more at now has to wait: "rate" for what the configuration
// says, "surge" for ten times what is usual, "" when it need not. A zero rate
// switches both off.
func (p *Pulse) Full(now time.Time, r config.Rate) string {
	switch {
	case r.N <= 0:
		return ""
	case p.Window.Full(now, r):
		return "rate"
	case p.Surge(now):
		return "surge"
	}
	return ""
}
