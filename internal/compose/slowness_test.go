//go:build !race

package compose

// slowness leaves room for a busy machine.
const slowness = 4
