//go:build torture

package server_test

const diskStride = 1

const flips = 15
