//go:build !race

package testkit

// RaceFactor is how much slower the race detector makes what is timed.
const RaceFactor = 1
