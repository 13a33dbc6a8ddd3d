package password

import (
	"fmt"
	"strings"
	"testing"
)

// Threat 7: whoever measures how long a refusal takes must not learn which names there are, also where agents' hashes
// cost differently.
func TestUnknownNamesCostWhatAgentsCost(t *testing.T) {
	key := strings.Repeat("B", 42) + "A"
	agents := []string{
		"$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$" + key,
		"$argon2id$v=19$m=64,t=1,p=1$b3RoZXJzYWx0$" + key,
		"$argon2id$v=19$m=128,t=3,p=2$c2FsdHNhbHQ$" + key,
	}
	d := NewDecoys(append(agents, "", "not a hash"))
	again := NewDecoys([]string{agents[2], agents[0], agents[1]})
	costs := map[string]int{}
	for i := range 3000 {
		name := fmt.Sprintf("name%d@desk.example", i)
		hash := d.For(name)
		if err := Check(hash); err != nil {
			t.Fatal(err)
		}
		if hash != d.For(name) || hash != again.For(name) {
			t.Fatalf("the cost of %s changes", name)
		}
		costs[strings.Split(hash, "$")[3]]++
	}
	if dear := costs["m=128,t=3,p=2"]; len(costs) != 2 || dear < 800 || dear > 1200 {
		t.Errorf("costs of 3000 unknown names: %v; want those of the agents, as often", costs)
	}
}

// Names whose cost changes whenever somebody joins, leaves or has a new password would be known not to exist.
func TestOneAgentsChangeConcernsFewNames(t *testing.T) {
	key := strings.Repeat("B", 42) + "A"
	var agents []string
	for i := range 20 {
		agents = append(agents, fmt.Sprintf("$argon2id$v=19$m=%d,t=1,p=1$c2FsdHNhbHQ$%s", 64+i, key))
	}
	d, joined := NewDecoys(agents[:19]), NewDecoys(agents)
	changes := 0
	for i := range 2000 {
		name := fmt.Sprintf("name%d@desk.example", i)
		if now := joined.For(name); now != d.For(name) {
			changes++
			if !strings.Contains(now, "m=83,") {
				t.Fatalf("%s costs %s, which is not the new agent's", name, now)
			}
		}
	}
	if changes < 50 || changes > 150 {
		t.Errorf("%d of 2000 unknown names cost something else when an agent joins 19", changes)
	}
}

func TestDecoysAreAcceptedForNothing(t *testing.T) {
	d := NewDecoys([]string{cheap + strings.Repeat("A", 22)})
	for _, pass := range []string{"", "secret", strings.Repeat("\x00", 16)} {
		if Verify(d.For("anne"), pass) {
			t.Errorf("%q matches a decoy", pass)
		}
	}
}

func TestADeskWithoutPasswordsHasDummies(t *testing.T) {
	if got := NewDecoys(nil).For("anne"); got != Dummy {
		t.Errorf("the decoy is %s", got)
	}
}
