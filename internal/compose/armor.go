package compose

import (
	"bytes"
	"encoding/base64"
	"regexp"

	"postdesk/internal/addr"
	"postdesk/internal/message"
)

// maxArmored is the most of a file in which armored blocks are looked for, in bytes, and maxBlocks how many.
const (
	maxArmored = 1 << 20
	maxBlocks  = 20
)

// armored is a block of base64 between two lines that say what it is: RFC 7468 §2, RFC 9580 §6.2. Fields may
// stand above it, and a checksum below.
var armored = regexp.MustCompile(`-----BEGIN [A-Z0-9 ]{1,60}-----[ \t]*\r?\n(?:[A-Za-z-]+: [^\n]*\n)*((?:[A-Za-z0-9+/= \t]*\r?\n)*)`)

// dearmor is what the armored blocks of a file hold: keys and certificates, which name their owners.
func dearmor(b []byte) [][]byte {
	if len(b) > maxArmored || !bytes.Contains(b, []byte("-----BEGIN ")) {
		return nil
	}
	var list [][]byte
	for _, m := range armored.FindAllSubmatch(b, maxBlocks) {
		text, _, _ := bytes.Cut(bytes.Join(bytes.Fields(m[1]), nil), []byte("=")) // a checksum may follow
		out := make([]byte, base64.RawStdEncoding.DecodedLen(len(text)))
		n, _ := base64.RawStdEncoding.Decode(out, text) // as far as it goes
		list = append(list, out[:n])
	}
	return list
}

var addressInBytes = regexp.MustCompile(`[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9.-]{1,255}`)

// ownKey says whether a part is a key of an agent's own: programs attach it to each mail that they sign, and the
// signature is gone.
func (k *cleaner) ownKey(p *message.Part) bool {
	if p.MediaType != "application/pgp-keys" || k.rw.rewrite == nil {
		return false
	}
	data, _ := readPart(p)
	for _, key := range dearmor(data) {
		for _, found := range addressInBytes.FindAll(key, 50) {
			if a, err := addr.Parse(string(found)); err == nil {
				if _, own := k.rw.rewrite(a); own {
					return true
				}
			}
		}
	}
	return false
}
