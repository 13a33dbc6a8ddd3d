//go:build race

package compose

// slowness is what the race detector costs.
const slowness = 12
