package addr

import (
	"crypto/hmac"
	"crypto/sha256"
)

// Derive makes keys for another purpose from the token keys, the newest first:
// HMAC-SHA256 of the purpose's name, so that neither tells anything of the
// other (RFC 5869 §3.2).
func (r *KeyRing) Derive(purpose string) [][]byte {
	var keys [][]byte
	for _, k := range r.keys {
		h := hmac.New(sha256.New, k.secret)
		h.Write([]byte("postdesk " + purpose + "\x00"))
		keys = append(keys, h.Sum(nil))
	}
	return keys
}
