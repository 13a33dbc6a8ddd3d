//go:build torture

package server_test

const (
	diskStride = 1
	rotStride  = 1
	flips      = 7 // of each file
)
