package rules

import (
	"time"

	"postdesk/internal/config"
)

// TimerAction is what a ticket's timer does when its moment has come. The zero
// value is nothing.
type TimerAction string

// The actions.
const (
	TimerLate   TimerAction = "late"   // first_reply: a holding mail to the customer, a warning to the supervisors
	TimerUpdate TimerAction = "update" // update_every: we are still working on it
	TimerRemind TimerAction = "remind" // remind_customer: the customer owes an answer
	TimerClose  TimerAction = "close"  // close_after
	TimerErase  TimerAction = "erase"  // keep_closed
)

// maxOwed is how long the customer is told that we are still working on it.
// After a year nobody believes it, and a ticket that was forgotten must not write
// for ever.
const maxOwed = 366 * 24 * time.Hour

// Stand is where a ticket stands, as far as time is concerned.
type Stand string

// The stands.
const (
	StandDesk     Stand = "desk"     // new or open: the desk owes an answer
	StandCustomer Stand = "customer" // pending
	StandSolved   Stand = "solved"
	StandClosed   Stand = "closed"
	StandOther    Stand = "" // a third party's turn, or a ticket that is left alone
)

// TimerFacts is what a ticket's timers depend on. A zero time is "never".
type TimerFacts struct {
	Stand Stand
	// Since is when it became so: whose turn it is, solved, or closed.
	Since time.Time
	// Asked is when the first answer was promised: at the request, or when the
	// customer was told of another team and its delay.
	Asked   time.Time
	Replied bool // an agent has answered the customer
	// Told is our last word to the customer, of an agent or by a timer.
	Told     time.Time
	Late     time.Time // TimerLate was done: it is done once
	Reminded time.Time
	// Writable says that the customer may be written to without an agent's word: an
	// acknowledgement was allowed, or an agent has written, or opened the ticket.
	Writable bool
}

// TimerDelays are the settings that timers follow: a team's, and keep_closed.
type TimerDelays struct {
	Hours                                          config.Hours
	FirstReply, UpdateEvery, RemindCustomer, Close config.Delay
	KeepClosed                                     time.Duration
}

// DelaysOf are the delays of a team's tickets.
func DelaysOf(team *config.Team, keepClosed time.Duration) TimerDelays {
	return TimerDelays{Hours: team.Hours, FirstReply: team.FirstReply, UpdateEvery: team.UpdateEvery, RemindCustomer: team.RemindCustomer,
		Close: team.CloseAfter, KeepClosed: keepClosed}
}

// Timer is what a ticket's timer does next, and when: TimerAction "" is never.
// What was due long ago is due once, not once per period. At the same moment the
// holding mail goes before an update, which then counts from it.
func Timer(f TimerFacts, d TimerDelays) (TimerAction, time.Time) {
	switch f.Stand {
	case StandDesk:
		return deskTimer(f, d)
	case StandCustomer:
		if asked := latest(f.Since, f.Told); f.Writable && f.Reminded.Before(asked) {
			return after(TimerRemind, d.Hours, asked, d.RemindCustomer)
		}
	case StandSolved:
		return after(TimerClose, d.Hours, f.Since, d.Close)
	case StandClosed:
		if d.KeepClosed > 0 {
			return TimerErase, f.Since.Add(d.KeepClosed)
		}
	}
	return "", time.Time{}
}

func deskTimer(f TimerFacts, d TimerDelays) (TimerAction, time.Time) {
	var late TimerAction
	var lateAt time.Time
	if !f.Replied && f.Late.IsZero() {
		late, lateAt = after(TimerLate, d.Hours, f.Asked, d.FirstReply)
	}
	update, updateAt := updateTimer(f, d)
	if late == "" || update != "" && updateAt.Before(lateAt) {
		return update, updateAt
	}
	return late, lateAt
}

// updateTimer counts from our last word, or from the customer's when it is
// later: nobody wants to hear "still working on it" right after having written.
func updateTimer(f TimerFacts, d TimerDelays) (TimerAction, time.Time) {
	if !f.Writable {
		return "", time.Time{}
	}
	from := latest(f.Since, f.Told)
	if from.Sub(f.Since) > maxOwed {
		return "", time.Time{}
	}
	return after(TimerUpdate, d.Hours, from, d.UpdateEvery)
}

// after is an action that a delay sets, none when the delay is off.
func after(what TimerAction, h config.Hours, from time.Time, d config.Delay) (TimerAction, time.Time) {
	if d == (config.Delay{}) || from.IsZero() {
		return "", time.Time{}
	}
	return what, Add(h, from, d)
}

func latest(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// Awaited says whether somebody may wait for an answer to a request that was not
// acknowledged for this reason: a person does, a program does not.
func Awaited(why Reason) bool {
	switch why {
	case ReasonNullSender, ReasonReport, ReasonOwnToken, ReasonOwnAddress, ReasonAutoSubmitted, ReasonPrecedence, ReasonList,
		ReasonAutoresponder, ReasonLoopHeader, ReasonSystemSender, ReasonITIP, ReasonSpam, ReasonMalware, ReasonHopCount,
		ReasonAutoSubject, ReasonSameContent, ReasonImported, ReasonDuplicate:
		return false
	}
	return true
}
