package store

import (
	"slices"
	"time"

	"postdesk/internal/addr"
)

// maxUsual is how many agents are remembered for a contact or company, so that
// when the last is absent the one before is known.
const maxUsual = 5

// UsualFor lists the agents of a team who answered an address, or anyone of a
// company ("@" and its domain), the latest first.
func UsualFor(tx ReadTx, team addr.Address, who string) ([]string, error) {
	var agents []string
	_, err := find(tx, key(tableUsual, team.Key(), who), &agents)
	return agents, err
}

// SetUsual records that an agent of a team answered who (as in UsualFor).
func SetUsual(tx Tx, team addr.Address, who, agent string) error {
	agents, err := UsualFor(tx, team, who)
	if err != nil {
		return err
	}
	agents = slices.DeleteFunc(agents, func(id string) bool { return id == agent })
	agents = append([]string{agent}, agents...)
	return put(tx, key(tableUsual, team.Key(), who), agents[:min(len(agents), maxUsual)])
}

// LastByTurn is the agent who was assigned last by round-robin.
func LastByTurn(tx ReadTx, team addr.Address) (agent string, err error) {
	_, err = find(tx, key(tableTurn, team.Key()), &agent)
	return agent, err
}

// SetLastByTurn records it.
func SetLastByTurn(tx Tx, team addr.Address, agent string) error {
	return put(tx, key(tableTurn, team.Key()), agent)
}

// RegisterAgent gives an agent id its number, for ever: tokens are bound to it,
// and it outlives the agent's entry in the configuration.
func RegisterAgent(tx Tx, id string) (uint64, error) {
	var n uint64
	ok, err := find(tx, key(tableAgent, id), &n)
	if err != nil || ok {
		return n, err
	}
	if n, err = next(tx, "agent", 1); err != nil {
		return 0, err
	}
	return n, put(tx, key(tableAgent, id), n)
}

// Window reads a counter, as rules makes them, or another small thing that is
// remembered for a while; the store does not look inside.
func Window(tx ReadTx, scope, name string, w any) (bool, error) {
	return findUntil(tx, key(tableWindow, scope, name), w)
}

// SetWindow writes one; Purge deletes it a day after until at the latest. The
// zero until is for ever.
func SetWindow(tx Tx, scope, name string, w any, until time.Time) error {
	return putUntil(tx, key(tableWindow, scope, name), w, until, 24*time.Hour)
}

// Seen is where a mail went that may come again.
type Seen struct {
	At      time.Time
	Ticket  uint64
	Held    uint64 // when it was held
	Message uint64
	Backed  bool // its author's address was
	Teams   []addr.Address
}

// GetSeen finds a mail by its print: what makes it the same mail.
func GetSeen(tx ReadTx, print string) (Seen, bool, error) {
	var s Seen
	ok, err := findUntil(tx, key(tableSeen, print), &s)
	return s, ok, err
}

// SetSeen records it until Purge after until.
func SetSeen(tx Tx, print string, s Seen, until time.Time) error {
	return putUntil(tx, key(tableSeen, print), s, until, time.Hour)
}

// NextDeskMail numbers the mails that belong to no ticket.
func NextDeskMail(tx Tx) (uint64, error) { return next(tx, "desk-mail", 1) }
