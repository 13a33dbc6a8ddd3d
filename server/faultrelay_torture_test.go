//go:build torture

package server_test

import (
	"fmt"
	"testing"
)

// All troubles, and each with a stop after every number of commands.
func TestRemoteServersMisbehaveInEveryWay(t *testing.T) {
	for i, x := range troubles() {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			d := newDeskWith(t, nil, func(d *desk) { d.relay = impatient })
			l, again := d.ledger(), map[string]int{}
			for _, stop := range []int{0, 1, 2, 3, 4, 5, 7, 9, 12} {
				l.plays(fmt.Sprintf("t%d.%d", i, stop), x, stop, again)
			}
			l.balances(again)
		})
	}
}
