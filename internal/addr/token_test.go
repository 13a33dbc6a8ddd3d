package addr

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

func testRing(t testing.TB, seeds ...string) *KeyRing {
	t.Helper()
	var secrets [][]byte
	for _, s := range seeds {
		secrets = append(secrets, bytes.Repeat([]byte(s), keySize))
	}
	r, err := NewKeyRing(secrets...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

var usual = Token{Kind: KindTicket, Ticket: 12345, Item: 7, Person: Person{Agent: true, N: 3}}

func TestTokenRoundTrip(t *testing.T) {
	r := testRing(t, "k")
	rapid.Check(t, func(t *rapid.T) {
		tok := Token{
			Kind: Kind(rapid.IntRange(0, 63).Draw(t, "kind")), Ticket: rapid.Uint64().Draw(t, "ticket"), Item: rapid.Uint64().Draw(t, "item"),
			Person: Person{Agent: rapid.Bool().Draw(t, "agent"), N: rapid.Uint64().Draw(t, "n")},
		}
		s := r.Mint(tok)
		if got, ok := r.Verify(strings.ToUpper(s)); !ok || got != tok {
			t.Fatalf("%+v: %s gives %+v, %v", tok, s, got, ok)
		}
	})
}

func TestTokenIsShort(t *testing.T) {
	r := testRing(t, "k")
	if s := r.Mint(usual); len(s) > 28 || s[0] < 'a' || s[0] > 'z' {
		t.Errorf("%d characters: %s", len(s), s)
	}
	big := Token{Kind: KindParticipant, Ticket: 1<<28 - 1, Item: 1<<28 - 1, Person: Person{Agent: true, N: 1<<21 - 1}}
	s := r.Mint(big)
	if len(s) != MaxTokenLen {
		t.Errorf("%d characters, MaxTokenLen is %d", len(s), MaxTokenLen)
	}
	team := Address{Local: strings.Repeat("x", MaxTeamLocal), Domain: "example.com"}
	if _, err := Parse(TokenAddress(team, "", s).String()); err != nil {
		t.Error(err)
	}
	huge := Token{Kind: 63, Ticket: math.MaxUint64, Item: math.MaxUint64, Person: Person{Agent: true, N: math.MaxUint64}}
	if _, ok := r.Verify(r.Mint(huge)); !ok {
		t.Error("the longest token does not verify")
	}
}

// Every character that is not the right one is refused, spare bits included.
func TestTokenOneTextOnly(t *testing.T) {
	r := testRing(t, "k")
	for _, tok := range []Token{usual, {Kind: KindDesk, Person: Person{Agent: true, N: 1}}, {Kind: KindMessage, Ticket: 300, Item: 300, Person: Person{N: 300}}} {
		s := r.Mint(tok)
		for i := range s {
			for _, c := range "abcdefghijklmnopqrstuvwxyz234567" {
				if byte(c) == s[i] {
					continue
				}
				if _, ok := r.Verify(s[:i] + string(c) + s[i+1:]); ok {
					t.Fatalf("%s with %c at %d passes", s, c, i)
				}
			}
		}
		for _, v := range []string{s + "a", s[:len(s)-1], "a" + s, s + "=", s + "\n", s[:5] + "\r\n" + s[5:], strings.ReplaceAll(s, "k", "\u212a") + "\u212a", ""} {
			if _, ok := r.Verify(v); ok {
				t.Errorf("%q passes", v)
			}
		}
	}
}

// A number written longer than it need be, with a code that fits, is refused:
// only who has the key could make it, but two texts for one token must not be.
func TestTokenNumbersAreCanonical(t *testing.T) {
	r := testRing(t, "k")
	s := r.Mint(Token{Kind: KindLoop})
	raw, _ := tokenEncoding.DecodeString(s)
	long := append([]byte{raw[0], raw[1], 0x80}, raw[2:]...)
	if tok, _, ok := parseToken(long); !ok || tok.Kind != KindLoop {
		t.Fatal("the test is wrong")
	}
	if _, ok := r.Verify(tokenEncoding.EncodeToString(long)); ok {
		t.Error("a long form passes")
	}
}

func TestTokenKeysRotate(t *testing.T) {
	old := testRing(t, "k")
	s := old.Mint(usual)
	rotated, err := old.Rotate()
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := rotated.Verify(s); !ok || got != usual {
		t.Error("an old token does not verify after a rotation")
	}
	if rotated.Mint(usual) == s {
		t.Error("the old key still mints")
	}
	if _, ok := old.Verify(rotated.Mint(usual)); ok {
		t.Error("a key that is not there verifies")
	}
	if _, ok := testRing(t, "z").Verify(s); ok {
		t.Error("another key verifies")
	}
	r := old
	for range 255 {
		if r, err = r.Rotate(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.Rotate(); err == nil {
		t.Error("257 keys in one byte")
	}
}

func TestKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token.keys")
	var wg sync.WaitGroup
	rings := make([]*KeyRing, 8)
	for i := range rings {
		wg.Go(func() { rings[i], _ = LoadOrCreateKeyRing(path) })
	}
	wg.Wait()
	for _, r := range rings {
		if r == nil || r.Mint(usual) != rings[0].Mint(usual) {
			t.Fatal("two keys were created")
		}
	}
	next, err := rings[0].Rotate()
	if err != nil || next.Save(path) != nil {
		t.Fatal(err)
	}
	again, err := LoadOrCreateKeyRing(path)
	if err != nil || again.Mint(usual) != next.Mint(usual) {
		t.Fatal(err)
	}
	st, _ := os.Stat(path)
	if st.Mode().Perm() != 0o600 {
		t.Errorf("mode %o", st.Mode().Perm())
	}
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 1 {
		t.Errorf("%d files are left", len(left))
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadOrCreateKeyRing(path); err == nil || !strings.Contains(err.Error(), "0600") {
		t.Errorf("a file that all may read: %v", err)
	}
}

func TestKeyFileRefuses(t *testing.T) {
	key := "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
	for _, text := range []string{"", "# nothing\n", "key 1 short\n", "key 256 " + key, "key 1 AAAA", "key 1 " + key + "\nkey 1 " + key, "key 1 !!!", "1 " + key} {
		if _, err := ParseKeyRing([]byte(text)); err == nil {
			t.Errorf("%q was accepted", text)
		}
	}
}

func TestTokenAddress(t *testing.T) {
	tok := testRing(t, "k").Mint(usual)
	team := Address{Local: "relationclient", Domain: "example.com"}
	plus, own := TokenAddress(team, "", tok), TokenAddress(team, "Desk.example.com", tok)
	if plus.String() != "relationclient+t"+tok+"@example.com" || own.String() != "t"+tok+"@desk.example.com" {
		t.Error(plus, own)
	}
	for _, a := range []Address{plus, own, {Local: strings.ToUpper(plus.Local), Domain: "example.com"}} {
		if got, ok := FindToken(a, "desk.example.com"); !ok || got != tok {
			t.Error(a, got, ok)
		}
	}
	if base, _, _ := SplitToken(plus, ""); base != team {
		t.Error(base)
	}
	plusTeam := Address{Local: "sav+tfr", Domain: "example.com"}
	if base, got, ok := SplitToken(TokenAddress(plusTeam, "", tok), ""); !ok || base != plusTeam || got != tok {
		t.Error(base, got, ok)
	}
	for _, s := range []string{"relationclient@example.com", "relationclient+tva@example.com", "relationclient+2026@example.com", "t@desk.example.com", "+t" + tok + "@example.com", tok + "@example.com", "t" + tok + "@example.com"} {
		a, err := Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := FindToken(a, "desk.example.com"); ok {
			t.Error(s, got)
		}
	}
}

func TestMessageID(t *testing.T) {
	tok := testRing(t, "k").Mint(usual)
	for _, id := range []string{MessageID(tok, "k3x", "example.com"), MessageID(tok, "", "example.com")} {
		for _, v := range []string{id, strings.ToUpper(id), strings.ToLower(id), strings.Trim(id, "<>"), " " + id + " "} {
			if got, ok := TokenOfMessageID(v); !ok || got != tok {
				t.Error(v, got, ok)
			}
		}
	}
	for _, v := range []string{"", "<>", "<abc@example.com>", "<t@example.com>", "<t" + tok + ">", "<x" + tok + "@example.com>"} {
		if got, ok := TokenOfMessageID(v); ok {
			t.Error(v, got)
		}
	}
}

func FuzzToken(f *testing.F) {
	r := testRing(f, "k")
	f.Add(r.Mint(usual))
	f.Add(strings.ToUpper(r.Mint(Token{Kind: KindDesk})))
	f.Add("aeaaaaaaaaaaaaaaaaaaaaaaaaaa")
	f.Fuzz(func(t *testing.T, s string) {
		tok, ok := r.Verify(s)
		if ok && !strings.EqualFold(r.Mint(tok), s) {
			t.Fatalf("%q verifies as another text's token", s)
		}
		if got, ok := TokenOfMessageID(s); ok && !looksLikeToken(got) {
			t.Fatal(got)
		}
		if a, err := Parse(s); err == nil {
			FindToken(a, "x.example")
		}
	})
}

// FuzzKeyRing reads key files: one that is taken is written and read as itself.
func FuzzKeyRing(f *testing.F) {
	f.Add([]byte("# keys\nkey 1 " + strings.Repeat("QUJD", 11) + "\n"))
	f.Add([]byte("key 256 x\n\nkey 1"))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := ParseKeyRing(text)
		if err != nil {
			return
		}
		once, err := r.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		s, err := ParseKeyRing(once)
		if err != nil {
			t.Fatalf("%q: %v", once, err)
		}
		if twice, _ := s.MarshalText(); string(twice) != string(once) {
			t.Fatalf("%q, then %q", once, twice)
		}
	})
}
