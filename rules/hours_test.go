package rules

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"postdesk/internal/config"
)

func paris(t testing.TB) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Skip("no time zones on this machine: ", err)
	}
	return zone
}

// shop is open from Monday to Saturday, 9 to 18, Paris, not on Christmas.
func shop(t testing.TB) config.Hours {
	zone := paris(t)
	return config.Hours{
		Days: [7]bool{false, true, true, true, true, true, true},
		From: 9 * time.Hour, To: 18 * time.Hour, Zone: zone,
		Holidays: []time.Time{time.Date(2026, 12, 25, 0, 0, 0, 0, zone)},
	}
}

const clock = "Mon 2006-01-02 15:04"

func at(t testing.TB, h config.Hours, s string) time.Time {
	t.Helper()
	when, err := time.ParseInLocation(clock, s, zone(h))
	if err != nil {
		t.Fatal(err)
	}
	return when
}

func TestOpen(t *testing.T) {
	h := shop(t)
	for s, want := range map[string]bool{
		"Mon 2026-11-16 08:59": false,
		"Mon 2026-11-16 09:00": true,
		"Mon 2026-11-16 17:59": true,
		"Mon 2026-11-16 18:00": false,
		"Sat 2026-11-21 12:00": true,
		"Sun 2026-11-22 12:00": false,
		"Fri 2026-12-25 12:00": false,
		"Thu 2026-12-24 12:00": true,
	} {
		if got := Open(h, at(t, h, s)); got != want {
			t.Errorf("%s: %v", s, got)
		}
	}
	if utc := time.Date(2026, 7, 6, 7, 30, 0, 0, time.UTC); !Open(h, utc) {
		t.Error("07:30 UTC in July is 09:30 in Paris")
	}
	if !Open(config.Hours{}, time.Now()) {
		t.Error("without hours a team is always open")
	}
}

func TestOpenToMidnightAndByNight(t *testing.T) {
	h := shop(t)
	h.From, h.To = 0, 24*time.Hour
	if !Open(h, at(t, h, "Sat 2026-11-21 23:59")) || Open(h, at(t, h, "Sun 2026-11-22 00:00")) {
		t.Error("24:00 is the end of the day")
	}
	h.From, h.To = 22*time.Hour, 6*time.Hour
	if !Open(h, at(t, h, "Sun 2026-11-22 05:59")) || Open(h, at(t, h, "Sun 2026-11-22 22:00")) || Open(h, at(t, h, "Mon 2026-11-16 05:00")) {
		t.Error("a night shift belongs to the day on which it begins")
	}
}

// TestAdd is what "2d" and "6h" mean in a team's settings.
func TestAdd(t *testing.T) {
	h := shop(t)
	day := func(n int) config.Delay { return config.Delay{Days: n} }
	hours := func(n float64) config.Delay { return config.Delay{Time: time.Duration(n * float64(time.Hour))} }
	cases := []struct {
		from  string
		delay config.Delay
		want  string
	}{
		{"Mon 2026-11-16 15:00", day(2), "Wed 2026-11-18 15:00"},
		{"Fri 2026-11-20 15:00", day(2), "Mon 2026-11-23 15:00"}, // Saturday counts, Sunday does not
		{"Sun 2026-11-22 15:00", day(2), "Tue 2026-11-24 15:00"},
		{"Mon 2026-11-16 22:00", day(1), "Tue 2026-11-17 22:00"}, // the same clock time, open or not
		{"Thu 2026-12-24 10:00", day(1), "Sat 2026-12-26 10:00"}, // not on Christmas
		{"Thu 2026-12-24 10:00", day(7), "Sat 2027-01-02 10:00"},
		{"Sat 2026-03-28 10:00", day(1), "Mon 2026-03-30 10:00"}, // summer time begins on the 29th
		{"Sat 2026-10-24 10:00", day(1), "Mon 2026-10-26 10:00"}, // and ends on the 25th
		{"Mon 2026-11-16 10:00", hours(6), "Mon 2026-11-16 16:00"},
		{"Mon 2026-11-16 15:00", hours(6), "Tue 2026-11-17 12:00"},
		{"Mon 2026-11-16 12:00", hours(6), "Mon 2026-11-16 18:00"},
		{"Mon 2026-11-16 05:00", hours(1), "Mon 2026-11-16 10:00"},
		{"Mon 2026-11-16 19:00", hours(0.5), "Tue 2026-11-17 09:30"},
		{"Sat 2026-11-21 17:00", hours(2), "Mon 2026-11-23 10:00"},
		{"Thu 2026-12-24 17:00", hours(2), "Sat 2026-12-26 10:00"},
		{"Mon 2026-11-16 10:00", hours(54), "Mon 2026-11-23 10:00"}, // a whole week
		{"Mon 2026-11-16 15:00", config.Delay{Days: 1, Time: 4 * time.Hour}, "Wed 2026-11-18 10:00"},
		{"Mon 2026-11-16 15:00", config.Delay{}, "Mon 2026-11-16 15:00"},
	}
	for _, c := range cases {
		if got := Add(h, at(t, h, c.from), c.delay).Format(clock); got != c.want {
			t.Errorf("%s + %+v: %s, want %s", c.from, c.delay, got, c.want)
		}
	}
}

func TestAddWithoutHours(t *testing.T) {
	start := time.Date(2026, 11, 20, 15, 0, 0, 0, time.UTC) // a Friday
	if got := Add(config.Hours{}, start, config.Delay{Days: 2, Time: 3 * time.Hour}); !got.Equal(start.Add(51 * time.Hour)) {
		t.Error(got)
	}
}

