//go:build torture

package server_test

import "testing"

func TestTenThousandMailsWait(t *testing.T) { waitsLong(t, 10000, 7, true) }
