package store

import (
	"time"

	"postdesk/internal/addr"
)

// Usual is who last answered someone for a team.
type Usual struct {
	Agent string
	At    time.Time
}

// UsualFor says which agent of a team last answered an address, or anyone of a
// company's domain; the zero Usual is nobody.
func UsualFor(tx ReadTx, team addr.Address, who string) (Usual, error) {
	var u Usual
	_, err := find(tx, key(tableUsual, team.Key(), who), &u)
	return u, err
}

// SetUsual records that an agent of a team answered an address, and anyone of
// domain when it is not "".
func SetUsual(tx Tx, team, who addr.Address, domain string, u Usual) error {
	if domain != "" {
		if err := put(tx, key(tableUsual, team.Key(), "@"+domain), u); err != nil {
			return err
		}
	}
	return put(tx, key(tableUsual, team.Key(), who.Key()), u)
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

// Window keeps the caps' counters as rules makes them; the store does not look
// inside.
func Window(tx ReadTx, scope, name string, w any) (bool, error) {
	return find(tx, key(tableWindow, scope, name), w)
}

// SetWindow writes one.
func SetWindow(tx Tx, scope, name string, w any) error {
	return put(tx, key(tableWindow, scope, name), w)
}

// Seen is where a mail went that may come again.
type Seen struct {
	At      time.Time
	Ticket  uint64
	Held    uint64 // when it was held
	Message uint64
	Teams   []addr.Address
}

// GetSeen finds a mail by its print: what makes it the same mail.
func GetSeen(tx ReadTx, print string) (Seen, bool, error) {
	var s Seen
	ok, err := find(tx, key(tableSeen, print), &s)
	return s, ok, err
}

// SetSeen records it.
func SetSeen(tx Tx, print string, s Seen) error {
	return put(tx, key(tableSeen, print), s)
}
