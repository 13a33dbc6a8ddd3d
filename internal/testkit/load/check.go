package load

import (
	"fmt"
	"strings"
)

// State is what a server has of the mails of a ledger.
type State struct {
	Raw      map[string]int // SHA-256 of a raw mail, hex → how many are kept
	Messages map[string]int // Message-ID → messages of tickets that bear it
	Acks     map[string]int // Message-ID → acknowledgements that were written for it
}

// Fault is one broken promise.
type Fault struct {
	MessageID string
	What      string
}

func (f Fault) String() string { return f.MessageID + ": " + f.What }

// Check compares a ledger with what the sinks got and, when state is not nil,
// with what the server has. Every mail that got a 250 must be kept once as raw
// mail, be a message of a ticket once, be acknowledged at most once, and have
// gone out to each of its recipients: once, and once more for every time that
// the sink dropped the line after the final dot, or that the line ended behind it. A mail that was refused must
// be nowhere. One without a reply may be there once or not at all.
//
// sinks says whether arrivals were recorded; without them nothing is said about
// what went out.
func Check(sent []Entry, arrived []Arrival, sinks bool, state *State) (faults []Fault) {
	c := checker{byOrigin: map[string][]*Arrival{}, state: state}
	known := make(map[string]bool, len(sent))
	for i := range arrived {
		a := &arrived[i]
		c.byOrigin[a.Origin] = append(c.byOrigin[a.Origin], a)
	}
	for i := range sent {
		e := &sent[i]
		if known[e.MessageID] {
			c.fault(e, "stands in the ledger twice")
			continue
		}
		known[e.MessageID] = true
		c.kept(e)
		if sinks {
			c.wentOut(e)
		}
	}
	for i := range arrived {
		if o := arrived[i].Origin; o != "" && !known[o] {
			c.faults = append(c.faults, Fault{o, "came to a sink and is not in the ledger"})
		}
	}
	return c.faults
}

type checker struct {
	byOrigin map[string][]*Arrival
	state    *State
	faults   []Fault
}

func (c *checker) fault(e *Entry, format string, args ...any) {
	c.faults = append(c.faults, Fault{e.MessageID, fmt.Sprintf("reply %d: ", e.Code) + fmt.Sprintf(format, args...)})
}

// kept looks at what the server has.
func (c *checker) kept(e *Entry) {
	if c.state == nil {
		return
	}
	raw, messages, acks := c.state.Raw[e.SHA256], c.state.Messages[e.MessageID], c.state.Acks[e.MessageID]
	want := 0
	switch {
	case e.Accepted():
		want = 1
	case e.Unknown():
		want = min(raw, 1)
	}
	if raw != want {
		c.fault(e, "kept %d times as raw mail, want %d", raw, want)
	}
	if messages != want {
		c.fault(e, "%d messages of tickets, want %d", messages, want)
	}
	if acks > want {
		c.fault(e, "%d acknowledgements written, want at most %d", acks, want)
	}
}

// wentOut looks at what the sinks got.
func (c *checker) wentOut(e *Entry) {
	list := c.byOrigin[e.MessageID]
	if !e.Accepted() {
		if len(list) > 0 && !e.Unknown() {
			c.fault(e, "refused, and %d mails went out because of it", len(list))
		}
		return
	}
	taken, dropped, cut := map[string]int{}, map[string]int{}, map[string]int{}
	copies, acks := 0, map[string]bool{}
	for _, a := range list {
		to := strings.ToLower(a.To)
		if a.Ack {
			acks[a.Own] = true
		} else {
			copies++
		}
		switch key := a.Own + " to " + to; {
		case a.Dropped:
			dropped[key]++
		case a.Cut:
			cut[key]++
		default:
			taken[key]++
		}
	}
	if copies == 0 {
		c.fault(e, "no copy came to a sink")
	}
	if len(acks) > 1 {
		c.fault(e, "%d acknowledgements came to a sink", len(acks))
	}
	for key, n := range taken {
		if n > 1 {
			c.fault(e, "%s came %d times", key, n)
		}
	}
	for key := range dropped {
		if taken[key]+cut[key] == 0 {
			c.fault(e, "%s was not sent again after the line was dropped", key)
		}
	}
}
