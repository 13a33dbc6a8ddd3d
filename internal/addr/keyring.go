package addr

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// keySize is the length of a key that we make, in bytes: that of the hash,
// RFC 2104 §3. Shorter ones are refused.
const keySize = 32

// KeyRing holds the keys that mint and verify tokens. The first mints, all
// verify. It is never changed: Rotate makes a new one. It may be used by many
// goroutines.
type KeyRing struct {
	keys []ringKey
}

type ringKey struct {
	id     byte
	secret []byte
}

// NewKeyRing makes a key ring in memory from secrets of at least 32 bytes, the
// newest first. Their ids count down to 1, so that the oldest is always 1.
func NewKeyRing(secrets ...[]byte) (*KeyRing, error) {
	if len(secrets) > 255 {
		return nil, errors.New("token keys: more than 255")
	}
	r := &KeyRing{}
	for i, s := range secrets {
		r.keys = append(r.keys, ringKey{id: byte(len(secrets) - i), secret: bytes.Clone(s)})
	}
	return r, r.check()
}

// check refuses a ring that would mint nothing, or something weak.
func (r *KeyRing) check() error {
	if len(r.keys) == 0 {
		return errors.New("token keys: there is none")
	}
	seen := map[byte]bool{}
	for _, k := range r.keys {
		if len(k.secret) < keySize {
			return fmt.Errorf("token keys: key %d is shorter than %d bytes", k.id, keySize)
		}
		if seen[k.id] {
			return fmt.Errorf("token keys: id %d is given twice", k.id)
		}
		seen[k.id] = true
	}
	return nil
}

// Rotate returns a ring with a new key in front; the old ones still verify. An
// error means that all 256 ids are taken.
func (r *KeyRing) Rotate() (*KeyRing, error) {
	id, ok := r.freeID()
	if !ok {
		return nil, errors.New("token keys: no free id, remove old keys from the file")
	}
	secret := make([]byte, keySize)
	if _, err := rand.Read(secret); err != nil {
		return nil, fmt.Errorf("token keys: %w", err)
	}
	keys := append([]ringKey{{id: id, secret: secret}}, r.keys...)
	return &KeyRing{keys: keys}, nil
}

// freeID is the next id after the newest key's that no key has: an id is not
// given again soon after its key was removed.
func (r *KeyRing) freeID() (byte, bool) {
	used := map[byte]bool{}
	for _, k := range r.keys {
		used[k.id] = true
	}
	next := byte(1)
	if len(r.keys) > 0 {
		next = r.keys[0].id + 1
	}
	for range 256 {
		if !used[next] {
			return next, true
		}
		next++
	}
	return 0, false
}

// find returns the key with an id, nil if there is none.
func (r *KeyRing) find(id byte) *ringKey {
	for i := range r.keys {
		if r.keys[i].id == id {
			return &r.keys[i]
		}
	}
	return nil
}

// MarshalText writes the ring in the format of the key file: comments, then
// one line "key ID BASE64 CHECKSUM" for each key, the one that mints first.
func (r *KeyRing) MarshalText() ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("# postdesk token keys. The first mints, all verify. Who has this file can forge tokens.\n")
	for _, k := range r.keys {
		fmt.Fprintf(&b, "key %d %s %s\n", k.id, base64.StdEncoding.EncodeToString(k.secret), k.checksum())
	}
	return b.Bytes(), nil
}

// checksum tells a key from one of which the disk has lost a bit: with that, all that people
// have in their mailboxes would cease to verify, and nobody would know why.
func (k *ringKey) checksum() string {
	return fmt.Sprintf("%08x", crc32.Update(crc32.ChecksumIEEE([]byte{k.id}), crc32.IEEETable, k.secret))
}

// ParseKeyRing reads the format of the key file. The checksum may be left out, for
// keys that were written by hand.
func ParseKeyRing(text []byte) (*KeyRing, error) {
	r := &KeyRing{}
	sc := bufio.NewScanner(bytes.NewReader(text))
	for n := 1; sc.Scan(); n++ {
		line := strings.TrimSpace(sc.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		k, err := parseKeyLine(line)
		if err != nil {
			return nil, fmt.Errorf("token keys: line %d: %w", n, err)
		}
		r.keys = append(r.keys, k)
	}
	if err := sc.Err(); err != nil {
		return nil, fmt.Errorf("token keys: %w", err)
	}
	return r, r.check()
}

func parseKeyLine(line string) (ringKey, error) {
	f := strings.Fields(line)
	if len(f) < 3 || len(f) > 4 || f[0] != "key" {
		return ringKey{}, errors.New(`want "key ID BASE64 CHECKSUM"`)
	}
	id, err := strconv.ParseUint(f[1], 10, 8)
	if err != nil {
		return ringKey{}, errors.New("the id is no number from 0 to 255")
	}
	secret, err := base64.StdEncoding.DecodeString(f[2])
	if err != nil {
		return ringKey{}, errors.New("the key is not base64")
	}
	k := ringKey{id: byte(id), secret: secret}
	if len(f) == 4 && f[3] != k.checksum() {
		return ringKey{}, errors.New("the key is not what its checksum says: the file is damaged, put it back from a backup")
	}
	return k, nil
}

// LoadKeyRing reads the key file. A file that others than its owner may read
// is refused.
func LoadKeyRing(path string) (*KeyRing, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("token keys: %w", err)
	}
	if st.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("token keys: %s has mode %04o, others may read it; make it 0600", path, st.Mode().Perm())
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("token keys: %w", err)
	}
	r, err := ParseKeyRing(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

// LoadOrCreateKeyRing reads the key file, or makes it with one new key. The
// new file is durable when it returns; of two processes that create it at the
// same time one wins and both get its key.
func LoadOrCreateKeyRing(path string) (*KeyRing, error) {
	r, err := LoadKeyRing(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return r, err
	}
	if r, err = (&KeyRing{}).Rotate(); err != nil {
		return nil, err
	}
	// A link, unlike a rename, fails when the name exists.
	if err = writeKeyFile(path, r, os.Link); errors.Is(err, fs.ErrExist) {
		return LoadKeyRing(path)
	}
	if err != nil {
		return nil, fmt.Errorf("token keys: %w", err)
	}
	return r, nil
}

// Save writes the ring over the key file, atomically and durably, mode 0600.
func (r *KeyRing) Save(path string) error {
	if err := writeKeyFile(path, r, os.Rename); err != nil {
		return fmt.Errorf("token keys: %w", err)
	}
	return nil
}

// writeKeyFile writes beside the file, syncs, puts the new file in its place
// and syncs the directory, so that a crash leaves the old or the new one.
func writeKeyFile(path string, r *KeyRing, place func(from, to string) error) error {
	text, err := r.MarshalText()
	if err != nil {
		return err
	}
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, ".token-keys-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	if err := place(f.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
