//go:build !torture

package server_test

// diskStride: go test tries some of the calls, make torture all of them.
const diskStride = 13

// flips are those of one file.
const flips = 1
