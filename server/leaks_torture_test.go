//go:build torture

package server_test

import "testing"

// The long forms: every bounce, and every mail of the corpora as an agent's answer, in several dresses.

func TestAllLabelledBounces(t *testing.T) {
	t.Parallel()
	bouncesOfTheWorld(t, 1)
}

func TestNoMarkLeavesInAnyMailOfTheCorpora(t *testing.T) { sweep(t, 1, 8) }
