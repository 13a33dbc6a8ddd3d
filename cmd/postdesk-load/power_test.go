//go:build interop || torture

package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"syscall"
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
				m.freezes()
				p.cut()
				m.kill()
				p.again()
			}
			m.balances(c)
			m.say(fmt.Sprintf("%d power cuts", (powerCuts+1)/2), c.sent)
		})
	}
}

// stands is a thread that stopped, or is in the kernel and stops before it comes back.
var stands = regexp.MustCompile(`(?m)^State:\s+[TDZX]`)

// freezes stops the processor, so to say, before the disk: a power cut takes both. When ext4 is shut down
// while it syncs it may say yes to a sync that is lost (about once in 400 cuts), and a process
// that still runs would pass that on.
func (m *machine) freezes() {
	m.Helper()
	pid := m.cmd.Process.Pid
	_ = syscall.Kill(-pid, syscall.SIGSTOP) // it may be gone
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
		running := 0
		for _, file := range threads {
			if b, err := os.ReadFile(file); err == nil && !stands.Match(b) {
				running++
			}
		}
		if running == 0 {
			return
		}
	}
	m.Fatal("the process does not stand still")
}
