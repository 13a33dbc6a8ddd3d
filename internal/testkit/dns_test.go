package testkit

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"
)

func TestDNSModes(t *testing.T) {
	long := strings.Repeat("long ", 400)
	d := NewDNS(t, map[string][]string{
		"ok.test":          {TXT(`v=spf1 "quoted"; -all`), "A 192.0.2.1", "MX 10 mx.ok.test."},
		"alias.test":       {"CNAME ok.test."},
		"loop.test":        {"CNAME loop2.test."},
		"loop2.test":       {"CNAME loop.test."},
		"below.empty.test": {"A 192.0.2.2"},
		"long.test":        {TXT(long)},
		"x.bad.test":       {TXT("hidden")},
		"slow.test":        {TXT("slow")},
		"tc.test":          {TXT("by tcp")},
	})
	r := d.Resolver()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for name, want := range map[string]string{
		"ok.test.": `v=spf1 "quoted"; -all`, "alias.test.": `v=spf1 "quoted"; -all`, "long.test.": long, "tc.test.": "by tcp", "slow.test.": "slow",
	} {
		if name == "tc.test." {
			d.SetMode("tc.test", DNSTruncated)
		}
		if name == "slow.test." {
			d.SetMode("slow.test", DNSSlow)
		}
		got, err := r.LookupTXT(ctx, name)
		if err != nil || len(got) != 1 || got[0] != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	var de *net.DNSError
	for _, name := range []string{"none.test.", "empty.test."} {
		if _, err := r.LookupTXT(ctx, name); !errors.As(err, &de) || !de.IsNotFound {
			t.Errorf("%s: want not found, got %v", name, err)
		}
	}
	if _, err := r.LookupTXT(ctx, "loop.test."); err == nil {
		t.Error("loop: no error")
	}
	for _, m := range []DNSMode{DNSServFail, DNSTimeout, DNSGarbage, DNSLying, DNSForged, DNSDeadTCP} {
		d.SetMode("bad.test", m)
		short, stop := context.WithTimeout(ctx, 200*time.Millisecond)
		if got, err := r.LookupTXT(short, "x.bad.test."); err == nil || errors.As(err, &de) && de.IsNotFound {
			t.Errorf("mode %d: %q, %v", m, got, err)
		}
		stop()
	}
	d.SetMode("bad.test", DNSHuge)
	if got, err := r.LookupTXT(ctx, "x.bad.test."); err != nil || len(got) != 1500 {
		t.Errorf("huge: %d records, %v", len(got), err)
	}
	d.SetMode("bad.test", DNSLoop)
	if got, err := r.LookupTXT(ctx, "x.bad.test."); err == nil {
		t.Errorf("a loop of aliases: %q", got)
	}
	if q := d.Queries(); len(q) == 0 || !strings.HasSuffix(q[0], " TXT") {
		t.Errorf("queries: %q", q)
	}
}

func TestClockFiresInOrder(t *testing.T) {
	start := time.Date(2026, 5, 1, 9, 0, 0, 0, time.UTC)
	c := NewClock(start)
	var got []string
	c.AfterFunc(2*time.Hour, func() { got = append(got, "second "+c.Now().Format("15:04")) })
	c.AfterFunc(time.Hour, func() {
		got = append(got, "first "+c.Now().Format("15:04"))
		c.AfterFunc(30*time.Minute, func() { got = append(got, "nested "+c.Now().Format("15:04")) })
	})
	stopped := c.NewTimer(time.Minute)
	if !stopped.Stop() || stopped.Stop() {
		t.Error("Stop")
	}
	ch := c.After(3 * time.Hour)
	c.WaitTimers(3)
	c.Advance(3 * time.Hour)
	if s := strings.Join(got, ", "); s != "first 10:00, nested 10:30, second 11:00" {
		t.Error(s)
	}
	if at := <-ch; !at.Equal(start.Add(3 * time.Hour)) {
		t.Error(at)
	}
	c.Advance(-time.Hour)
	if !c.Now().Equal(start.Add(2 * time.Hour)) {
		t.Error(c.Now())
	}
}
