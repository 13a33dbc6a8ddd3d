//go:build !race

package store

// poison does something only with the race detector.
func poison([]byte) {}
