package password

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
)

// Decoys are what the password of an unknown name is verified against. Agents' hashes may have been made with
// different parameters, elsewhere or by an older version; with a single stand-in, every name whose answer takes
// another time would be known to exist. So an unknown name costs what some agent costs, and always the same agent.
type Decoys struct {
	key    []byte
	hashes []string // one for each agent's, of the same cost
}

// NewDecoys makes a decoy for each of the hashes that Check accepts, in whatever order they come. Without any,
// all names get Dummy.
func NewDecoys(hashes []string) *Decoys {
	d := &Decoys{hashes: []string{}}
	sum := sha256.New()
	for _, hash := range slices.Sorted(slices.Values(hashes)) {
		h, err := parse(hash)
		if err != nil {
			continue
		}
		fmt.Fprintln(sum, hash)
		d.hashes = append(d.hashes, h.decoy())
	}
	d.key = sum.Sum(nil)
	return d
}

// For returns the decoy of a name: no password matches it. The choice is stable while the agents' hashes stay,
// across restarts too, and can't be foretold without them.
func (d *Decoys) For(name string) string {
	if len(d.hashes) == 0 {
		return Dummy
	}
	mac := hmac.New(sha256.New, d.key)
	mac.Write([]byte(name))
	return d.hashes[binary.BigEndian.Uint64(mac.Sum(nil))%uint64(len(d.hashes))]
}

// decoy is a hash of the same cost that matches nothing: its key is zero.
func (h parsed) decoy() string {
	zero := func(n int) string { return encoding.EncodeToString(make([]byte, n)) }
	return strings.Join([]string{"", "argon2id", version, fmt.Sprintf("m=%d,t=%d,p=%d", h.memory, h.passes, h.lanes),
		zero(len(h.salt)), zero(len(h.key))}, "$")
}
