//go:build torture

package main

// The long form: make torture.
const (
	killsInAll    = 512
	killsPerRound = 64
	lifeMails     = 80 // that come out of a process that is not killed sooner
	ioErrors      = 12 // per kind of call
	powerCuts     = 50
)
