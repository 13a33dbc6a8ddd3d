//go:build interop || torture

package main

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"
)

// Threat 2: the power goes at random moments, with one customer at a time and with sixty-four; what was
// not synced is gone. Each mail that got a 250 is there.
func TestThePowerGoes(t *testing.T) {
	for _, customers := range []int{1, 64} {
		t.Run(fmt.Sprint(customers, " at a time"), func(t *testing.T) {
			p := newPlate(t, "700M")
			m := newMachine(t, filepath.Join(p.point, "data"), "1MB", 29)
			c := m.customers(customers, time.Duration(5+customers)*time.Millisecond)
			rng := rand.New(rand.NewPCG(uint64(customers), uint64(powerCuts)))
			for range (powerCuts + 1) / 2 {
				m.start()
				if !m.diesWithin(1 + rng.IntN(2*lifeMails)) {
					m.over(time.Duration(rng.IntN(int(20 * time.Millisecond))))
				}
				p.cut()
				m.kill()
				p.again()
			}
			m.balances(c)
			m.say(fmt.Sprintf("%d power cuts", (powerCuts+1)/2), c.sent)
		})
	}
}
