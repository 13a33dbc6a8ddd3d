//go:build torture

package server_test

import "testing"

func TestLargeBombsOnEveryRoad(t *testing.T) { explodeEverywhere(t, 1<<20, 1) }

func TestLargeBombsBehindAFrontend(t *testing.T) { explodeBehindAFrontend(t, 1<<20, 1) }
