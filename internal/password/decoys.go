package password

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"
)

// Decoys are what the password of an unknown name is verified against. Agents' hashes may have been made with
// different parameters, elsewhere or by an older version; with a single stand-in, every name whose answer takes
// another time would be known to exist. So an unknown name costs what some agent costs, and always the same agent.
type Decoys struct {
	list []decoy // one for each agent's hash
}

// decoy stands for an agent's hash.
type decoy struct {
	agent []byte // the hash itself, a secret
	hash  string // of the same cost, for no password
}

// NewDecoys makes a decoy for each of the hashes that Check accepts, in whatever order they come. Without any,
// all names get Dummy.
func NewDecoys(hashes []string) *Decoys {
	d := &Decoys{}
	for _, hash := range hashes {
		if h, err := parse(hash); err == nil {
			d.list = append(d.list, decoy{[]byte(hash), h.decoy()})
		}
	}
	return d
}

// For returns the decoy of a name: no password matches it. It can't be foretold without the agents' hashes, stays across
// restarts, and is another one only when that agent's password changes or a new agent's takes its place: names whose
// cost changes with every change of the agents would be known not to exist. It takes a microsecond for each agent, so
// ask for names that exist too.
func (d *Decoys) For(name string) string {
	best, first := Dummy, uint64(0)
	for _, x := range d.list { // rendezvous hashing
		mac := hmac.New(sha256.New, x.agent)
		mac.Write([]byte(name))
		if score := binary.BigEndian.Uint64(mac.Sum(nil)); score >= first {
			best, first = x.hash, score
		}
	}
	return best
}

// decoy is a hash of the same cost that matches nothing: its key is zero.
func (h parsed) decoy() string {
	zero := func(n int) string { return encoding.EncodeToString(make([]byte, n)) }
	return strings.Join([]string{"", "argon2id", version, fmt.Sprintf("m=%d,t=%d,p=%d", h.memory, h.passes, h.lanes),
		zero(len(h.salt)), zero(len(h.key))}, "$")
}
