//go:build torture

package server_test

import "testing"

func TestOurReplyIsLostUpTo200Times(t *testing.T) {
	d := newDesk(t, noCaps)
	for n := 1; n <= 200; n += 1 + n/8 {
		d.losesReplies(n)
		d.customers.Forget()
	}
}
