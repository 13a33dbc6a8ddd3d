//go:build torture

package server_test

import "testing"

func TestTenThousandSendersMakeNoSeries(t *testing.T) { newDesk(t, noCaps).manySenders(10000) }
