package config

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

const day = 24 * time.Hour

var longUnits = regexp.MustCompile(`^([0-9]{1,6})([yd])`)

// parseDuration reads Go's durations and also "30d" (of 24 hours) and "3y" (of
// 365 days), above zero.
func parseDuration(s string) (time.Duration, error) {
	rest, total := s, time.Duration(0)
	for _, unit := range []string{"y", "d"} {
		m := longUnits.FindStringSubmatch(rest)
		if m == nil || m[2] != unit {
			continue
		}
		n, _ := strconv.ParseInt(m[1], 10, 64) // six digits
		if unit == "y" {
			n *= 365
		}
		if n > int64(math.MaxInt64/day)/2 {
			return 0, fmt.Errorf("%q is too long; want at most 100y", s)
		}
		total += time.Duration(n) * day
		rest = rest[len(m[0]):]
	}
	if rest != "" {
		d, err := time.ParseDuration(rest)
		if err != nil || d < 0 || d > 100*365*day {
			return 0, fmt.Errorf(`%q is not a duration; want a number and a unit, as "90s", "15m", "6h" or "5d"`, s)
		}
		total += d
	}
	if total <= 0 {
		return 0, fmt.Errorf(`%q is not above zero; want a duration as "90s", "15m", "6h" or "5d"`, s)
	}
	return total, nil
}

// parseOptionalDuration is parseDuration, and zero for "".
func parseOptionalDuration(s string) (time.Duration, error) {
	if s == "" {
		return 0, nil
	}
	return parseDuration(s)
}

// parseDelay reads a team's delay: "2d" is two working days, "6h" and "90m" are
// time within opening hours, "1d4h" is both, "" is off.
func parseDelay(s string) (Delay, error) {
	wrong := fmt.Errorf(`%q is not a delay; want working days as "2d", opening hours as "6h", or "" for off`, s)
	if s == "" {
		return Delay{}, nil
	}
	var delay Delay
	rest := s
	if m := longUnits.FindStringSubmatch(s); m != nil && m[2] == "d" {
		delay.Days, _ = strconv.Atoi(m[1])
		rest = s[len(m[0]):]
	}
	if rest != "" {
		d, err := time.ParseDuration(rest)
		if err != nil || d < 0 {
			return Delay{}, wrong
		}
		delay.Time = d
	}
	if delay == (Delay{}) || delay.Days > 3650 || delay.Time > 3650*day {
		return Delay{}, wrong
	}
	return delay, nil
}

// parseSize reads "35MB". One KB is 1024 bytes, as message size limits are
// counted by MTAs.
func parseSize(s string) (int64, error) {
	wrong := fmt.Errorf(`%q is not a size; want a number and KB, MB or GB, as "35MB"`, s)
	for i, unit := range []string{"KB", "MB", "GB"} {
		digits, ok := strings.CutSuffix(s, unit)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 32)
		if err != nil || n < 1 || strings.HasPrefix(digits, "+") {
			return 0, wrong
		}
		return n << (10 * (i + 1)), nil
	}
	return 0, wrong
}

var periods = map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour, "d": day}

// parseRate reads "1000/h"; "" is no limit.
func parseRate(s string) (Rate, error) {
	if s == "" {
		return Rate{}, nil
	}
	digits, unit, _ := strings.Cut(s, "/")
	n, err := strconv.ParseUint(digits, 10, 31)
	per := periods[unit]
	if err != nil || n == 0 || per == 0 {
		return Rate{}, fmt.Errorf(`%q is not a rate; want a number per s, m, h or d, as "1000/h", or "" for no limit`, s)
	}
	return Rate{N: int(n), Per: per}, nil
}

var weekdays = map[string]time.Weekday{"sun": time.Sunday, "mon": time.Monday, "tue": time.Tuesday,
	"wed": time.Wednesday, "thu": time.Thursday, "fri": time.Friday, "sat": time.Saturday}

// parseDays reads "mon-sat" or "mon,wed,fri", and both together.
func parseDays(s string) ([7]bool, error) {
	var days [7]bool
	for part := range strings.SplitSeq(strings.ToLower(s), ",") {
		first, last, isRange := strings.Cut(strings.TrimSpace(part), "-")
		if !isRange {
			last = first
		}
		from, ok1 := weekdays[strings.TrimSpace(first)]
		to, ok2 := weekdays[strings.TrimSpace(last)]
		if !ok1 || !ok2 {
			return days, fmt.Errorf(`%q are not days; want "mon-sat" or "mon,wed,fri"`, s)
		}
		for d := from; ; d = (d + 1) % 7 {
			days[d] = true
			if d == to {
				break
			}
		}
	}
	return days, nil
}

var clock = regexp.MustCompile(`^([01][0-9]|2[0-4]):([0-5][0-9])$`)

// parseClock reads "09:30" as the time since midnight; "24:00" is the end of
// the day.
func parseClock(s string) (time.Duration, error) {
	m := clock.FindStringSubmatch(s)
	if m == nil || m[1] == "24" && m[2] != "00" {
		return 0, fmt.Errorf(`%q is not a time of day; want hours and minutes, as "09:00" or "24:00"`, s)
	}
	h, _ := strconv.Atoi(m[1])
	minutes, _ := strconv.Atoi(m[2])
	return time.Duration(h)*time.Hour + time.Duration(minutes)*time.Minute, nil
}

func parseZone(s string) (*time.Location, error) {
	zone, err := time.LoadLocation(s)
	if err != nil || s == "" {
		return time.UTC, fmt.Errorf(`unknown time zone %q; want a name as "Europe/Paris" or "UTC"`, s)
	}
	return zone, nil
}
