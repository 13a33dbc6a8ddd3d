package pipeline

import (
	"strconv"
	"time"

	"postdesk/rules"
	"postdesk/store"
)

// maxTexts is how many mails with a text an agent may write in one ticket in an
// hour, and maxDayTexts in a day, before each is asked about: a mailbox that answers
// everything, however slowly, and says nowhere that it does, must not talk for ever with
// another one or with us. maxAllTexts and maxAllDayTexts are the same for all of an
// agent's tickets together, where each answer of a robot on the other side opens a
// ticket of its own; they count mails that came by other servers only, for what
// answers by itself does not log in, and a busy agent's mail program does.
const (
	maxTexts       = 20
	maxDayTexts    = 50
	maxAllTexts    = 120
	maxAllDayTexts = 600
)

const paceScope = "pace"

// tooFast counts a mail with a text, and says whether the agent has written too
// many, in this ticket or in all, to be a person. Commands are counted by nobody:
// programs write none.
func (out *outbound) tooFast() (bool, error) {
	if out.t == nil || out.released != nil || out.commandsOnly() {
		return false, nil
	}
	name := out.agent.ID + "/" + strconv.FormatUint(out.t.Number, 10)
	hour, day, err := out.often(paceScope, name, 1)
	if fast := hour >= maxTexts || day >= maxDayTexts; err != nil || fast || out.env.Peer.Login != "" {
		return fast, err
	}
	hour, day, err = out.often(paceScope, out.agent.ID, 1)
	return hour >= maxAllTexts || day >= maxAllDayTexts, err
}

// askPerson holds the mail until somebody says that it is meant.
func (out *outbound) askPerson(err error) (*result, error) {
	if err != nil {
		return nil, err
	}
	return out.hold(holdPace, nil, []string{words(out.lang(), "tooFast")})
}

// hourly counts n more of something, and says how many there were in the hour before.
func (in *inbound) hourly(scope, name string, n int) (before int, err error) {
	hour, _, err := in.often(scope, name, n)
	return hour, err
}

// often counts n more of something, and says how many there were in the hour and in
// the day before.
func (in *inbound) often(scope, name string, n int) (hour, day int, err error) {
	var w rules.Window
	if _, err := store.Window(in.tx, scope, name, &w); err != nil {
		return 0, 0, err
	}
	hour, day = w.Count(in.steady, time.Hour), w.Count(in.steady, 24*time.Hour)
	for range n {
		w.Add(in.steady)
	}
	return hour, day, store.SetWindow(in.tx, scope, name, &w, in.steady.Add(24*time.Hour))
}
