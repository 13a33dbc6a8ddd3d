//go:build torture

package server_test

import "testing"

func TestFiftyStopsWhileMailFlows(t *testing.T) { newDesk(t, noCaps).stops(50, 4) }
