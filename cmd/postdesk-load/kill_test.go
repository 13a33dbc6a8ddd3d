//go:build interop || torture

package main

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"
)

// swept are the system calls at whose N-th the process is killed, and the step from N to N: a
// process makes many of some.
var swept = []struct {
	call string
	step int
}{
	{"fdatasync", 1}, {"msync", 1}, {"fsync", 1}, {"pwrite64", 1}, {"write", 2}, {"rename,renameat,renameat2", 1}, {"connect", 1},
	{"openat", 2}, {"ftruncate", 1}, {"fallocate", 1}, {"unlinkat,unlink", 1}, {"close", 2}, {"accept4", 1}, {"read", 3}, {"mmap", 1}, {"futex", 9},
}

// Threat 10: the process is killed by the N-th call of each kind, and started again, while customers send and
// the other side drops lines after the final dot. strace counts calls by thread, so that N is where
// the sweep goes on and not an exact place.
func TestKilledAtEverySystemCall(t *testing.T) {
	need(t, "strace")
	next := make([]int, len(swept))
	for round, kills := 0, 0; kills < killsInAll; round++ {
		n := min(killsPerRound, killsInAll-kills)
		t.Run(fmt.Sprintf("kills %d to %d", kills+1, kills+n), func(t *testing.T) {
			killRound(t, next, kills, n)
		})
		kills += n
		if t.Failed() {
			return
		}
	}
}

// diesWithin waits until the process has ended, or so many mails have come out of it.
func (m *machine) diesWithin(mails int) bool {
	had := len(m.sink.Arrivals())
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if m.over(2 * time.Millisecond) {
			return true
		}
		if len(m.sink.Arrivals()) >= had+mails {
			return false
		}
	}
	return false
}

// killRound kills a server n times and balances the books.
func killRound(t *testing.T, next []int, first, n int) {
	m := newMachine(t, filepath.Join(t.TempDir(), "data"), "1MB", 17)
	c := m.customers(4, 10*time.Millisecond)
	itself := 0
	for k := range n {
		i := (first + k) % len(swept)
		s := swept[i]
		next[i] += s.step
		m.start("strace", "-f", "-qq", "-o", filepath.Join(m.dir, "trace"), "-e", "trace="+s.call,
			"-e", fmt.Sprintf("inject=%s:signal=KILL:when=%d", s.call, next[i]))
		if !m.diesWithin(lifeMails) {
			m.kill() // so many calls are not made: this moment will do, and the sweep begins anew
			next[i] = 0
			itself++
		}
	}
	m.balances(c)
	m.say(fmt.Sprintf("%d kills, %d of them at no call in particular", n, itself), c.sent)
}
