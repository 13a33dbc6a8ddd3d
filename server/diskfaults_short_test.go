//go:build !torture

package server_test

// go test tries some of the calls and of the harms, make torture all of them.
const (
	diskStride = 17
	rotStride  = 5
	flips      = 1 // of each file
)
