package message

import (
	"strconv"
	"strings"
	"time"
)

// parseDate reads a date, RFC 5322 §3.3 and §4.3, in the forms that are seen:
// without weekday, seconds or zone, with named zones and comments, asctime's
// order, ISO 8601. A year beyond 1900 to 9999 is refused.
func parseDate(s string) (time.Time, bool) {
	s = strings.TrimSpace(dropComments(limit(s, 200)))
	if t, err := time.Parse(time.RFC3339, strings.Replace(s, " ", "T", 1)); err == nil {
		return t, true
	}
	var d dateParts
	d.day, d.year = -1, -1
	for _, w := range strings.FieldsFunc(s, isDateSeparator) {
		d.word(w)
	}
	return d.time()
}

func isDateSeparator(r rune) bool {
	return r == ' ' || r == '\t' || r == ',' || r == '\r' || r == '\n'
}

// dateParts is what the words of a date have told so far.
type dateParts struct {
	day, month, year int
	clock            []int
	zone             int // seconds east
	zoneSet, pm, am  bool
	bad              bool
}

func (d *dateParts) word(w string) {
	switch {
	case strings.Contains(w, ":"):
		d.clockWord(w)
	case w[0] == '+' || w[0] == '-':
		d.offset(w)
	case w[0] >= '0' && w[0] <= '9':
		d.number(w)
	default:
		d.name(w)
	}
}

func (d *dateParts) number(w string) {
	if parts := strings.Split(w, "-"); len(parts) == 3 && len(w) <= 16 { // 21-Nov-97, 2025-11-21
		if len(parts[0]) == 4 {
			parts[0], parts[2] = parts[2], parts[0]
		}
		d.number(parts[0])
		if n, err := strconv.Atoi(parts[1]); err == nil && n >= 1 && n <= 12 {
			d.month = n
		} else {
			d.name(parts[1])
		}
		d.number(parts[2])
		return
	}
	n, err := strconv.Atoi(strings.TrimRight(w, "."))
	switch {
	case err != nil || len(w) > 5:
		d.bad = true
	case d.day < 0 && n <= 31 && len(w) <= 2:
		d.day = n
	case d.year < 0:
		d.year = fullYear(n, len(w))
	}
}

// fullYear is RFC 5322 §4.3.
func fullYear(n, digits int) int {
	switch {
	case digits <= 2 && n < 50:
		return 2000 + n
	case digits <= 3:
		return 1900 + n
	}
	return n
}

func (d *dateParts) clockWord(w string) {
	if d.clock != nil {
		d.offset("+" + w)
		return
	}
	if i := strings.IndexAny(w, "+-Z"); i > 0 {
		d.offset(w[i:])
		w = w[:i]
	}
	w, _, _ = strings.Cut(w, ".") // fractions
	for _, part := range strings.Split(w, ":") {
		n, err := strconv.Atoi(part)
		if err != nil || n < 0 || n > 60 || len(d.clock) == 3 {
			d.bad = true
			return
		}
		d.clock = append(d.clock, n)
	}
}

func (d *dateParts) offset(w string) {
	if d.zoneSet && d.zone != 0 {
		return
	}
	digits := strings.ReplaceAll(strings.TrimLeft(w, "+-"), ":", "")
	n, err := strconv.Atoi(digits)
	if err != nil || len(digits) < 1 || len(digits) > 4 {
		return
	}
	if len(digits) <= 2 {
		n *= 100
	}
	sec := (n/100)*3600 + (n%100)*60
	if sec > 24*3600 {
		return
	}
	if w[0] == '-' {
		sec = -sec
	}
	d.zone, d.zoneSet = sec, true
}

// zones are RFC 5322 §4.3's, and Europe's.
var zones = map[string]int{
	"ut": 0, "gmt": 0, "utc": 0, "z": 0, "wet": 0, "est": -5, "edt": -4, "cst": -6, "cdt": -5,
	"mst": -7, "mdt": -6, "pst": -8, "pdt": -7, "cet": 1, "met": 1, "mez": 1, "cest": 2, "mest": 2,
	"mesz": 2, "bst": 1, "west": 1, "eet": 2, "eest": 3, "msk": 3, "jst": 9,
}

func (d *dateParts) name(w string) {
	w = strings.ToLower(strings.TrimRight(w, "."))
	if hours, ok := zones[w]; ok {
		if !d.zoneSet {
			d.zone, d.zoneSet = hours*3600, true
		}
		return
	}
	if i := strings.IndexAny(w, "+-"); i > 0 { // GMT+0100
		d.name(w[:i])
		d.zoneSet = false
		d.offset(w[i:])
		return
	}
	switch w {
	case "pm":
		d.pm = true
	case "am":
		d.am = true
	}
	if len(w) >= 3 && d.month == 0 {
		if i := strings.Index("janfebmaraprmayjunjulaugsepoctnovdec", w[:3]); i >= 0 && i%3 == 0 {
			d.month = i/3 + 1
		}
	}
}

func (d *dateParts) time() (time.Time, bool) {
	for len(d.clock) < 3 {
		d.clock = append(d.clock, 0)
	}
	hour := d.clock[0]
	if d.pm && hour < 12 {
		hour += 12
	} else if d.am && hour == 12 {
		hour = 0
	}
	if d.bad || d.day < 1 || d.month == 0 || d.year < 1900 || d.year > 9999 || hour > 24 || d.clock[1] > 59 {
		return time.Time{}, false
	}
	zone := time.UTC
	if d.zone != 0 {
		zone = time.FixedZone("", d.zone)
	}
	t := time.Date(d.year, time.Month(d.month), d.day, hour, d.clock[1], d.clock[2], 0, zone)
	return t, t.Day() == d.day || hour == 24
}
