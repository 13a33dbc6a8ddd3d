package store

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"postdesk/internal/addr"
)

// Solicited is an address outside that agents of a team have asked for an opinion or a
// decision.
type Solicited struct {
	Name    string `json:",omitempty"`
	Address addr.Address
	Times   int
	Last    time.Time
}

// Solicit counts that an agent of a team asked someone.
func Solicit(tx Tx, team addr.Address, who addr.Mailbox, now time.Time) error {
	k := key(tableSolicit, team.Key(), who.Address.Key())
	var s Solicited
	if _, err := find(tx, k, &s); err != nil {
		return err
	}
	s.Name, s.Address, s.Last = cmp.Or(who.Name, s.Name), who.Address, now
	s.Times++
	return put(tx, k, s)
}

// maxSolicited is how many addresses of a team are looked at for the list.
const maxSolicited = 5000

// ListSolicited lists whom a team has asked, at most limit, the most often asked first, of equals
// the one asked last.
func ListSolicited(tx ReadTx, team addr.Address, limit int) ([]Solicited, error) {
	var list []Solicited
	lo, hi := within(key(tableSolicit, team.Key()))
	err := tx.Scan(lo, hi, maxSolicited, false, func(_, v []byte) error {
		var s Solicited
		if err := decode(v, &s); err != nil {
			return err
		}
		list = append(list, s)
		return nil
	})
	slices.SortFunc(list, func(a, b Solicited) int {
		return cmp.Or(b.Times-a.Times, b.Last.Compare(a.Last), strings.Compare(a.Address.Key(), b.Address.Key()))
	})
	return list[:min(len(list), limit)], err
}
