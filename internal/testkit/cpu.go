package testkit

import (
	"syscall"
	"time"
)

// CPU is the processor time that this process has used. What it grows by does
// not depend on how busy the machine is otherwise; tests that bound it must not
// run beside others.
func CPU() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
