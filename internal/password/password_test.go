package password

import (
	"strings"
	"testing"
)

// cheap is a hash of "secret" that costs little.
const cheap = "$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$"

func TestHashIsAcceptedOnlyForItsPassword(t *testing.T) {
	hash, err := Hash("correct horse")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("hash %q does not state the parameters", hash)
	}
	if err := Check(hash); err != nil {
		t.Errorf("Check of our own hash: %v", err)
	}
	for password, want := range map[string]bool{"correct horse": true, "correct horse ": false, "Correct horse": false, "": false} {
		if got := Verify(hash, password); got != want {
			t.Errorf("Verify(%q) = %v, want %v", password, got, want)
		}
	}
}

func TestHashesOfOnePasswordDiffer(t *testing.T) {
	a, _ := Hash("x")
	b, _ := Hash("x")
	if a == b {
		t.Error("two hashes are equal: the salt is not random")
	}
}

func TestHashRefusesEmptyAndEndlessPasswords(t *testing.T) {
	for _, password := range []string{"", strings.Repeat("x", MaxPassword+1)} {
		if _, err := Hash(password); err == nil {
			t.Errorf("a password of %d bytes was hashed", len(password))
		}
	}
}

// One of the test vectors of the reference implementation (phc-winner-argon2).
func TestVerifyReferenceVector(t *testing.T) {
	const hash = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	if !Verify(hash, "password") {
		t.Error("the reference hash of \"password\" is not accepted")
	}
}

func TestDummyIsAcceptedForNothing(t *testing.T) {
	if err := Check(Dummy); err != nil {
		t.Fatalf("Dummy: %v", err)
	}
	if Verify(Dummy, "") || Verify(Dummy, "password") {
		t.Error("a password matches Dummy")
	}
}

func TestVerifyRefusesAnEndlessPassword(t *testing.T) {
	hash, _ := Hash("")
	if Verify(hash, strings.Repeat("x", 1<<20)) || Verify("", "") {
		t.Error("accepted")
	}
}

func TestCheckRefuses(t *testing.T) {
	key := strings.Repeat("A", 43)
	for name, hash := range map[string]string{
		"empty":           "",
		"plain text":      "secret",
		"bcrypt":          "$2a$10$abcdefghijklmnopqrstuv",
		"argon2i":         "$argon2i$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$" + key,
		"old version":     "$argon2id$v=16$m=64,t=1,p=1$c2FsdHNhbHQ$" + key,
		"memory bomb":     "$argon2id$v=19$m=4194304,t=1,p=1$c2FsdHNhbHQ$" + key,
		"time bomb":       "$argon2id$v=19$m=64,t=4000000000,p=1$c2FsdHNhbHQ$" + key,
		"no lanes":        "$argon2id$v=19$m=64,t=1,p=0$c2FsdHNhbHQ$" + key,
		"256 lanes":       "$argon2id$v=19$m=64,t=1,p=256$c2FsdHNhbHQ$" + key,
		"no passes":       "$argon2id$v=19$m=64,t=0,p=1$c2FsdHNhbHQ$" + key,
		"too little":      "$argon2id$v=19$m=7,t=1,p=1$c2FsdHNhbHQ$" + key,
		"sign":            "$argon2id$v=19$m=+64,t=1,p=1$c2FsdHNhbHQ$" + key,
		"tail":            "$argon2id$v=19$m=64,t=1,p=1,x=1$c2FsdHNhbHQ$" + key,
		"short salt":      "$argon2id$v=19$m=64,t=1,p=1$c2E$" + key,
		"padded":          cheap + key + "=",
		"short key":       cheap + "AAAA",
		"long key":        cheap + strings.Repeat("A", 400),
		"base64 with dot": cheap + strings.Repeat(".", 43),
		"no key":          "$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHQ",
	} {
		if Check(hash) == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if err := Check(cheap + key); err != nil {
		t.Errorf("a good one: %v", err)
	}
}

func FuzzCheck(f *testing.F) {
	f.Add(Dummy)
	f.Add(cheap + strings.Repeat("A", 43))
	f.Add("$argon2id$v=19$m=64,t=1,p=1$$")
	f.Fuzz(func(t *testing.T, hash string) {
		h, err := parse(hash)
		if err == nil && (h.memory > maxMemory || h.passes > maxPasses || len(h.key) > maxBytes || len(h.salt) > maxBytes) {
			t.Errorf("%q is out of bounds", hash)
		}
	})
}
