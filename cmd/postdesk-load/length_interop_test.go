//go:build interop && !torture

package main

// The short form, beside the conversations with other programs.
const (
	killsInAll    = 32
	killsPerRound = 32
	lifeMails     = 30 // that come out of a process that is not killed sooner
	ioErrors      = 2  // per kind of call
	powerCuts     = 4
)
