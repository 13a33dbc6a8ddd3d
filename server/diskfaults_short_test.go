//go:build !torture

package server_test

// diskStride: go test tries some of the calls, make torture all of them.
const diskStride = 13
