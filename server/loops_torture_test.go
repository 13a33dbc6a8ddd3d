//go:build torture

package server_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"postdesk/internal/testkit"
)

// The same with the caps that are usual, and no end but theirs.
func TestTwoDesksAndAProxyWithTheUsualCaps(t *testing.T) {
	for _, c := range []proxy{
		{name: "subject and Message-ID", most: 60, changes: []testkit.Change{testkit.NewSubject, testkit.NewMessageID, testkit.RealSender}},
		{name: "prefixes", most: 60, changes: []testkit.Change{testkit.PrefixSubject, testkit.RealSender, testkit.Footer}},
		{name: "Auto-Submitted", most: 60, changes: []testkit.Change{testkit.Strip("Auto-Submitted"), testkit.NewSubject, testkit.NewMessageID, testkit.RealSender}},
		{name: "all marks", most: fixed(20, 2, 7), changes: []testkit.Change{marksStripped, testkit.NewMessageID, testkit.NewSubject, testkit.RealSender, testkit.DropExtensions, testkit.Footer}},
		{name: "all but From, To", most: fixed(20, 2, 7), changes: []testkit.Change{testkit.StripAllBut("From", "To"), testkit.RealSender, testkit.DropExtensions, testkit.Footer, testkit.Recode}},
		{name: "twice and late", most: 2 * fixed(20, 2, 7), changes: []testkit.Change{marksStripped, testkit.NewMessageID, testkit.NewSubject, testkit.RealSender, testkit.DropExtensions,
			testkit.Footer, testkit.Twice, testkit.Late(2 * time.Hour)}},
		{name: "another author each time", trips: true, most: 5000, changes: []testkit.Change{marksStripped, testkit.NewMessageID, testkit.NewSubject, testkit.RealSender,
			testkit.NewFrom(wild(60)...), testkit.DropExtensions, testkit.Addressed, testkit.Fresh}},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, 2) })
	}
}

// TestRandomLoops: POSTDESK_LOOP_SEEDS random proxies (12 by default), and the caps
// that are reached soon.
func TestRandomLoops(t *testing.T) {
	seeds, err := strconv.Atoi(os.Getenv("POSTDESK_LOOP_SEEDS"))
	if err != nil {
		seeds = 12
	}
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { randomLoop(t, 100+seed, 7) })
	}
}

func TestAThousandForgedSenders(t *testing.T) { forgedSenders(t, 100+rand.IntN(20)) }

func TestMailboxesThatAnswerEverythingForAWeek(t *testing.T) {
	for _, c := range automata {
		t.Run(c.name, func(t *testing.T) { c.run(t, 7) })
	}
}
