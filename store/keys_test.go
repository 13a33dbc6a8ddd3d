package store

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"time"
)

// The bytes of keys sort as the values do, and no key is the beginning of
// another's range.
func FuzzKeyOrder(f *testing.F) {
	f.Add("a", uint64(1), "a\x00", uint64(2))
	f.Add("", uint64(0), "\x00", uint64(1<<63))
	f.Add("é", uint64(7), "e", uint64(7))
	f.Fuzz(func(t *testing.T, s1 string, n1 uint64, s2 string, n2 uint64) {
		want := strings.Compare(s1, s2)
		if want == 0 && n1 != n2 {
			want = 1
			if n1 < n2 {
				want = -1
			}
		}
		k1, k2 := key('T', s1, n1), key('T', s2, n2)
		if got := bytes.Compare(k1, k2); got != want {
			t.Fatalf("(%q, %d) and (%q, %d) compare as %d, want %d", s1, n1, s2, n2, got, want)
		}
		lo, hi := within(key('T', s1))
		in := bytes.Compare(k2, lo) >= 0 && bytes.Compare(k2, hi) < 0
		if in != (s1 == s2) {
			t.Fatalf("%q in the range of %q: %v", s2, s1, in)
		}
	})
}

func TestTimesBefore1970SortFirst(t *testing.T) {
	epoch := time.Unix(0, 0)
	if bytes.Compare(key('d', epoch.Add(-time.Hour)), key('d', epoch)) >= 0 {
		t.Error("an earlier time sorts later")
	}
}

// Numbers are written and read as other records are, only faster.
func FuzzCount(f *testing.F) {
	for _, n := range []int64{0, 1, -1, 1 << 62, math.MaxInt64, math.MinInt64} {
		f.Add(encodeCount(n), n)
	}
	f.Add([]byte("\x01 7 "), int64(7))
	f.Add([]byte("\x02 7"), int64(7))
	f.Fuzz(func(t *testing.T, b []byte, n int64) {
		if as, err := encode(n); err != nil || !bytes.Equal(encodeCount(n), as) {
			t.Fatalf("%d is written as %q, not as %q (%v)", n, encodeCount(n), as, err)
		}
		if got, err := decodeCount(encodeCount(n)); got != n || err != nil {
			t.Fatalf("%d is read as %d (%v)", n, got, err)
		}
		var want int64
		if err := decode(b, &want); err != nil {
			return
		}
		if got, err := decodeCount(b); got != want || err != nil {
			t.Fatalf("%q is read as %d (%v), want %d", b, got, err, want)
		}
	})
}

func TestARecordOfALaterProgramIsRefused(t *testing.T) {
	b, err := encode(7)
	if err != nil {
		t.Fatal(err)
	}
	b[0]++
	var n int
	if err := decode(b, &n); err == nil {
		t.Error("a newer record was read as if it were ours")
	}
}
