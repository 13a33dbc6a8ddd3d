//go:build !race

package mailauth

// raceFactor is how much slower the race detector makes what is timed.
const raceFactor = 1