func TestDaylightSavingInOpeningHours(t *testing.T) {
	h := shop(t)
	h.Days[time.Sunday], h.From, h.To = true, 0, 24*time.Hour
	short := Between(h, at(t, h, "Sun 2026-03-29 00:00"), at(t, h, "Mon 2026-03-30 00:00"))
	long := Between(h, at(t, h, "Sun 2026-10-25 00:00"), at(t, h, "Mon 2026-10-26 00:00"))
	if short != 23*time.Hour || long != 25*time.Hour {
		t.Errorf("%v and %v", short, long)
	}
}

func TestBetween(t *testing.T) {
	h := shop(t)
	for _, c := range []struct {
		a, b string
		want time.Duration
	}{
		{"Mon 2026-11-16 10:00", "Mon 2026-11-16 12:00", 2 * time.Hour},
		{"Mon 2026-11-16 17:00", "Tue 2026-11-17 10:00", 2 * time.Hour},
		{"Sat 2026-11-21 18:00", "Mon 2026-11-23 09:00", 0},
		{"Mon 2026-11-16 00:00", "Mon 2026-11-23 00:00", 54 * time.Hour},
		{"Thu 2026-12-24 00:00", "Sun 2026-12-27 00:00", 18 * time.Hour},
		{"Mon 2026-11-16 12:00", "Mon 2026-11-16 10:00", 0},
	} {
		if got := Between(h, at(t, h, c.a), at(t, h, c.b)); got != c.want {
			t.Errorf("%s to %s: %v", c.a, c.b, got)
		}
	}
	a := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	if got := Between(config.Hours{}, a, a.Add(time.Hour)); got != time.Hour {
		t.Error(got)
	}
}

// TestClosedForYears: the next opening time is found however far it is.
func TestClosedForYears(t *testing.T) {
	h := shop(t)
	h.Days = [7]bool{time.Friday: true}
	h.Holidays = nil
	for d := time.Date(2026, 1, 2, 0, 0, 0, 0, h.Zone); d.Year() < 2030; d = d.AddDate(0, 0, 7) {
		h.Holidays = append(h.Holidays, d)
	}
	got := Add(h, at(t, h, "Mon 2026-11-16 10:00"), config.Delay{Time: time.Hour})
	if got.Format(clock) != "Fri 2030-01-04 10:00" {
		t.Error(got)
	}
}

// drawHours makes any opening hours, of any zone that this machine has.
func drawHours(t *rapid.T) config.Hours {
	h := config.Hours{Zone: time.UTC}
	name := rapid.SampledFrom([]string{"Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia"}).Draw(t, "zone")
	if zone, err := time.LoadLocation(name); err == nil {
		h.Zone = zone
	}
	for i := range h.Days {
		h.Days[i] = rapid.Bool().Draw(t, "day")
	}
	h.From = time.Duration(rapid.IntRange(0, 23*60+30).Draw(t, "from")) * time.Minute
	h.To = h.From + time.Duration(rapid.IntRange(30, 24*60-int(h.From/time.Minute)).Draw(t, "length"))*time.Minute
	for range rapid.IntRange(0, 5).Draw(t, "holidays") {
		d := time.Date(2026, 1, 1, 0, 0, 0, 0, h.Zone).AddDate(0, 0, rapid.IntRange(0, 700).Draw(t, "holiday"))
		h.Holidays = append(h.Holidays, d)
	}
	return h
}

func drawTime(t *rapid.T) time.Time {
	return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(rapid.IntRange(0, 700*24*60).Draw(t, "minute")) * time.Minute)
}

func TestAddedOpeningHoursAreElapsed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h, start := drawHours(t), drawTime(t)
		d := time.Duration(rapid.IntRange(1, 100*60).Draw(t, "delay")) * time.Minute
		end := Add(h, start, config.Delay{Time: d})
		if got := Between(h, start, end); got != d {
			t.Fatalf("%v from %v is %v, which is %v of opening time", d, start, end, got)
		}
		if !Open(h, end.Add(-time.Nanosecond)) {
			t.Fatalf("%v is not within opening hours", end)
		}
	})
}

func TestAddedDaysKeepTheClockTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h, start := drawHours(t), drawTime(t).In(time.UTC)
		n := rapid.IntRange(1, 60).Draw(t, "days")
		end := Add(h, start, config.Delay{Days: n})
		worked := 0
		for d := dayOf(h, start).plus(1); ; d = d.plus(1) {
			if alwaysOpen(h) || d.working(h) {
				worked++
			}
			if d == dayOf(h, end) {
				break
			}
			if worked > n {
				t.Fatalf("%v is too late", end)
			}
		}
		if worked != n {
			t.Fatalf("%d working days, want %d", worked, n)
		}
		want := start.In(h.Zone)
		got := end.In(h.Zone)
		if got.Format("15:04:05") != want.Format("15:04:05") && clockExists(got, want) {
			t.Fatalf("%v became %v", want, got)
		}
	})
}

// clockExists says whether the clock time of want exists on the day of got.
func clockExists(got, want time.Time) bool {
	same := time.Date(got.Year(), got.Month(), got.Day(), want.Hour(), want.Minute(), want.Second(), 0, got.Location())
	return same.Format("15:04:05") == want.Format("15:04:05")
}

func TestBetweenIsAdditive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h, a := drawHours(t), drawTime(t)
		b := a.Add(time.Duration(rapid.IntRange(0, 20000).Draw(t, "b")) * time.Minute)
		c := b.Add(time.Duration(rapid.IntRange(0, 20000).Draw(t, "c")) * time.Minute)
		if Between(h, a, b)+Between(h, b, c) != Between(h, a, c) {
			t.Fatalf("%v, %v, %v", a, b, c)
		}
	})
}
