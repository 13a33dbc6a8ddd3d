// Package password hashes and verifies agents' passwords with argon2id
// (RFC 9106), in the PHC string format.
package password

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// Parameters of new hashes: 19 MiB, two passes, one lane. A verification takes
// some tens of milliseconds, and many at a time do not exhaust a small machine.
const (
	memory  = 19456 // KiB
	passes  = 2
	lanes   = 1
	saltLen = 16
	keyLen  = 32
)

// Limits of what Verify computes: a hash comes from the configuration file, and
// a wrong digit there must not cost gigabytes for each login.
const (
	maxMemory = 256 << 10 // KiB
	maxPasses = 16
	maxLanes  = 16
	maxBytes  = 64 // of salt and of key
	maxHash   = 512
)

// MaxPassword is the longest password in bytes. Longer ones are never right, so
// that a peer cannot make us hash megabytes.
const MaxPassword = 1024

// Dummy is a hash of the same cost as those of Hash that no password matches. See Decoys for
// where agents' hashes may cost something else.
const Dummy = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

// version of argon2 that hashes state, and that x/crypto computes: argon2.Version.
const version = "v=19"

// encoding is the PHC format's base64: without padding. Strict, so that one key
// has one form.
var encoding = base64.RawStdEncoding.Strict()

// Hash returns the argon2id hash of password with a random salt, as a PHC
// string. An empty password and one above MaxPassword are errors.
func Hash(password string) (string, error) {
	if password == "" {
		return "", errors.New("password is empty")
	}
	if len(password) > MaxPassword {
		return "", fmt.Errorf("password is longer than %d bytes", MaxPassword)
	}
	salt := make([]byte, saltLen)
	if _, err := rand.Read(salt); err != nil {
		return "", fmt.Errorf("salt: %w", err)
	}
	key := argon2.IDKey([]byte(password), salt, passes, memory, lanes, keyLen)
	return fmt.Sprintf("$argon2id$%s$m=%d,t=%d,p=%d$%s$%s", version, memory, passes, lanes,
		encoding.EncodeToString(salt), encoding.EncodeToString(key)), nil
}

// Verify reports whether password is the one that hash was made of. A hash that
// Check refuses matches nothing, and costs as much as Dummy; one whose key is zero
// matches nothing. The comparison takes constant time.
func Verify(hash, password string) bool {
	h, err := parse(hash)
	known := err == nil
	if !known {
		h, _ = parse(Dummy)
	}
	known = known && len(password) <= MaxPassword
	if !known {
		password = ""
	}
	key := argon2.IDKey([]byte(password), h.salt, h.passes, h.memory, h.lanes, uint32(len(h.key)))
	decoy := subtle.ConstantTimeCompare(h.key, make([]byte, len(h.key))) == 1
	return subtle.ConstantTimeCompare(key, h.key) == 1 && known && !decoy
}

// Check reports what is wrong with hash: it must be an argon2id PHC string with
// parameters within our limits.
func Check(hash string) error {
	_, err := parse(hash)
	return err
}

// parsed is a PHC string taken apart.
type parsed struct {
	memory, passes uint32
	lanes          uint8
	salt, key      []byte
}

func parse(hash string) (parsed, error) {
	parts := strings.Split(hash, "$")
	if len(hash) > maxHash || len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" {
		return parsed{}, errors.New("not an argon2id hash")
	}
	if parts[2] != version {
		return parsed{}, fmt.Errorf("not version %d of argon2", argon2.Version)
	}
	p, err := parseParameters(parts[3])
	if err != nil {
		return parsed{}, err
	}
	if p.salt, err = decode("salt", parts[4], 8); err != nil {
		return parsed{}, err
	}
	if p.key, err = decode("key", parts[5], 16); err != nil {
		return parsed{}, err
	}
	return p, nil
}

// parseParameters reads "m=19456,t=2,p=1". Formatting it again must give the
// same text: Sscanf alone lets signs, zeros and a tail through.
func parseParameters(text string) (parsed, error) {
	var m, t, l uint32
	n, err := fmt.Sscanf(text, "m=%d,t=%d,p=%d", &m, &t, &l)
	if err != nil || n != 3 || fmt.Sprintf("m=%d,t=%d,p=%d", m, t, l) != text {
		return parsed{}, errors.New("parameters are not m=…,t=…,p=…")
	}
	if l < 1 || l > maxLanes || t < 1 || t > maxPasses || m < 8*l || m > maxMemory {
		return parsed{}, fmt.Errorf("parameters %s are out of range", text)
	}
	return parsed{memory: m, passes: t, lanes: uint8(l)}, nil
}

func decode(what, text string, shortest int) ([]byte, error) {
	b, err := encoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("%s is not base64", what)
	}
	if len(b) < shortest || len(b) > maxBytes {
		return nil, fmt.Errorf("%s of %d bytes; want %d to %d", what, len(b), shortest, maxBytes)
	}
	return b, nil
}
