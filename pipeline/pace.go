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
// another one or with us.
const (
	maxTexts    = 20
	maxDayTexts = 50
)

const paceScope = "pace"

// tooFast counts a mail with a text, and says whether the agent has written too
// many in this ticket to be a person. Commands are counted by nobody: programs
// write none.
func (out *outbound) tooFast() (bool, error) {
	if out.t == nil || out.released != nil || out.commandsOnly() {
		return false, nil
	}
	name := out.agent.ID + "/" + strconv.FormatUint(out.t.Number, 10)
	hour, day, err := out.often(paceScope, name, 1)
	return hour >= maxTexts || day >= maxDayTexts, err
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
