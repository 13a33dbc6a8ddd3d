//go:build interop || torture

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// broken are the system calls that fail. mustStop: after that the server knows no longer what is on
// the disk, and has to end by itself.
var broken = []struct {
	call, err string
	mustStop  bool
}{
	{"fdatasync", "EIO", true}, {"pwrite64", "EIO", true}, {"pwrite64", "ENOSPC", true}, {"fsync", "EIO", false}, {"msync", "EIO", false},
	{"rename,renameat,renameat2", "EIO", false}, {"ftruncate", "EIO", false}, {"fallocate", "EIO", false}, {"fallocate", "ENOSPC", false},
	{"openat", "EIO", false}, {"openat", "ENOSPC", false}, {"mmap", "ENOMEM", false}, {"unlinkat,unlink", "EIO", false}, {"close", "EIO", false},
}

// Threat 39: the N-th call of a kind fails, for N from 1 until a whole life passes untouched. The
// server refuses to start in words, or stops, or goes on; started again it has lost and doubled nothing.
func TestSystemCallsFail(t *testing.T) {
	need(t, "strace")
	for _, b := range broken {
		t.Run(strings.ReplaceAll(b.call, ",", "+")+" "+b.err, func(t *testing.T) {
			m := newMachine(t, filepath.Join(t.TempDir(), "data"), "1MB", 0)
			c := m.customers(4, 10*time.Millisecond)
			struck := 0
			for n := 1; n <= ioErrors; n++ {
				hits := m.lifeWith(b.call, b.err, n, b.mustStop)
				if struck += hits; hits == 0 {
					break
				}
			}
			m.balances(c)
			m.say(fmt.Sprintf("%d calls failed", struck), c.sent)
		})
	}
}

// lifeWith is one life in which the n-th call fails, of each thread. It gives how many did.
func (m *machine) lifeWith(call, errno string, n int, mustStop bool) (hits int) {
	m.Helper()
	trace := filepath.Join(m.dir, "trace")
	_ = os.Remove(trace) // of the life before
	m.start("strace", "-f", "-qq", "-o", trace, "-e", "trace="+call, "-e", fmt.Sprintf("inject=%s:error=%s:when=%d", call, errno, n))
	died := m.diesWithin(lifeMails)
	failed := injected(trace)
	if mustStop && !died && len(failed) > 0 && !m.over(patience) {
		m.Errorf("%s, and the server goes on", failed[0])
	}
	m.kill()
	return len(failed)
}
