package testkit

import (
	"testing"
	"time"

	"go.uber.org/goleak"
)

// Settled are the tests of a package for goleak.VerifyTestMain. What they leave
// running has a minute to end, since goleak itself waits half a second: little on
// a busy machine.
type Settled struct{ *testing.M }

// Run runs the tests, and waits.
func (s Settled) Run() int {
	code := s.M.Run()
	for end := time.Now().Add(time.Minute); code == 0 && time.Now().Before(end) && goleak.Find() != nil; {
	}
	return code
}
